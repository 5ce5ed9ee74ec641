"""The rules of symptoms, over all groups and days of generated communities at once.

It counts by day what happened in each group, then goes through the closes of all groups side by side: what
docs/groups.md defines, in an independent and much shorter form. Simplified: events come in order and in time,
nobody comes back, and any number of staff posts is remembered.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.quality.group_events import DAYS, END_MS, MEMBER, OPERATOR, Events, Flags, Floats, Group, Moments
from schemas.actions import AD, JOIN, LEAVE, POST
from schemas.group_rules import Groups, Symptoms
from schemas.rules import DAY_MS
from streams.calendar import Zone, hour_of, start_of_hour

MINUTE_MS = 60_000
WINDOW_DAYS = 28

Figures = dict[str, Floats]
"""Of each close: an array of days, or of groups by days."""


def starts_of_days(zone: str, begin: int) -> Moments:
    """The first moment of each local day from that of `begin` on, one more than `DAYS`."""
    place = Zone.of(zone)
    first = int(hour_of(place, begin)) // 24
    return np.array([start_of_hour(place, 24 * (first + day)) for day in range(DAYS + 1)], np.int64)


def past(daily: Floats, days: int, ago: int = 0) -> Floats:
    """Sums over so many days that end `ago` days before each day."""
    sums = np.concatenate([np.zeros(days + ago), np.cumsum(daily)])
    return np.asarray(sums[days : days + len(daily)] - sums[: len(daily)])


def windows(daily: Figures) -> Figures:
    """The sums of 7 days, of the 7 before, and of the 21 before, by the names of docs/groups.md."""
    found = {}
    for name, counts in daily.items():
        found[f"{name}_7"] = past(counts, 7)
        found[f"{name}_7_before"] = past(counts, 7, 7)
        found[f"{name}_21"] = past(counts, 21, 7)
    return found


def figures(group: Group) -> Figures:
    """Of the close of each day."""
    events = group.events
    starts = starts_of_days(group.zone, int(events.t[0]))
    day = np.searchsorted(starts, events.t, "right") - 1

    def count(mask: Flags) -> Floats:
        return np.bincount(day[mask], minlength=DAYS).astype(float)

    post = events.action == POST
    member, staff = post & (events.role == MEMBER), post & (events.role == OPERATOR)
    t = np.append(events.t[member], END_MS + DAY_MS)
    soon = t[np.searchsorted(t[:-1], events.t)] - events.t <= Groups().heard_minutes * MINUTE_MS
    newcomers, gone_early = _newcomers(events, day, starts, Groups().early_days * DAY_MS)
    daily = {
        "joins": count(events.action == JOIN),
        "leaves": count(events.action == LEAVE),
        "posts": count(member),
        "staff_posts": count(staff),
        "unheard": count(staff & ~soon),
        "ads": count(member & (events.kind == AD)),
    }
    return {"newcomers": newcomers, "gone_early": gone_early, **windows(daily)}


def _newcomers(events: Events, day: Moments, starts: Moments, early_ms: int) -> tuple[Floats, Floats]:
    """Newcomers, and those of them who are gone early, at each close."""
    never = 4 * END_MS
    count = int(events.user.max()) + 1
    joins, leaves = events.action == JOIN, events.action == LEAVE
    joined_at, joined_day, left_at = np.full(count, -1), np.zeros(count, np.int64), np.full(count, never)
    joined_at[events.user[joins]], joined_day[events.user[joins]] = events.t[joins], day[joins]
    left_at[events.user[leaves]] = events.t[leaves]
    user, t = events.user[~leaves], events.t[~leaves]
    soon = t < joined_at[user] + early_ms
    last_soon, back_at = joined_at.copy(), left_at.copy()
    np.maximum.at(last_soon, user[soon], t[soon])
    np.minimum.at(back_at, user[~soon], t[~soon])
    someone = joined_at >= 0
    first, left = joined_day[someone], left_at[someone]
    end = first + WINDOW_DAYS
    left_early = left - joined_at[someone] < early_ms
    left_day = np.searchsorted(starts, left, "right") - 1
    silent_day = np.searchsorted(starts, last_soon[someone] + early_ms) - 1
    back_day = np.searchsorted(starts, back_at[someone], "right") - 1
    gone_from = np.where(left_early, left_day, silent_day)
    gone_to = np.where(left_early, end, np.minimum(back_day, end))
    return _between(first, end), _between(gone_from, gone_to)


def _between(first: Moments, end: Moments) -> Floats:
    """How many of these spans of days each day is in."""
    some = first < end
    change = np.zeros(2 * DAYS)
    np.add.at(change, first[some], 1)
    np.add.at(change, np.minimum(end[some], 2 * DAYS - 1), -1)
    return np.asarray(np.cumsum(change)[:DAYS])


Rule = Callable[[Figures, Symptoms], tuple[Flags, Flags]]
"""Where a symptom opens if it isn't there, and where it stays if it is."""


def share(part: str, whole: str, line: str, least: str, sure: str) -> Rule:
    """A part that is surely over a line of a whole; names of figures and of thresholds."""

    def rule(f: Figures, s: Symptoms) -> tuple[Flags, Flags]:
        n = sum((f[name] for name in whole.split()), np.zeros(1))
        p = getattr(s, line)
        doubt = getattr(s, sure) * np.sqrt(p * (1 - p) * n)
        return (n >= getattr(s, least)) & (f[part] > p * n + doubt), f[part] > s.keep * p * n

    return rule


def _differs(f: Figures, name: str, sure: float) -> Flags:
    """Surely another number than in the 7 days before."""
    now, before = f[f"{name}_7"], f[f"{name}_7_before"]
    return np.asarray(np.abs(now - before) >= sure * np.sqrt(now + before))


def _differs_from_three(f: Figures, name: str, sure: float) -> Flags:
    """Surely another number than in a week of the 3 before."""
    now, three = f[f"{name}_7"], f[f"{name}_21"]
    return np.asarray(np.abs(now - three / 3) >= sure * np.sqrt(now + three / 9))


def hollow(f: Figures, s: Symptoms) -> tuple[Flags, Flags]:
    """Hollow growth: by the week before and by the three weeks before, surely by those three."""
    joins, before, posts, had = f["joins_7"], f["joins_7_before"], f["posts_7"], f["posts_7_before"]
    opens = (before > 0) & (had > 0) & (joins > 0) & (f["joins_21"] >= s.growth_joins)
    opens &= (joins >= s.growth * before) & (posts <= s.fall * had)
    opens &= (joins >= s.growth * f["joins_21"] / 3) & (posts <= s.fall * f["posts_21"] / 3)
    opens &= _differs_from_three(f, "joins", s.growth_sure) & _differs_from_three(f, "posts", s.fall_sure)
    return opens, (joins >= s.keep * s.growth * before) & (s.keep * posts <= s.fall * had) & (had > 0)


def chaos(f: Figures, s: Symptoms) -> tuple[Flags, Flags]:
    """The chaos warning; `spam` is whether spam-ridden is open."""
    joins, before, leaves, spam = f["joins_7"], f["joins_7_before"], f["leaves_7"], f["spam"] > 0
    opens = (joins >= s.chaos_joins) & (joins >= s.chaos_growth * before)
    opens &= _differs(f, "joins", s.chaos_sure) & (joins >= s.chaos_growth * f["joins_21"] / 3)
    opens &= _differs_from_three(f, "joins", s.chaos_rise)
    many = (leaves > s.chaos_leaves * joins) & (leaves > f["leaves_21"] / 3)
    opens &= spam | (many & _differs_from_three(f, "leaves", s.chaos_rise))
    stays = (joins >= s.keep * s.chaos_growth * before) & (joins > 0)
    return opens, stays & ((leaves > s.keep * s.chaos_leaves * joins) | spam)


def deaf(f: Figures, _: Symptoms) -> tuple[Flags, Flags]:
    """`deaf` is whether the alert benefit_lift_lost is open."""
    return f["deaf"] > 0, f["deaf"] > 0


RULES: dict[str, Rule] = {
    "hit_and_run": share("gone_early", "newcomers", "early_part", "early_joins", "early_sure"),
    "hollow_growth": hollow,
    "monologue": share("staff_posts_7", "posts_7 staff_posts_7", "staff_part", "staff_posts", "staff_sure"),
    "no_response": share("unheard_7", "staff_posts_7", "unheard_part", "heard_posts", "heard_sure"),
    "benefit_deaf": deaf,
    "spam_ridden": share("ads_7", "posts_7", "ads_part", "ads_posts", "ads_sure"),
    "chaos_warning": chaos,
}


def close_all(f: Figures, s: Symptoms) -> dict[str, Flags]:
    """Whether each symptom is open after the close of each day; groups by days."""
    found: dict[str, Flags] = {}
    for name, rule in RULES.items():  # chaos comes after spam
        if name == "chaos_warning":
            f = {**f, "spam": found["spam_ridden"].astype(float)}
        opens, stays = rule(f, s)
        state, out = np.zeros(len(opens), np.bool_), np.zeros(opens.shape, np.bool_)
        for day in range(opens.shape[1]):
            state = np.where(state, stays[:, day], opens[:, day])
            out[:, day] = state
        found[name] = out
    return found
