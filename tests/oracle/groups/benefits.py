"""What members usually post in an hour of the week, and after benefits. See docs/groups.md, Benefits."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from schemas.rules import CommunityRules
from tests.oracle.calendar import HOUR_MS
from tests.oracle.groups.alerts import Alerts
from tests.oracle.groups.arithmetic import add, single, singles
from tests.oracle.groups.hours import WEEK_HOURS, hour_of, hour_of_week, local_ms

MOST_WATCHED = 8
LATEST, BEFORE = 7, 15
"""Results that are compared."""
SCATTER = 4.0
"""Posts come in conversations: so many times the variance of Poisson's."""
LEVEL_DAYS = 2
"""Today and the day before, whose posts say how busy it is now."""
LEVEL_LEAST = 20.0
"""Posts on top of both sides of that."""
RULE = "benefit_lift_lost"


class Habit:
    """Members' posts by the hour of the day and the day of the week, and hours benefits took; decayed."""

    def __init__(self, rules: CommunityRules, begun: int) -> None:
        self._zone = ZoneInfo(rules.time_zone)
        self._keep = 2.0 ** (-1.0 / rules.symptoms.lift_half_life_weeks)
        self._by_hour = [0.0] * 24
        self._by_day = [0.0] * 7
        self._taken_hour = [0.0] * 24
        self._taken_day = [0.0] * 7
        self._free: Counter[int] = Counter()
        """Posts learnt, by day."""
        self._used: dict[int, float] = {}
        """What is usual in hours that benefits took, by day."""
        self._latest = 0
        """The latest day of these; those 3 days before it are forgotten."""
        self._seen = single(-self._place(begun) / 168.0)
        self.weeks = 0

    def learn(self, moment: int) -> None:
        """One post."""
        place = self._place(moment)
        _add(self._by_hour, place % 24, 1)
        _add(self._by_day, place // 24, 1)
        self._free[self._day(moment)] += 1
        self._latest = max(self._latest, self._day(moment))

    def take(self, moment: int, clock: int) -> None:
        """The hour after a benefit: nothing is learnt in it."""
        day = self._day(clock)
        self._used[day] = single(self._used.get(day, 0.0) + self.after(moment, clock))
        place, f = self._place(moment), self._part(moment)
        for hour, part in ((place, 1 - f), ((place + 1) % WEEK_HOURS, f)):
            _add(self._taken_hour, hour % 24, part)
            _add(self._taken_day, hour // 24, part)

    def end_week(self) -> None:
        """At the close of a Sunday."""
        for each in (self._by_hour, self._by_day, self._taken_hour, self._taken_day):
            each[:] = singles([self._keep * x for x in each])
        self._seen = single(self._keep * (self._seen + 1))
        self.weeks += 1

    def after(self, moment: int, clock: int) -> float:
        """What is usual in the hour after a moment, known at a clock, whatever the level."""
        place, f = self._place(moment), self._part(moment)
        return (1 - f) * self._usual(place, clock) + f * self._usual((place + 1) % WEEK_HOURS, clock)

    def level(self, clock: int) -> float:
        """Posts of the latest days up to a clock, to those usual then; but for hours that benefits took."""
        now, today = hour_of(clock, self._zone), self._day(clock)
        first = today - LEVEL_DAYS + 1
        hours = [self._usual(hour_of_week(hour), clock) for hour in range(24 * first, now)]
        self._latest = max(self._latest, today)
        days = range(max(first, self._latest - LEVEL_DAYS + 1), today + 1)
        used = [-self._used.get(day, 0.0) for day in days]
        usual = add([*hours, self._part(clock) * self._usual(hour_of_week(now), clock), *used])
        return (sum(self._free[day] for day in days) + LEVEL_LEAST) / (max(usual, 0.0) + LEVEL_LEAST)

    def _usual(self, place: int, clock: int) -> float:
        weeks = self._seen + self._place(clock) / 168.0
        hour, day, posts = place % 24, place // 24, add(self._by_hour)
        hours = 7 * weeks - self._taken_hour[hour]
        day_hours = 24 * weeks - self._taken_day[day]
        all_hours = 168 * weeks - add(self._taken_hour)
        if min(posts, hours, day_hours, all_hours) <= 0:
            return 0.0
        return (self._by_hour[hour] / hours) * (self._by_day[day] / day_hours) / (posts / all_hours)

    def _place(self, moment: int) -> int:
        return hour_of_week(hour_of(moment, self._zone))

    def _day(self, moment: int) -> int:
        return hour_of(moment, self._zone) // 24

    def _part(self, moment: int) -> float:
        """How much of its hour is over at a moment."""
        return local_ms(moment, self._zone) % HOUR_MS / HOUR_MS


def _add(counts: list[float], place: int, more: float) -> None:
    counts[place] = single(counts[place] + more)


@dataclass
class _Watched:
    at: int
    usual: float
    in_time: bool
    """There was enough history when it came."""
    posts: int = 0


class Benefits:
    """The benefits whose hour a group watches, and what came of the latest."""

    def __init__(self, rules: CommunityRules, alerts: Alerts, begun: int) -> None:
        self.habit = Habit(rules, begun)
        self._rules = rules.symptoms
        self._alerts = alerts
        self._watched: list[_Watched] = []
        self._results: list[tuple[int, float]] = []
        """Posts, and how many were usual, after each of the latest 22; the older first."""

    def benefit(self, moment: int, clock: int) -> None:
        """One of staff, in the window."""
        if moment + HOUR_MS > clock and len(self._watched) < MOST_WATCHED:
            usual = single(self.habit.after(moment, clock) * self.habit.level(clock))
            self._watched.append(_Watched(moment, usual, self.habit.weeks >= self._rules.lift_weeks))
            self.habit.take(moment, clock)

    def member_post(self, moment: int, *, in_window: bool) -> None:
        """It counts for the benefits it follows, or else for what is usual."""
        followed = [one for one in self._watched if one.at <= moment < one.at + HOUR_MS]
        for one in followed:
            one.posts += 1
        if in_window and not followed:
            self.habit.learn(moment)

    def due(self, _limit: int) -> int | None:
        """The end of the first hour."""
        return min((one.at + HOUR_MS for one in self._watched), default=None)

    def pass_due(self) -> None:
        """A benefit's hour is over."""
        one = min(self._watched, key=lambda one: one.at)
        self._watched.remove(one)
        if one.in_time:
            self._results = [*self._results, (one.posts, one.usual)][-(BEFORE + LATEST) :]
            self._look(one.at + HOUR_MS)

    def latest(self) -> tuple[int, float] | None:
        """Posts after the latest 7 benefits, and how many were usual; None with fewer."""
        return self._sums(self._results[-LATEST:]) if len(self._results) >= LATEST else None

    @staticmethod
    def _sums(results: list[tuple[int, float]]) -> tuple[int, float]:
        return sum(posts for posts, _ in results), add([usual for _, usual in results])

    def _look(self, at: int) -> None:
        if len(self._results) < BEFORE + LATEST:
            return
        rules = self._rules
        before, usual_before = self._sums(self._results[:BEFORE])
        posts, usual = self._sums(self._results[BEFORE:])
        evidence = {
            "posts": posts,
            "usual": usual,
            "posts_before": before,
            "usual_before": usual_before,
        }
        enough = usual_before >= rules.lift_posts and usual >= rules.lift_posts
        lost = enough and posts < rules.lift * usual and before > rules.lift_before * usual_before
        if lost and self._surely_fell(before, usual_before, posts, usual):
            self._alerts.open(RULE, at, evidence)
        if posts >= rules.lift_before * usual:
            self._alerts.resolve(RULE, at, evidence)

    def _surely_fell(self, c0: int, e0: float, c1: int, e1: float) -> bool:
        error = math.sqrt(SCATTER * (c0 / (e0 * e0) + max(c1, e1) / (e1 * e1)))
        return c0 / e0 - c1 / e1 >= self._rules.lift_sure * error
