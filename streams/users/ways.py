"""The ways from where a person stands to other segments: what time brings, and what they would have to do.

The definition of the ladders is ``docs/people.md``. A row of `users` says how many of the 28 days up to the
last active one were active, not which: some moments are known exactly, others only to lie between two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.rules import DAY_MS
from streams.users.standing import WINDOW_DAYS, Standing

STAFF = ("operator", "moderator")
BY_SCORE = ("none", "potential", "intent", "strong")


@dataclass(frozen=True)
class Way:
    """One way to another segment of a ladder."""

    to: tuple[str, ...]
    """The segments that it may lead to."""
    takes: str
    earliest: int | None = None
    """What time alone brings: when at the earliest, in ms. None: something must be done."""
    latest: int | None = None
    """When at the latest. None: it may not come at all."""


def ways(person: Standing) -> dict[str, list[Way]]:
    """Of each ladder every way on, what time brings first."""
    lifecycle = list(_lifecycle(person))
    found = {
        "lifecycle": lifecycle,
        "pyramid": list(_pyramid(person, lifecycle)),
        "intent": list(_intent(person)),
        "closeness": list(_closeness(person)),
        "level": list(_level(person)),
    }
    return {ladder: sorted(them, key=lambda way: way.earliest is None) for ladder, them in found.items()}


def _by_time(
    person: Standing, to: str | tuple[str, ...], since: str, when: int | tuple[int, int | None], takes: str
) -> Way:
    """A way that time brings: not before the segment began, and as far as it is uncertain, not before now."""
    first, last = when if isinstance(when, tuple) else (when, when)
    first = max(first, person.at(since))
    last = None if last is None else max(last, person.at(since))
    if first != last and (last is None or last > person.now):
        first = max(first, person.now)
    return Way((to,) if isinstance(to, str) else to, takes, first, last)


# --- lifecycle -----------------------------------------------------------------------------------


def _lifecycle(person: Standing) -> Iterator[Way]:
    rules, segment = person.rules.lifecycle, person.row["segment"]
    match segment:
        case "new":
            until = person.at("segment_since") + rules.new_days * DAY_MS
            few = f"fewer than {rules.active_min_days} active days until then"
            yield _by_time(person, "join_and_stay", "segment_since", until, few)
        case "active":
            yield _silent(person)
            yield Way(("core",), _core_takes(person))
        case "core":
            yield from _core_ends(person)
        case "resurrected":
            yield from _return_ends(person)
        case "silent" | "join_and_stay":
            until = person.last_at + rules.lost_days * DAY_MS
            quiet = f"{_days(rules.lost_days)} without activity"
            yield _by_time(person, "lost", "segment_since", until, quiet)
    if segment in ("new", "join_and_stay"):
        yield Way(("active",), _more_days(person, rules.active_min_days))
    if segment in ("silent", "lost"):
        yield Way(("resurrected",), "any activity")
    if segment != "lost":
        yield Way(("lost",), f"leaving every group that they are in ({person.row['groups']} now)")


def _silent_at(person: Standing) -> int:
    return person.last_at + person.rules.lifecycle.silent_days * DAY_MS


def _silent(person: Standing) -> Way:
    quiet = f"{_days(person.rules.lifecycle.silent_days)} without activity"
    return _by_time(person, "silent", "segment_since", _silent_at(person), quiet)


def _core_takes(person: Standing) -> str:
    rules, score = person.rules.lifecycle, person.score(person.now)
    needs = []
    if person.active_days < rules.core_enter_days:
        needs.append(_more_days(person, rules.core_enter_days))
    if score < rules.core_enter_score:
        needs.append(f"a score of {_number(rules.core_enter_score)} ({_number(score)} now)")
    return " and ".join(needs) or "one more activity, before days or score fade"


def _core_ends(person: Standing) -> Iterator[Way]:
    """The earliest of three: silence, too few days, too low a score; of the days it is known roughly when."""
    rules = person.rules.lifecycle
    silent, faded = _silent_at(person), person.score_below(rules.core_keep_score)
    first, last = person.fewer_days(rules.core_keep_days)
    if first < silent and first <= faded:
        few = f"fewer than {rules.core_keep_days} of 28 days active ({_up_to(person.active_days)})"
        yield _by_time(person, "active", "segment_since", (first, min(last, silent, faded)), few)
    if faded < silent and faded < last:
        low = f"a score below {_number(rules.core_keep_score)} ({_number(person.score(person.now))} now)"
        yield _by_time(person, "active", "segment_since", faded, low)
    if silent <= faded and silent <= last:
        yield _silent(person)


def _return_ends(person: Standing) -> Iterator[Way]:
    rules = person.rules.lifecycle
    kept = person.at("segment_since") + rules.resurrected_days * DAY_MS
    # Of the active days up to the last, so many at most are out of the window by then.
    gone = max(person.day(kept) - person.last_day, 0)
    most, least = person.active_days, max(person.active_days - gone, 1)
    if kept >= _silent_at(person) or most < rules.active_min_days:
        yield _silent(person)
        return
    to: tuple[str, ...] = ("active",)
    if most >= rules.core_enter_days and person.score(kept) >= rules.core_enter_score:
        to = ("core",) if least >= rules.core_enter_days else ("core", "active")
    certain = least >= rules.active_min_days
    back = (
        f"{_days(rules.resurrected_days)} after their return, with {rules.active_min_days} active days in 28"
    )
    yield _by_time(person, to, "segment_since", (kept, kept if certain else None), back)
    if not certain:
        yield _silent(person)


# --- pyramid -------------------------------------------------------------------------------------


def _pyramid(person: Standing, lifecycle: list[Way]) -> Iterator[Way]:
    rules, row = person.rules.pyramid, person.row
    segment = row["pyramid"]
    by_time = [way for way in lifecycle if way.earliest is not None]
    joined = person.at("joined_at")
    if segment == "valuable":
        yield _value_ends(person, by_time)
    if segment == "general" and person.done == 0 and joined:
        idle = f"{_days(rules.invalid_days)} since joining without a post, share, purchase or view"
        yield _by_time(person, "invalid", "pyramid_since", joined + rules.invalid_days * DAY_MS, idle)
    if segment in ("general", "invalid"):
        for way in by_time:
            if "core" in way.to and way.earliest is not None:
                when = (way.earliest, way.latest if way.to == ("core",) else None)
                yield _by_time(person, "valuable", "pyramid_since", when, "core on the lifecycle by then")
        yield Way(("valuable",), "a purchase, or core on the lifecycle")
    if segment == "invalid":
        yield Way(("general",), "a post, share or view")
    if segment in ("valuable", "general", "invalid"):
        more = rules.organiser_invited - row["invites_stayed"]
        people = "person who stays" if more == 1 else "people who stay"
        counted = f"{row['invites_stayed']} of {rules.organiser_invited}"
        yield Way(("organiser",), f"{more} more invited {people} ({counted})")
    if segment == "staff":
        yield Way((_below_staff(person),), "a post or a join as a member")
    else:
        yield Way(("staff",), f"a post or a join as {' or '.join(STAFF)}")


def _value_ends(person: Standing, by_time: list[Way]) -> Way:
    rules, bought = person.rules.pyramid, person.at("purchase_at")
    lately = f"{_days(rules.valuable_days)} since the last purchase"
    ends = bought + rules.valuable_days * DAY_MS if bought else 0
    to = ("general", "invalid") if person.done == 0 and person.at("joined_at") else ("general",)
    if person.row["segment"] == "core":
        takes = "no longer core on the lifecycle" + (f", and {lately}" if bought else "")
        first = min(way.earliest for way in by_time if way.earliest is not None)
        last = min(way.latest for way in by_time if way.latest is not None)
        return _by_time(person, to, "pyramid_since", (max(first, ends), max(last, ends)), takes)
    ends = max(ends, person.at("segment_since"))
    core_before = any(
        "core" in way.to and way.earliest is not None and way.earliest <= ends for way in by_time
    )
    return _by_time(person, to, "pyramid_since", (ends, None if core_before else ends), lately)


def _below_staff(person: Standing) -> str:
    rules, row, bought = person.rules.pyramid, person.row, person.at("purchase_at")
    if row["invites_stayed"] >= rules.organiser_invited:
        return "organiser"
    bought_lately = bought and person.now < bought + rules.valuable_days * DAY_MS
    return "valuable" if bought_lately or row["segment"] == "core" else "general"


# --- intent --------------------------------------------------------------------------------------


def _intent(person: Standing) -> Iterator[Way]:
    rules, segment = person.rules.intent, person.row["intent"]
    if segment == "hunter":
        yield from _hunting_ends(person)
        return
    score = _number(person.intent_score(person.now))
    thresholds = (("intent", rules.intent_score), ("strong", rules.strong_score))
    for to, (from_segment, threshold) in zip(("potential", "intent"), thresholds, strict=True):
        if segment == from_segment:
            low = f"a score below {_number(threshold)} ({score} now)"
            yield _by_time(person, to, "intent_since", person.intent_below(threshold), low)
    if segment == "none":
        yield Way(("potential",), "a view, a question, a benefit action or a click on a share")
    for to, threshold in thresholds:
        if segment in BY_SCORE[: BY_SCORE.index(to)]:
            yield Way((to,), f"a score of {_number(threshold)} ({score} now)")
    if segment in BY_SCORE:
        yield Way(("buyer",), "a purchase")
    yield from _becomes_hunter(person)


def _hunting_ends(person: Standing) -> Iterator[Way]:
    least, found = person.rules.intent.hunter_benefits, person.row["benefits_28"]
    first, last = person.window_ends()
    few = f"fewer than {least} benefit actions in 28 days ({_up_to(found)})"
    to = _after_hunting(person, max(first, person.now), last)
    yield _by_time(person, to, "intent_since", (first, last), few)
    if person.row["purchases"]:
        yield Way(("buyer",), "a talk, a question or a purchase")
    else:
        yield Way(_after_hunting(person, person.now, person.now), "a talk or a question")
        yield Way(("buyer",), "a purchase")


def _after_hunting(person: Standing, first: int, last: int) -> tuple[str, ...]:
    """Where a hunter may go between two moments, as the score fades."""
    if person.row["purchases"]:
        return ("buyer",)
    rules = person.rules.intent

    def by_score(moment: int) -> int:
        score = person.intent_score(moment)
        return sum((score > 0, score >= rules.intent_score, score >= rules.strong_score))

    return tuple(BY_SCORE[by_score(last) : by_score(first) + 1][::-1])


def _becomes_hunter(person: Standing) -> Iterator[Way]:
    least, found = person.rules.intent.hunter_benefits, person.row["benefits_28"]
    quiet = f"{WINDOW_DAYS} days without a talk, a question or a purchase"
    if found < least:
        actions = "action" if least - found == 1 else "actions"
        more = f"{_at_least(person)}{least - found} more benefit {actions} ({_up_to(found, least)})"
        yield Way(("hunter",), f"{more}, and {quiet}")
        return
    days = [person.last_day, person.day(person.at("intent_since"))]
    if bought := person.at("purchase_at"):
        days.append(person.day(bought) + WINDOW_DAYS - 1)
    first, last = (person.start(day) for day in (max(days) + 1, person.last_day + WINDOW_DAYS - 1))
    if first <= last and person.now < last:
        takes = f"{quiet}, while {least} of their benefit actions are in the 28 days"
        yield _by_time(person, "hunter", "intent_since", (first, None), takes)


# --- closeness -----------------------------------------------------------------------------------


def _closeness(person: Standing) -> Iterator[Way]:
    rules, row = person.rules.closeness, person.row
    if row["closeness"] == "rely":
        yield _rely_ends(person)
        return
    if row["closeness"] == "like":
        few = f"fewer than {rules.like_own} talks, questions and shares in 28 days ({_up_to(row['own_28'])})"
        yield _by_time(person, "know", "closeness_since", person.window_ends(), few)
    else:
        more = max(rules.like_own - row["own_28"], 1)
        own = "talk, question or share" if more == 1 else "talks, questions or shares"
        yield Way(
            ("like",), f"{_at_least(person)}{more} more {own} ({_up_to(row['own_28'], rules.like_own)})"
        )
    bought = "a purchase" if rules.rely_purchases == 1 else f"{rules.rely_purchases} purchases"
    days = _more_days(person, rules.rely_days)
    yield Way(("rely",), f"{days}, or {bought} within {_days(rules.rely_purchase_days)}")


def _rely_ends(person: Standing) -> Way:
    rules, row = person.rules.closeness, person.row
    first, last = person.fewer_days(rules.rely_days)
    takes = f"fewer than {rules.rely_days} of 28 days active ({_up_to(person.active_days)})"
    if bought := person.at("purchase_at" if rules.rely_purchases == 1 else "purchase_before"):
        ends = bought + rules.rely_purchase_days * DAY_MS
        first, last = max(first, ends), max(last, ends)
        takes += f", and fewer than {rules.rely_purchases} purchases in {_days(rules.rely_purchase_days)}"
    has_own = row["own_28"] >= rules.like_own and person.day(first) < person.last_day + WINDOW_DAYS
    to = ("like", "know") if has_own else ("know",)
    return _by_time(person, to, "closeness_since", (first, last), takes)


# --- level ---------------------------------------------------------------------------------------


def _level(person: Standing) -> Iterator[Way]:
    rules, level = person.rules.level, person.row["level"]
    thresholds, decay = rules.thresholds, rules.decay_days * DAY_MS
    points: float = person.row["level_points"]
    # The row does not say how often the points were multiplied since the last activity: up to the last change
    # of level; or up to some moment until now, if an invited person stayed meanwhile.
    known = max(person.at("level_since") - person.last_at, 0) // decay
    passed = max(person.now - person.last_at, 0) // decay
    most = max(known, passed) if person.row["invites_stayed"] else known
    if 0 < level <= len(thresholds):
        times, left = _decays(points, thresholds[level - 1], rules.decay_keep)
        to = f"level_{sum(threshold <= left for threshold in thresholds)}"
        first, last = (person.last_at + (done + times) * decay for done in (known, most))
        kept = f"{_number(rules.decay_keep * 100)} % of the points"
        takes = f"each {_days(rules.decay_days)} without activity leave {kept}"
        yield _by_time(person, to, "level_since", (first, last), takes)
    if level < len(thresholds):
        points *= rules.decay_keep ** max(passed - known, 0)
        needed = thresholds[level]
        more = max(math.ceil(needed - points), 1)
        counted = f"{_number(points)} of {_number(needed)}"
        yield Way((f"level_{level + 1}",), f"{more:,} more {'point' if more == 1 else 'points'} ({counted})")


def _decays(points: float, threshold: float, keep: float) -> tuple[int, float]:
    """How many decays until points are below a threshold, and what is left."""
    times = 0
    while points >= threshold:
        points *= keep
        times += 1
    return times, points


# --- words ---------------------------------------------------------------------------------------


def _more_days(person: Standing, needed: int) -> str:
    more = max(needed - person.active_days, 1)
    days = "day" if more == 1 else "days"
    return f"{_at_least(person)}{more} more active {days} ({_up_to(person.active_days, needed)})"


def _at_least(person: Standing) -> str:
    """Of the windows that end on the last active day, days may be out by now."""
    return "at least " if person.day(person.now) > person.last_day else ""


def _up_to(number: int, needed: int | None = None) -> str:
    return f"{number}{f' of {needed}' if needed else ''} in the 28 up to their last"


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _number(value: float) -> str:
    """With at most two decimals, cut: what is below a threshold never reads as if it were not."""
    return f"{math.floor(round(value * 100, 6)) / 100:,.2f}".rstrip("0").removesuffix(".")
