"""The alert benefit_lift_lost over one group's events: as docs/groups.md defines it, and as 0016 tries it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.quality.group_events import DAYS, MEMBER, OPERATOR, Flags, Floats, Group, Moments
from bench.quality.symptom_rules import starts_of_days
from schemas.actions import BENEFIT, POST
from schemas.group_rules import Symptoms
from schemas.rules import HOUR_MS
from streams.calendar import WEEK_HOURS, Zone

LEVEL_HOURS, LEVEL_PRIOR = 48, 20.0
DOUBT, BURST_VARIANCE = 3.0, 4.0
LATEST = 5


@dataclass(frozen=True)
class Way:
    """How the alert is computed."""

    exposed: bool
    """Hours that benefits took do not count as hours in which posts could be learnt."""
    level: bool
    """What is usual follows the posts of the last `LEVEL_HOURS`."""
    before: int
    """So many results before the latest five."""
    sure: bool
    """The lift has surely fallen; the alert ends at `lift_before`."""


DEFINED = Way(exposed=False, level=False, before=5, sure=False)
EXPOSED = Way(exposed=True, level=False, before=5, sure=False)
TRIED = Way(exposed=True, level=True, before=10, sure=True)


@dataclass
class _Habit:
    """Posts by hour of the day and by day, and the hours in which they were learnt."""

    by_hour: Floats
    by_day: Floats
    hours: Floats
    """Of each hour of the day,"""
    day_hours: Floats
    """and of each day of the week."""

    def rate(self, place: Moments) -> Floats:
        """Usual posts in hours of the week; 0 where nothing is known."""
        total, hours = self.by_hour.sum(), self.hours.sum()
        if total <= 0 or hours <= 0:
            return np.zeros(len(place))
        each = self.by_hour / np.maximum(self.hours, 1e-9)
        day = self.by_day / np.maximum(self.day_hours, 1e-9)
        return np.asarray(each[place % 24] * day[place // 24] / (total / hours))


def deaf(group: Group, rules: Symptoms, way: Way) -> Floats:
    """1 at each close at which the alert is open."""
    zone, events = Zone.of(group.zone), group.events
    posts = events.action == POST
    t = events.t[posts & (events.role == MEMBER)]
    benefits = events.t[posts & (events.role == OPERATOR) & (events.kind == BENEFIT)]
    first = int(_local(zone, events.t[:1])[0]) // HOUR_MS
    local = _local(zone, benefits)
    usual = _usual(_local(zone, t[_free(t, benefits)]) // HOUR_MS, local, first, rules, way)
    counts = np.searchsorted(t, benefits + HOUR_MS) - np.searchsorted(t, benefits)
    known = _week(local // HOUR_MS) - _week(np.array([first])) >= rules.lift_weeks
    is_open = _alert(counts[known].astype(float), usual[known], rules, way)
    done = np.searchsorted(
        benefits[known] + HOUR_MS, starts_of_days(group.zone, int(events.t[0]))[1:], "right"
    )
    return np.concatenate([np.zeros(1), is_open.astype(float)])[done[:DAYS]]


def _local(zone: Zone, t: Moments) -> Moments:
    return np.asarray(t + zone.offsets[np.searchsorted(zone.starts, t, "right") - 1])


def _week(hour: Moments) -> Moments:
    return np.asarray((hour + 72) // WEEK_HOURS)


def _free(t: Moments, benefits: Moments) -> Flags:
    """Which posts are not in the hour after a benefit."""
    last = np.searchsorted(benefits, t, "right") - 1
    if not len(benefits):
        return np.ones(len(t), np.bool_)
    return np.asarray((last < 0) | (t - benefits[np.maximum(last, 0)] >= HOUR_MS))


def _usual(hour: Moments, local: Moments, first: int, rules: Symptoms, way: Way) -> Floats:
    """What is usual in the hour after each benefit; hours are hour numbers, `local` is ms."""
    at, part = local // HOUR_MS - first, (local % HOUR_MS) / HOUR_MS
    size = int(at.max(initial=0)) + 2
    counts = np.bincount(hour - first, minlength=size)[:size].astype(float)
    exposure = np.ones(size)
    if way.exposed:
        np.subtract.at(exposure, at, 1 - part)
        np.subtract.at(exposure, at + 1, part)
        exposure = np.maximum(exposure, 0)
    place = (np.arange(size) + first + 72) % WEEK_HOURS
    week = _week(np.arange(size) + first)
    keep = 2 ** (-1 / rules.lift_half_life_weeks)
    past, begin, usual = _Habit(np.zeros(24), np.zeros(7), np.zeros(24), np.zeros(7)), 0, np.zeros(len(at))
    for i, now in enumerate(at):
        while week[begin] < week[now]:
            end = int(np.searchsorted(week, week[begin], "right"))
            past = _learn(past, place[begin:end], counts[begin:end], exposure[begin:end], keep)
            begin = end
        habit = _learn(past, place[begin:now], counts[begin:now], exposure[begin:now], 1.0)
        here, there = habit.rate(place[now : now + 2])
        usual[i] = (1 - part[i]) * here + part[i] * there
        if way.level:
            last = slice(max(0, now - LEVEL_HOURS), now)
            expected = float((habit.rate(place[last]) * exposure[last]).sum())
            usual[i] *= (counts[last].sum() + LEVEL_PRIOR) / (expected + LEVEL_PRIOR)
    return usual


def _learn(habit: _Habit, place: Moments, counts: Floats, exposure: Floats, keep: float) -> _Habit:
    hour, day = place % 24, place // 24
    return _Habit(
        keep * (habit.by_hour + np.bincount(hour, counts, 24)),
        keep * (habit.by_day + np.bincount(day, counts, 7)),
        keep * (habit.hours + np.bincount(hour, exposure, 24)),
        keep * (habit.day_hours + np.bincount(day, exposure, 7)),
    )


def _alert(counts: Floats, usual: Floats, rules: Symptoms, way: Way) -> Flags:
    """Whether it is open after each result."""
    out, is_open = np.zeros(len(counts), np.bool_), False
    for end in range(LATEST + way.before, len(counts) + 1):
        latest, before = slice(end - LATEST, end), slice(end - LATEST - way.before, end - LATEST)
        c1, e1, c0, e0 = counts[latest].sum(), usual[latest].sum(), counts[before].sum(), usual[before].sum()
        if is_open:
            is_open = bool(c1 < (rules.lift_before if way.sure else rules.lift) * e1)
        elif min(e0, e1) >= rules.lift_posts and c1 < rules.lift * e1 and c0 > rules.lift_before * e0:
            error = np.sqrt(BURST_VARIANCE * (c0 / e0**2 + max(c1, e1) / e1**2))
            is_open = not way.sure or bool(c0 / e0 - c1 / e1 >= DOUBT * error)
        out[end - 1] = is_open
    return out
