"""Generated groups that ail: what people do in half a year, and what is true of it by its rates.

Hours have the rhythm of a day and a week in the group's time zone; the level drifts, wanders from week to week
and has holidays; days vary as a whole (gamma) and posts come in conversations, so counts an hour and a day are
negative binomial or worse. Staff post topics at work hours, some get answers; benefits draw more posts for an
hour; newcomers stay (and look in) or go. One symptom at most is planted in a group, for two to six weeks.
Nothing here knows the rules; `expected` is what the rates alone say of each day, without any noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bench.quality.rhythm import DAY_MS, HOUR_MS, START_MS, ZONES, local_hours
from schemas.actions import ACTION_CODES, AD, BENEFIT, JOIN, KINDS, LEAVE, POST, QUESTION, ROLES, TALK, VIEW

Moments = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

WEEKS = 26
DAYS = WEEKS * 7 + 2
"""Local days that a group may see."""
END_MS = START_MS + WEEKS * 7 * DAY_MS
PLANTABLE = (
    "hit_and_run", "hollow_growth", "monologue", "no_response", "benefit_deaf", "spam_ridden", "chaos_warning",
)  # fmt: skip
FIRST_SPELL_DAY = 60
HEARD_H = 0.5
GAP_H = 2 * np.exp(0.5) / 60
"""Mean hours between posts of a conversation."""
ANSWER_IN_TIME = 0.91
"""Part of first answers to staff that come within `HEARD_H`."""
EARLY_DAYS = 7
NOBODY = -1
MEMBER, OPERATOR = ROLES.index("member"), ROLES.index("operator")
STAFF = 3


class Events(NamedTuple):
    """What happened in a group, in order; a column each, whole numbers."""

    t: Moments
    user: Moments
    action: Moments
    role: Moments
    kind: Moments
    content: Moments
    """0: none."""
    reply_to: Moments


class Spell(NamedTuple):
    """A planted symptom."""

    symptom: str
    first: int
    end: int
    """Local days, half open."""


@dataclass(frozen=True)
class Traits:
    """What a generated group is like."""

    posts_a_day: float
    """Of members, in conversations."""
    in_talk: float
    """Posts a conversation."""
    day_shape: float
    staff_a_day: float
    answered: float
    ads: float
    joins_a_day: float
    early: float
    looks_a_day: float
    base_leaves: float
    lift: float
    benefits_a_week: int
    fixed_hour: bool


@dataclass(frozen=True)
class Group:
    """A generated group."""

    name: str
    zone: str
    traits: Traits
    events: Events
    spell: Spell | None
    expected: dict[str, Floats]
    """A figure for each local day: joins, gone (of those who join then, early), leaves, posts, staff_posts,
    unheard, ads."""
    benefits: Moments
    lifts: Floats
    """Of each benefit, the true one; and"""
    weights: Floats
    """what is usual in its hour."""


def local_days(zone: str) -> tuple[Moments, Moments]:
    """Of each hour: hour of the week, and local day, from 0."""
    hour_of_week, day = local_hours(zone, WEEKS)
    return hour_of_week, day - day[0]


def rows(group: Group) -> Iterator[dict[str, object]]:
    """The group's events with the contract's words, for a run of the real stages."""
    names = list(ACTION_CODES)
    for t, user, action, role, kind, content, reply_to in zip(*(c.tolist() for c in group.events), strict=True):
        row: dict[str, object] = {
            "t": t, "group_id": group.name, "user_id": f"u{user}", "action": names[action],
            "role": ROLES[role], "kind": KINDS[kind], "content_id": f"c{content}" if content else "",
            "reply_to": f"c{reply_to}" if reply_to else "",
        }  # fmt: skip
        yield row


def generate(number: int, seed: int, symptom: str | None, most_in_talk: float = 4.0) -> Group:
    """The group of this number; the same for the same arguments."""
    rng = np.random.default_rng((seed, number))
    traits = _traits(rng, most_in_talk)
    if symptom == "benefit_deaf":
        traits = Traits(**{**vars(traits), "lift": 3.0})
    spell = None
    if symptom:
        length = int(rng.integers(14, 43))
        first = int(rng.integers(FIRST_SPELL_DAY, WEEKS * 7 - 7 - length))
        spell = Spell(symptom, first, first + length)
    return _Maker(rng, f"g{number}", str(rng.choice(ZONES)), traits, spell).group()


def _traits(rng: np.random.Generator, most_in_talk: float) -> Traits:
    posts = float(np.exp(rng.uniform(np.log(2), np.log(200))))
    return Traits(
        posts_a_day=posts,
        in_talk=float(np.exp(rng.uniform(0, np.log(min(most_in_talk, posts))))),
        day_shape=rng.uniform(4, 20),
        staff_a_day=rng.uniform(0.4, 1.6) * posts**0.5,
        answered=rng.uniform(0.35, 0.9),
        ads=0.15 * rng.uniform() ** 2,
        joins_a_day=rng.uniform(0.3, 1.2) * posts**0.5,
        early=rng.uniform(0.03, 0.2),
        looks_a_day=rng.uniform(0.5, 1.5),
        base_leaves=rng.uniform(0.2, 0.8),
        lift=float(rng.choice([rng.uniform(1.0, 1.2), rng.uniform(1.7, 4.0)], p=[0.2, 0.8])),
        benefits_a_week=int(rng.choice([2, 3, 5, 7])),
        fixed_hour=bool(rng.uniform() < 0.5),
    )


def _bump(centre: float, width: float) -> Floats:
    hours = np.arange(24) + 0.5
    return np.asarray(np.exp((np.cos((hours - centre) * np.pi / 12) - 1) * (12 / np.pi / width) ** 2))


def _week(rng: np.random.Generator, noon: float, evening: float, night: float, weekend: float) -> Floats:
    """The relative rate of each hour of a week, of mean 1."""
    day = night + noon * _bump(rng.uniform(10, 14), 3.0) + evening * _bump(rng.uniform(18, 21.5), 2.5)
    week = np.outer(rng.lognormal(0, 0.12, 7) * np.array([1.0] * 5 + [weekend] * 2), day).ravel()
    return np.asarray(week / week.mean())


def _wander(rng: np.random.Generator, sd: float) -> Floats:
    """A factor a week that wanders around 1 (the exponential of an AR(1) with memory 0.7), of each day."""
    out, value = np.empty(WEEKS + 1), rng.normal(0, sd)
    for i in range(WEEKS + 1):
        out[i] = value
        value = 0.7 * value + rng.normal(0, sd * np.sqrt(1 - 0.49))
    return np.repeat(np.exp(out), 7)[:DAYS]


class _Maker:
    """Rates of one group, then what happened."""

    def __init__(
        self, rng: np.random.Generator, name: str, zone: str, traits: Traits, spell: Spell | None
    ) -> None:
        self.rng, self.name, self.zone, self.traits, self.spell = rng, name, zone, traits, spell
        self.hour_of_week, self.day = local_days(zone)
        self.columns: list[tuple[Moments, ...]] = []
        self.users, self.contents = 1000, 0

    def planted(self, symptom: str, inside: float, outside: float = 1.0) -> Floats:
        """`inside` on the days of the symptom's spell."""
        found = np.full(DAYS, outside)
        if self.spell and self.spell.symptom == symptom:
            found[self.spell.first : self.spell.end] = inside
        return found

    def a_day(self, hourly: Floats) -> Floats:
        return np.bincount(self.day, hourly, DAYS)

    def group(self) -> Group:
        rng, traits, day = self.rng, self.traits, self.day
        level = _wander(rng, rng.uniform(0.05, 0.25)) * np.exp(
            rng.uniform(-0.7, 0.7) * (np.arange(DAYS) / DAYS - 0.5)
        )
        first = int(rng.integers(0, DAYS - 12))
        self.holiday = np.ones(DAYS)
        self.holiday[first : first + int(rng.integers(3, 9))] = rng.uniform(0.3, 0.9)
        level *= self.holiday
        week = _week(rng, rng.uniform(0.3, 1.2), 1.0, rng.uniform(0.02, 0.2), rng.uniform(0.3, 1.5))
        noise = rng.gamma(traits.day_shape, 1 / traits.day_shape, DAYS)
        office = _week(rng, 1.0, rng.uniform(0.1, 1.0), 0.01, rng.uniform(0.2, 1.0))
        more = self.planted("monologue", rng.uniform(1, 3))
        self.staff = traits.staff_a_day / 24 * office[self.hour_of_week] * more[day]
        talk = traits.posts_a_day / 24 * week[self.hour_of_week] * level[day]
        answers = 0.7 * self.staff * traits.answered * 1.5
        part = self.planted("hollow_growth", 0.5)
        if self.spell and self.spell.symptom == "monologue":
            inside = (day >= self.spell.first) & (day < self.spell.end)
            least = self.staff[inside].sum() * 0.05 / 0.95 / (talk + answers)[inside].sum()
            part = self.planted("monologue", min(1.0, least))
        self.part = part
        self.talk, self.answers = talk * part[day], answers * part[day]
        share = self.planted("spam_ridden", 0.35, traits.ads)
        self.ads = (share / (1 - share))[day] * (self.talk + self.answers)
        self.usual = self.talk + self.answers + self.ads
        self.noise = noise[day]
        self.conversations(self.talk * self.noise, traits.in_talk, TALK)
        ad_noise = rng.gamma(4, 1 / 4, DAYS)[day]
        self.ads_now = self.ads * ad_noise
        self.conversations(self.ads_now, 1.5, AD)
        unheard = self.topics()
        benefits, lifts, extra, weights, benefits_unheard = self.benefits(week)
        expected = self.people(week)
        expected |= {
            "posts": self.a_day(self.talk * self.noise + self.answers + self.ads_now) + extra,
            "ads": self.a_day(self.ads_now),
            "usual_posts": self.a_day(self.usual) + extra,
            "usual_ads": self.a_day(self.ads),
            "staff_posts": self.a_day(self.staff) + np.bincount(self.day_of(benefits), minlength=DAYS),
            "unheard": (self.a_day(unheard) + benefits_unheard) * self.planted("no_response", 0, 1)
            + (self.a_day(self.staff) + np.bincount(self.day_of(benefits), minlength=DAYS))
            * self.planted("no_response", 1, 0),
        }
        events = self.finish()
        return Group(
            self.name, self.zone, traits, events, self.spell, expected, benefits, lifts, weights
        )

    def day_of(self, t: Moments) -> Moments:
        return self.day[np.clip((t - START_MS) // HOUR_MS, 0, len(self.day) - 1)]

    def times(self, hourly: Floats) -> Moments:
        hours = np.repeat(np.arange(len(hourly)), self.rng.poisson(hourly))
        return START_MS + ((hours + self.rng.uniform(0, 1, len(hours))) * HOUR_MS).astype(np.int64)

    def add(
        self, t: Moments, user: Moments | int, action: int, role: int = MEMBER, kind: Moments | int = 0,
        content: Moments | int = 0, reply_to: Moments | int = 0,
    ) -> None:  # fmt: skip
        """Events, in columns."""
        self.columns.append(
            tuple(np.broadcast_to(c, t.shape).astype(np.int64) for c in (t, user, action, role, kind, content, reply_to))
        )

    def ids(self, count: int) -> Moments:
        self.contents += count
        return np.arange(self.contents - count + 1, self.contents + 1)

    def regulars(self, count: int) -> Moments:
        """Members who write, few of them most."""
        return 10 + (60 * self.rng.uniform(0, 1, count) ** 2.5).astype(np.int64)

    def conversations(self, hourly: Floats, size: float, kind: int) -> None:
        begun = self.times(hourly / size)
        sizes = self.rng.geometric(1 / size, len(begun))
        steps = (self.rng.lognormal(np.log(2.0), 1.0, int(sizes.sum())) * 60_000).astype(np.int64)
        firsts = np.cumsum(sizes) - sizes
        steps[firsts] = 0
        sums = np.cumsum(steps)
        t = np.repeat(begun - sums[firsts], sizes) + sums
        content = self.ids(len(t))
        reply_to = np.repeat(content[firsts], sizes)
        reply_to[firsts] = 0
        kinds = np.full(len(t), kind)
        if kind == TALK:
            kinds[firsts[self.rng.uniform(0, 1, len(firsts)) < 0.2]] = QUESTION
        else:
            reply_to[:] = 0
        self.add(t, self.regulars(len(t)), POST, MEMBER, kinds, content, reply_to)

    def quiet_chance(self, answered: Floats) -> Floats:
        """Of a staff post in each hour: that no member posts within half an hour."""
        traits, span = self.traits, HEARD_H
        talks = self.talk / traits.in_talk * (span + (traits.in_talk - 1) * GAP_H)
        ads = self.ads / 1.5 * (span + 0.5 * GAP_H)
        k = traits.day_shape
        return (1 - answered) * (1 + talks / k) ** -k * np.exp(-(ads + self.answers * span))

    def topics(self) -> Floats:
        """Staff posts and answers to them; expected ones that are unheard, of each hour."""
        rng, traits = self.rng, self.traits
        t = self.times(self.staff)
        content = self.ids(len(t))
        topic = rng.uniform(0, 1, len(t)) < 0.7
        self.add(t, 1 + rng.integers(0, STAFF, len(t)), POST, OPERATOR, TALK, content, np.where(topic, 0, 1))
        self.staff_t = t
        answered = traits.answered * self.part[self.day]
        hour = np.clip((t - START_MS) // HOUR_MS, 0, len(self.day) - 1)
        hit = np.flatnonzero(topic & (rng.uniform(0, 1, len(t)) < answered[hour]))
        count = rng.geometric(1 / 1.5, len(hit))
        which = np.repeat(hit, count)
        delay = rng.lognormal(np.log(6), 1.2, len(which))
        firsts = np.cumsum(count) - count
        first_delay = np.repeat(delay[firsts], count)
        delay = np.where(np.isin(np.arange(len(which)), firsts), delay, delay + first_delay)
        at = t[which] + (delay * 60_000).astype(np.int64)
        self.add(at, self.regulars(len(at)), POST, MEMBER, TALK, self.ids(len(at)), content[which])
        return np.asarray(
            self.staff * (0.7 * self.quiet_chance(answered * ANSWER_IN_TIME) + 0.3 * self.quiet_chance(0 * answered))
        )

    def benefits(self, week: Floats) -> tuple[Moments, Floats, Floats, Floats, Floats]:
        """Benefits, true lifts, expected posts that they draw and their unheard by day, and what is usual then."""
        rng, traits = self.rng, self.traits
        number = traits.benefits_a_week
        awake = np.where(week > np.median(week), week, 0)
        if traits.fixed_hour:
            hour = int(rng.choice(24, p=awake.reshape(7, 24).sum(0) / awake.sum()))
            places = 24 * rng.choice(7, number, replace=False) + hour
            chosen = np.isin(self.hour_of_week, places)
            minute = rng.uniform(0, 60)
            part = np.clip((minute + rng.normal(0, 5, int(chosen.sum()))) / 60, 0, 0.99)
        else:
            chance = awake[self.hour_of_week] / awake.sum() * number
            chosen = rng.uniform(0, 1, len(chance)) < chance
            part = rng.uniform(0, 1, int(chosen.sum()))
        hour_number = np.flatnonzero(chosen)
        t = START_MS + ((hour_number + part) * HOUR_MS).astype(np.int64)
        after = np.minimum(hour_number + 1, len(self.usual) - 1)
        usual = (1 - part) * self.usual[hour_number] + part * self.usual[after]
        lift = np.where(self.planted("benefit_deaf", 1, 0)[self.day[hour_number]] > 0, 1.0, traits.lift)
        varied = np.where(lift > 1.3, 1 + (lift - 1) * rng.lognormal(-0.02, 0.2, len(lift)), lift)
        mean = (varied - 1) * usual
        drawn = rng.gamma(4, mean * self.noise[hour_number] / 4)
        count = rng.poisson(drawn)
        now = self.talk * self.noise + self.answers + self.ads_now
        there = (1 - part) * now[hour_number] + part * now[after]
        lift = (there + drawn) / usual
        content = self.ids(len(t))
        self.add(t, 1 + rng.integers(0, STAFF, len(t)), POST, OPERATOR, BENEFIT, content)
        which = np.repeat(np.arange(len(t)), count)
        at = t[which] + (rng.uniform(0, 1, len(which)) ** 1.5 * HOUR_MS).astype(np.int64)
        self.add(at, self.regulars(len(at)), POST, MEMBER, TALK, self.ids(len(at)), content[which])
        self.staff_t = np.sort(np.concatenate([self.staff_t, t]))
        quiet = self.quiet_chance(np.zeros(len(self.usual)))[hour_number] * (1 + 0.63 * mean / 4) ** -4
        days = self.day[hour_number]
        return t, lift, np.bincount(days, mean, DAYS), usual, np.bincount(days, quiet, DAYS)

    def people(self, week: Floats) -> dict[str, Floats]:
        """Joins, leaves and looks; what is expected of them."""
        rng, traits, day = self.rng, self.traits, self.day
        level = _wander(rng, rng.uniform(0.05, 0.25))
        if rng.uniform() < 0.25:
            campaign = int(rng.integers(0, DAYS - 28))
            level[campaign : campaign + int(rng.integers(7, 28))] *= rng.uniform(1.5, 3)
        level *= self.holiday * self.planted("hollow_growth", 2) * self.planted("chaos_warning", 4)
        joins = traits.joins_a_day / 24 * week[self.hour_of_week] * level[day]
        shape = rng.uniform(4, 20)
        joins_now = joins * rng.gamma(shape, 1 / shape, DAYS)[day]
        t = self.times(joins_now)
        users = self.users + np.arange(len(t))
        self.users += len(t)
        self.add(t, users, JOIN)
        early = self.planted("hit_and_run", 0.6, traits.early)
        rush = self.planted("chaos_warning", 0.5, 0.0)
        joined_day = self.day_of(t)
        dice = rng.uniform(0, 1, len(t))
        rushed = dice < rush[joined_day]
        goes = ~rushed & (rng.uniform(0, 1, len(t)) < early[joined_day])
        leaves_early = rushed | (goes & (rng.uniform(0, 1, len(t)) < 0.6))
        silent = goes & ~leaves_early
        quick = -2.5 * np.log(1 - rng.uniform(0, 1, len(t)) * (1 - np.exp(-EARLY_DAYS / 2.5)))
        stay = EARLY_DAYS + rng.exponential(150, len(t))
        left = np.where(leaves_early, quick, np.where(silent, np.inf, stay))
        active = np.where(silent, rng.uniform(0, 3, len(t)), np.minimum(left, 28))
        looks = rng.poisson(rng.gamma(3, traits.looks_a_day / 3, len(t)) * active)
        who = np.repeat(np.arange(len(t)), looks)
        at = t[who] + (rng.uniform(0, 1, len(who)) * active[who] * DAY_MS).astype(np.int64)
        self.add(at, users[who], VIEW)
        gone = np.isfinite(left)
        self.add(t[gone] + (left[gone] * DAY_MS).astype(np.int64), users[gone], LEAVE)
        base = joins.mean() * traits.base_leaves / level.mean() * week[self.hour_of_week]
        leaving = self.times(base)
        self.add(leaving, self.users + np.arange(len(leaving)), LEAVE)
        self.add(np.full(len(leaving), START_MS), self.users + np.arange(len(leaving)), JOIN)
        self.users += len(leaving)
        self.add(np.full(80, START_MS), np.arange(80), JOIN)
        by_day = self.a_day(joins_now)
        early_part = rush + (1 - rush) * early
        leaving_part = rush + (1 - rush) * early * 0.6
        delay = np.diff(1 - np.exp(-np.arange(9) / 2.5))[:EARLY_DAYS] / (1 - np.exp(-EARLY_DAYS / 2.5))
        leaves = np.convolve(by_day * leaving_part, delay)[:DAYS]
        hazard = np.where(np.arange(DAYS) >= EARLY_DAYS, np.exp(-(np.arange(DAYS) - EARLY_DAYS) / 150) / 150, 0)
        leaves += np.convolve(by_day * (1 - early_part), hazard)[:DAYS] + self.a_day(base)
        return {"usual_joins": self.a_day(joins), "joins": by_day, "gone": by_day * early_part, "leaves": leaves}

    def finish(self) -> Events:
        """All events in order; where nobody answers staff, members' posts wait until half an hour is over."""
        columns = [np.concatenate(parts) for parts in zip(*self.columns, strict=True)]
        if self.spell and self.spell.symptom == "no_response":
            t, role, action = columns[0], columns[3], columns[2]
            for _ in range(4):
                last = np.searchsorted(self.staff_t, t, "right") - 1
                since = np.where(last >= 0, t - self.staff_t[np.maximum(last, 0)], HOUR_MS)
                day = self.day_of(t)
                late = (action == POST) & (role == MEMBER) & (since <= HEARD_H * HOUR_MS)
                late &= (day >= self.spell.first) & (day < self.spell.end)
                wait = HEARD_H * HOUR_MS + self.rng.exponential(HOUR_MS / 3, len(t))
                t = np.where(late, t - since + wait.astype(np.int64), t)
            columns[0] = t
        order = np.argsort(columns[0], kind="stable")
        order = order[columns[0][order] < END_MS]
        return Events(*(c[order] for c in columns))
