"""The alert benefit_lift_lost over one group's events, as docs/groups.md defines it, in a shorter form.

Simplified: posts come in order and in time, any number of benefits is watched, and all is in doubles.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from bench.quality.group_events import DAYS, MEMBER, OPERATOR, Flags, Floats, Group, Moments
from bench.quality.symptom_rules import starts_of_days
from schemas.actions import BENEFIT, POST
from schemas.group_rules import Symptoms
from schemas.rules import DAY_MS, HOUR_MS
from streams.calendar import WEEK_HOURS, Zone

LATEST, BEFORE = 7, 15
"""Results that are compared."""
SCATTER = 4.0
"""The variance of counts, to Poisson's."""
LEVEL_DAYS, LEVEL_LEAST = 2, 20.0
"""Days whose posts say how busy it is now, and posts on top of both sides."""
MONDAY_HOURS = 72


@dataclass
class _Habit:
    """Posts by hour of the day and day of the week, the hours of each that benefits took, and weeks (W)."""

    weeks: float
    by_hour: Floats = field(default_factory=lambda: np.zeros(24))
    by_day: Floats = field(default_factory=lambda: np.zeros(7))
    taken_hour: Floats = field(default_factory=lambda: np.zeros(24))
    taken_day: Floats = field(default_factory=lambda: np.zeros(7))

    def learn(self, place: Moments) -> None:
        self.by_hour += np.bincount(place % 24, minlength=24)
        self.by_day += np.bincount(place // 24, minlength=7)

    def end_week(self, keep: float) -> None:
        for each in (self.by_hour, self.by_day, self.taken_hour, self.taken_day):
            each *= keep
        self.weeks = keep * (self.weeks + 1)

    def take(self, place: int, part: float) -> None:
        for hour, hours in ((place, 1 - part), ((place + 1) % WEEK_HOURS, part)):
            self.taken_hour[hour % 24] += hours
            self.taken_day[hour // 24] += hours

    def rates(self, now: int) -> Floats:
        """Usual posts in each hour of the week, as known in its hour `now`; 0 where nothing is."""
        weeks, posts = self.weeks + now / WEEK_HOURS, self.by_hour.sum()
        hours, day_hours = 7 * weeks - self.taken_hour, 24 * weeks - self.taken_day
        all_hours = WEEK_HOURS * weeks - self.taken_hour.sum()
        if min(all_hours, posts) <= 0:
            return np.zeros(WEEK_HOURS)
        by_hour = np.divide(self.by_hour, hours, out=np.zeros(24), where=hours > 0)
        by_day = np.divide(self.by_day, day_hours, out=np.zeros(7), where=day_hours > 0)
        return np.asarray(np.outer(by_day, by_hour).ravel() / (posts / all_hours))


def deaf(group: Group, rules: Symptoms) -> Floats:
    """1 at each close at which the alert is open."""
    zone, events = Zone.of(group.zone), group.events
    posts = events.action == POST
    t = events.t[posts & (events.role == MEMBER)]
    benefits = events.t[posts & (events.role == OPERATOR) & (events.kind == BENEFIT)]
    first = int(_local(zone, events.t[:1])[0]) // HOUR_MS
    local, free = _local(zone, benefits), t[_free(t, benefits)]
    usual = _usual(_local(zone, free) // HOUR_MS, np.searchsorted(free, benefits), local, first, rules)
    counts = np.searchsorted(t, benefits + HOUR_MS) - np.searchsorted(t, benefits)
    known = _week(local // HOUR_MS) - _week(np.array([first])) >= rules.lift_weeks
    is_open = _alert(counts[known].astype(float), usual[known], rules)
    starts = starts_of_days(group.zone, int(events.t[0]))[1:]
    done = np.searchsorted(benefits[known] + HOUR_MS, starts, "right")
    return np.concatenate([np.zeros(1), is_open.astype(float)])[done[:DAYS]]


def _local(zone: Zone, t: Moments) -> Moments:
    return np.asarray(t + zone.offsets[np.searchsorted(zone.starts, t, "right") - 1])


def _week(hour: Moments) -> Moments:
    return np.asarray((hour + MONDAY_HOURS) // WEEK_HOURS)


def _free(t: Moments, benefits: Moments) -> Flags:
    """Which posts are not in the hour after a benefit."""
    last = np.searchsorted(benefits, t, "right") - 1
    if not len(benefits):
        return np.ones(len(t), np.bool_)
    return np.asarray((last < 0) | (t - benefits[np.maximum(last, 0)] >= HOUR_MS))


def _usual(hour: Moments, before: Moments, local: Moments, first: int, rules: Symptoms) -> Floats:
    """What is usual after each benefit.

    Posts have hour numbers; so many of them were `before` each benefit, which have local ms.
    """
    keep = 2 ** (-1 / rules.lift_half_life_weeks)
    place = (hour + MONDAY_HOURS) % WEEK_HOURS
    week, begin, usual = (first + MONDAY_HOURS) // WEEK_HOURS, 0, np.zeros(len(local))
    habit = _Habit(-((first + MONDAY_HOURS) % WEEK_HOURS) / WEEK_HOURS)
    used: dict[int, float] = defaultdict(float)  # what is usual in hours that benefits took, by day
    for i, (at, known) in enumerate(zip(local.tolist(), before.tolist(), strict=True)):
        week_now, now = divmod(at // HOUR_MS + MONDAY_HOURS, WEEK_HOURS)
        while week < week_now:
            week += 1
            end = int(np.searchsorted(hour, week * WEEK_HOURS - MONDAY_HOURS))
            habit.learn(place[begin:end])
            habit.end_week(keep)
            begin = end
        habit.learn(place[begin:known])
        begin, part = known, at % HOUR_MS / HOUR_MS
        rates, today = habit.rates(now), at // DAY_MS
        plain = float((1 - part) * rates[now] + part * rates[(now + 1) % WEEK_HOURS])
        days = range(today - LEVEL_DAYS + 1, today + 1)
        hours = np.arange(24 * days[0], at // HOUR_MS) + MONDAY_HOURS
        expected = rates[hours % WEEK_HOURS].sum() + part * rates[now] - sum(used[day] for day in days)
        posts = known - np.searchsorted(hour, 24 * days[0])
        usual[i] = plain * (posts + LEVEL_LEAST) / (max(expected, 0) + LEVEL_LEAST)
        used[today] += plain
        habit.take(now, part)
    return usual


def _alert(counts: Floats, usual: Floats, rules: Symptoms) -> Flags:
    """Whether it is open after each result."""
    out, is_open = np.zeros(len(counts), np.bool_), False
    for end in range(BEFORE + LATEST, len(counts) + 1):
        latest, before = slice(end - LATEST, end), slice(end - LATEST - BEFORE, end - LATEST)
        c1, e1, c0, e0 = counts[latest].sum(), usual[latest].sum(), counts[before].sum(), usual[before].sum()
        if is_open:
            is_open = bool(c1 < rules.lift_before * e1)
        elif min(e0, e1) >= rules.lift_posts and c1 < rules.lift * e1 and c0 > rules.lift_before * e0:
            error = np.sqrt(SCATTER * (c0 / e0**2 + max(c1, e1) / e1**2))
            is_open = bool(c0 / e0 - c1 / e1 >= rules.lift_sure * error)
        out[end - 1] = is_open
    return out
