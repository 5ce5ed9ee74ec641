"""Generated groups that ail: what people do in half a year, with at most one symptom planted.

Hours have the rhythm of a day and a week in the group's time zone; the level drifts, wanders from week to
week and has a holiday; days vary as a whole (gamma) and posts come in conversations, so counts of an hour and
a day are negative binomial or worse. Staff post at work hours, and some topics get answers; benefits draw
more posts for an hour; newcomers stay (and look in) or go. Nothing here knows the rules.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.quality.group_events import (
    DAYS,
    END_MS,
    MEMBER,
    OPERATOR,
    SYMPTOMS,
    WEEKS,
    Events,
    Flags,
    Floats,
    Group,
    Moments,
    Spell,
    Traits,
)
from bench.quality.group_traits import traits, wander, week
from bench.quality.held_back import HEARD_H, held_back, parts_in_time
from bench.quality.newcomers import expected_leaves, fates, gone_part
from bench.quality.rhythm import START_MS, ZONES, local_hours
from schemas.actions import AD, BENEFIT, JOIN, LEAVE, POST, QUESTION, TALK, VIEW
from schemas.rules import DAY_MS, HOUR_MS

FIRST_SPELL_DAY = 60
PLANTED = (*SYMPTOMS, None)
"""By turns, a group each."""
GAP_H = 2 * np.exp(0.5) / 60
"""Mean hours between posts of a conversation: minutes are log-normal (log 2, 1)."""
IN_AD = 1.5
"""Ads in a row."""
TOPICS = 0.7
"""Part of staff posts that are topics; the others are replies."""
ANSWERS = 1.5
"""Answers to a topic that gets any; the first is log-normal (log 6 minutes, 1.2), so within half an hour:"""
ANSWERED_IN_TIME = 0.91
EXTRA_SHAPE = 4.0
"""Of the gamma of what a benefit draws."""
DRAWN_POWER = 1.5
"""Of a uniform number: how far into the hour a drawn post comes."""
STAFF = 3
REGULARS = 60
BEGIN_USERS = 1000


def generate(
    number: int, seed: int, symptom: str | None, most_in_talk: float = 4.0, least_posts: float = 2.0
) -> Group:
    """The group of this number; the same for the same arguments."""
    rng = np.random.default_rng((seed, number))
    like = traits(rng, most_in_talk, least_posts)
    if symptom == "benefit_deaf":
        like = replace(like, lift=3.0)
    spell = None
    if symptom:
        length = int(rng.integers(14, 43))
        first = int(rng.integers(FIRST_SPELL_DAY, WEEKS * 7 - 7 - length))
        spell = Spell(symptom, first, first + length)
    return _Maker(rng, str(rng.choice(ZONES)), like, spell).group(f"g{number}")


def groups(count: int, seed: int, most_in_talk: float = 4.0, least_posts: float = 2.0) -> list[Group]:
    """An eighth has each symptom for a while, an eighth none."""
    return [generate(i, seed, PLANTED[i % len(PLANTED)], most_in_talk, least_posts) for i in range(count)]


class _Maker:
    """The rates of one group, then what happened; hourly rates are by hours since `START_MS`."""

    def __init__(self, rng: np.random.Generator, zone: str, traits: Traits, spell: Spell | None) -> None:
        self.rng, self.zone, self.traits, self.spell = rng, zone, traits, spell
        self.hour_of_week, day = local_hours(zone, WEEKS)
        self.day = day - day[0]
        self.columns: list[list[Moments]] = []
        self.contents = 0
        self.week = week(rng, rng.uniform(0.3, 1.2), 1.0, rng.uniform(0.02, 0.2), rng.uniform(0.3, 1.5))
        self.holiday = np.ones(DAYS)
        first = int(rng.integers(0, DAYS - 12))
        self.holiday[first : first + int(rng.integers(3, 9))] = rng.uniform(0.3, 0.9)
        self._rates()

    def _rates(self) -> None:
        """Posts an hour of staff and of members, as usual and (`_now`) as that day is."""
        rng, traits, day = self.rng, self.traits, self.day
        office = week(rng, 1.0, rng.uniform(0.1, 1.0), 0.01, rng.uniform(0.2, 1.0))
        more = self._planted("monologue", rng.uniform(1, 3), 1.0)
        self.staff = traits.staff_a_day / 24 * office[self.hour_of_week] * more[day]
        drift = np.exp(rng.uniform(-0.7, 0.7) * (np.arange(DAYS) / DAYS - 0.5))
        level = wander(rng) * drift * self.holiday
        talk = traits.posts_a_day / 24 * self.week[self.hour_of_week] * level[day]
        answers = TOPICS * self.staff * traits.answered * ANSWERS
        self.part = self._planted("hollow_growth", 0.5, 1.0)[day]
        if self.spell and self.spell.symptom == "monologue":
            inside = self._inside()[day]
            left = self.staff[inside].sum() * 0.05 / 0.95 / (talk + answers)[inside].sum()
            self.part = self._planted("monologue", min(1.0, left), 1.0)[day]
        self.talk, self.answers = talk * self.part, answers * self.part
        ads = self._planted("spam_ridden", 0.35, traits.ads)[day]
        self.ads = ads / (1 - ads) * (self.talk + self.answers)
        self.noise = rng.gamma(traits.day_shape, 1 / traits.day_shape, DAYS)[day]
        self.ads_now = self.ads * rng.gamma(4, 1 / 4, DAYS)[day]
        self.posts = self.talk + self.answers + self.ads
        self.posts_now = self.talk * self.noise + self.answers + self.ads_now

    def _inside(self) -> Flags:
        inside = np.zeros(DAYS, np.bool_)
        if self.spell:
            inside[self.spell.first : self.spell.end] = True
        return inside

    def _planted(self, symptom: str, inside: float, outside: float) -> Floats:
        """Of each day: `inside` in the symptom's spell."""
        here = self._inside() & bool(self.spell and self.spell.symptom == symptom)
        return np.where(here, inside, outside)

    def _a_day(self, hourly: Floats) -> Floats:
        return np.bincount(self.day, hourly, DAYS).astype(float)

    def _hour(self, t: Moments) -> Moments:
        return np.clip((t - START_MS) // HOUR_MS, 0, len(self.day) - 1)

    def group(self, name: str) -> Group:
        """All of it."""
        self._conversations(self.talk * self.noise, self.traits.in_talk, TALK)
        self._conversations(self.ads_now, IN_AD, AD)
        staff_t, unheard = self._topics()
        benefits, there, extra, usual, drawn, unheard_benefits = self._benefits()
        staff_posts = self._a_day(self.staff) + np.bincount(self.day[self._hour(benefits)], minlength=DAYS)
        nobody = self._planted("no_response", 1.0, 0.0)
        expected = self._people() | {
            "posts": self._a_day(self.posts_now) + drawn,
            "ads": self._a_day(self.ads_now),
            "staff_posts": staff_posts,
            "unheard": nobody * staff_posts + (1 - nobody) * (self._a_day(unheard) + unheard_benefits),
        }
        staff_t = np.sort(np.concatenate([staff_t, benefits]))
        events = self._finish(staff_t)
        if self.spell and self.spell.symptom == "no_response":
            inside = self._inside()[self.day]
            parts = parts_in_time(self.rng, benefits, staff_t, inside, DRAWN_POWER)
            there, extra = parts[0] * there, parts[1] * extra
        lifts = (there + extra) / usual
        return Group(name, self.zone, self.traits, self.spell, events, expected, benefits, lifts, usual)

    def _times(self, hourly: Floats) -> Moments:
        hours = np.repeat(np.arange(len(hourly)), self.rng.poisson(hourly))
        return START_MS + ((hours + self.rng.uniform(0, 1, len(hours))) * HOUR_MS).astype(np.int64)

    def _add(self, t: Moments, user: Moments, action: int, role: int = MEMBER, kind: Moments | int = 0,
             content: Moments | int = 0, reply_to: Moments | int = 0) -> None:  # fmt: skip
        values = (t, user, action, role, kind, content, reply_to)
        self.columns.append([np.broadcast_to(value, t.shape).astype(np.int64) for value in values])

    def _ids(self, count: int) -> Moments:
        self.contents += count
        return np.arange(self.contents - count + 1, self.contents + 1)

    def _regulars(self, count: int) -> Moments:
        """Members who write, few of them most."""
        return 10 + (REGULARS * self.rng.uniform(0, 1, count) ** 2.5).astype(np.int64)

    def _staff(self, count: int) -> Moments:
        return 1 + self.rng.integers(0, STAFF, count)

    def _conversations(self, hourly: Floats, size: float, kind: int) -> None:
        """Bursts of posts; all but the first of a talk reply to it."""
        begun = self._times(hourly / size)
        sizes = self.rng.geometric(1 / size, len(begun))
        steps = (self.rng.lognormal(np.log(2.0), 1.0, int(sizes.sum())) * 60_000).astype(np.int64)
        firsts = np.cumsum(sizes) - sizes
        steps[firsts] = 0
        sums = np.cumsum(steps)
        t = np.repeat(begun - sums[firsts], sizes) + sums
        content, kinds = self._ids(len(t)), np.full(len(t), kind)
        reply_to = np.repeat(content[firsts], sizes) if kind == TALK else np.zeros(len(t), np.int64)
        reply_to[firsts] = 0
        if kind == TALK:
            kinds[firsts[self.rng.uniform(0, 1, len(firsts)) < 0.2]] = QUESTION
        self._add(t, self._regulars(len(t)), POST, MEMBER, kinds, content, reply_to)

    def _quiet(self, answered: Floats) -> Floats:
        """Of a staff post in each hour: the chance that no member posts within `HEARD_H` hours."""
        traits = self.traits
        talks = self.talk / traits.in_talk * (HEARD_H + (traits.in_talk - 1) * GAP_H)
        ads = self.ads / IN_AD * (HEARD_H + (IN_AD - 1) * GAP_H)
        none = (1 + talks / traits.day_shape) ** -traits.day_shape
        return np.asarray((1 - answered) * none * np.exp(-ads - self.answers * HEARD_H))

    def _topics(self) -> tuple[Moments, Floats]:
        """Posts of staff and the answers to them: when, and how many unheard ones to expect an hour."""
        rng = self.rng
        t = self._times(self.staff)
        content = self._ids(len(t))
        topic = rng.uniform(0, 1, len(t)) < TOPICS
        self._add(t, self._staff(len(t)), POST, OPERATOR, TALK, content, np.where(topic, 0, 1))
        answered = self.traits.answered * self.part
        hit = np.flatnonzero(topic & (rng.uniform(0, 1, len(t)) < answered[self._hour(t)]))
        count = rng.geometric(1 / ANSWERS, len(hit))
        delay = rng.lognormal(np.log(6), 1.2, int(count.sum()))
        firsts = np.cumsum(count) - count
        later = np.repeat(delay[firsts], count)
        later[firsts] = 0
        which = np.repeat(hit, count)
        at = t[which] + ((delay + later) * 60_000).astype(np.int64)
        self._add(at, self._regulars(len(at)), POST, MEMBER, TALK, self._ids(len(at)), content[which])
        quiet = TOPICS * self._quiet(answered * ANSWERED_IN_TIME) + (1 - TOPICS) * self._quiet(0 * answered)
        return t, np.asarray(self.staff * quiet)

    def _benefit_hours(self) -> tuple[Moments, Floats]:
        """The hours with a benefit, and how far into each it comes."""
        rng, number = self.rng, self.traits.benefits_a_week
        awake = np.where(self.week > np.median(self.week), self.week, 0)
        if self.traits.fixed_hour:
            hour = int(rng.choice(24, p=awake.reshape(7, 24).sum(0) / awake.sum()))
            hours = np.flatnonzero(
                np.isin(self.hour_of_week, 24 * rng.choice(7, number, replace=False) + hour)
            )
            part = np.clip((rng.uniform(0, 60) + rng.normal(0, 5, len(hours))) / 60, 0, 0.99)
        else:
            chance = awake[self.hour_of_week] / awake.sum() * number
            hours = np.flatnonzero(rng.uniform(0, 1, len(chance)) < chance)
            part = rng.uniform(0, 1, len(hours))
        return hours, part

    def _benefits(self) -> tuple[Moments, Floats, Floats, Floats, Floats, Floats]:
        """Benefits; posts of their hours as those days are, more that they draw, and what is usual.

        And by day the posts that they draw, and unheard ones.
        """
        rng = self.rng
        hours, part = self._benefit_hours()
        after = np.minimum(hours + 1, len(self.posts) - 1)
        usual = (1 - part) * self.posts[hours] + part * self.posts[after]
        there = (1 - part) * self.posts_now[hours] + part * self.posts_now[after]
        lift = self._planted("benefit_deaf", 1.0, self.traits.lift)[self.day[hours]]
        lift = np.where(lift > 1.3, 1 + (lift - 1) * rng.lognormal(-0.02, 0.2, len(lift)), lift)
        mean = (lift - 1) * usual
        drawn = rng.gamma(EXTRA_SHAPE, mean * self.noise[hours] / EXTRA_SHAPE)
        t = START_MS + ((hours + part) * HOUR_MS).astype(np.int64)
        content = self._ids(len(t))
        self._add(t, self._staff(len(t)), POST, OPERATOR, BENEFIT, content)
        which = np.repeat(np.arange(len(t)), rng.poisson(drawn))
        at = t[which] + (rng.uniform(0, 1, len(which)) ** DRAWN_POWER * HOUR_MS).astype(np.int64)
        self._add(at, self._regulars(len(at)), POST, MEMBER, TALK, self._ids(len(at)), content[which])
        days = self.day[hours]
        in_time = HEARD_H ** (1 / DRAWN_POWER)
        quiet = self._quiet(np.zeros(len(self.posts)))[hours]
        quiet *= (1 + in_time * mean / EXTRA_SHAPE) ** -EXTRA_SHAPE
        by_day = [np.bincount(days, each, DAYS).astype(float) for each in (drawn, quiet)]
        return t, np.asarray(there), drawn, np.asarray(usual), by_day[0], by_day[1]

    def _people(self) -> dict[str, Floats]:
        """Joins, leaves and looks."""
        rng, traits, day = self.rng, self.traits, self.day
        level = wander(rng) * self.holiday
        if rng.uniform() < 0.25:
            campaign = int(rng.integers(0, DAYS - 28))
            level[campaign : campaign + int(rng.integers(7, 28))] *= rng.uniform(1.5, 3)
        level *= self._planted("hollow_growth", 2.0, 1.0) * self._planted("chaos_warning", 4.0, 1.0)
        hourly = traits.joins_a_day / 24 * self.week[self.hour_of_week]
        joins = hourly * level[day] * rng.gamma(traits.joins_shape, 1 / traits.joins_shape, DAYS)[day]
        leaves = hourly * traits.base_leaves
        early = self._planted("hit_and_run", 0.6, traits.early)
        rush = self._planted("chaos_warning", 0.5, 0.0)
        t = self._times(joins)
        users = BEGIN_USERS + np.arange(len(t))
        self._add(t, users, JOIN)
        days = day[self._hour(t)]
        left, active = fates(rng, early[days], rush[days])
        looks = rng.poisson(rng.gamma(3, traits.looks_a_day / 3, len(t)) * active)
        who = np.repeat(np.arange(len(t)), looks)
        at = t[who] + (rng.uniform(0, 1, len(who)) * active[who] * DAY_MS).astype(np.int64)
        self._add(at, users[who], VIEW)
        gone = np.isfinite(left)
        self._add(t[gone] + (left[gone] * DAY_MS).astype(np.int64), users[gone], LEAVE)
        self._old_members(self._times(leaves), BEGIN_USERS + len(t))
        joins_by_day = self._a_day(joins)
        return {
            "joins": joins_by_day,
            "gone": joins_by_day * gone_part(early, rush),
            "leaves": expected_leaves(joins_by_day, early, rush) + self._a_day(leaves),
        }

    def _old_members(self, leave_at: Moments, first: int) -> None:
        """Who is there from the beginning, and those of them who leave."""
        leavers = first + np.arange(len(leave_at))
        there = np.concatenate([np.arange(10 + REGULARS), leavers])
        self._add(np.full(len(there), START_MS), there, JOIN)
        self._add(leave_at, leavers, LEAVE)

    def _finish(self, staff_t: Moments) -> Events:
        """All in order; where nobody answers staff, members' posts wait until half an hour is over."""
        columns = [np.concatenate(parts) for parts in zip(*self.columns, strict=True)]
        if self.spell and self.spell.symptom == "no_response":
            events = Events(*columns)
            posts = (events.action == POST) & (events.role == MEMBER)
            columns[0][posts] = held_back(self.rng, events.t[posts], staff_t, self._inside()[self.day])
        order = np.argsort(columns[0], kind="stable")
        order = order[columns[0][order] < END_MS]
        return Events(*(column[order] for column in columns))
