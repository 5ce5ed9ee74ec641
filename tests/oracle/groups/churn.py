"""Whether more people leave a group, or fall silent, than usually do: the chart. See docs/churn.md.

As in `tests.reference.churn`, against which it is tested, but weeks are learnt one after another, and steps
in which nothing can change are passed only when somebody leaves again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from schemas.churn_rules import Churn as ChurnRules
from tests.oracle.calendar import HOUR_MS
from tests.oracle.groups.arithmetic import add
from tests.oracle.groups.churn_baseline import Baseline
from tests.oracle.groups.hours import WEEK_HOURS, highest_hour, start_of_hour

MOST_OF_AN_HOUR = 65_534
DRIFT = 0.03


@dataclass(frozen=True)
class Change:
    """An alarm opens ("opened"), ends ("resolved"), or what goes on becomes usual ("usual")."""

    kind: str
    at: int
    began_at: int
    ended_at: int
    count: int
    expected: float
    score: float
    threshold: float


class Churn:
    """The leaves of a group by the hour (168 slots a week), or by the day (7)."""

    def __init__(self, zone: ZoneInfo, rules: ChurnRules, slots: int, begun: int) -> None:
        self._zone, self._rules, self._slots = zone, rules, slots
        self._a_day, self._hours = slots // 7, WEEK_HOURS // slots
        self._slot = highest_hour(begun, zone) // self._hours
        self._whole_from = self._slot - self._place(self._slot) + slots
        self._leaves: dict[int, int] = {}
        self._alarmed: set[int] = set()
        """Slots of runs with an alarm."""
        self.baseline = Baseline(slots, rules)
        self.step, self.margin, self.spread, self.h = 0, 0.0, 0.0, 0.0
        self.s = 0.0
        self._run = 0
        """The slot with which the run began."""
        self._expected = 0.0
        """In the run, by the rates."""
        self._high = (0, 0, 0.0)
        """As of the end of the last step after which S >= h: its slot, count and expected of the run."""
        self._opened = 0
        self._changes: list[Change] = []

    def _place(self, slot: int) -> int:
        """The slot's place in the week; 1970-01-01 was a Thursday."""
        return (slot + 3 * self._a_day) % self._slots

    def _start(self, slot: int) -> int:
        return start_of_hour(slot * self._hours, self._zone)

    def leave(self, clock: int, at: int) -> None:
        """One leave."""
        self._pass_to(clock)
        if clock - at <= self._rules.late_hours * HOUR_MS:
            slot = highest_hour(clock, self._zone) // self._hours
            self._leaves[slot] = min(self._leaves.get(slot, 0) + 1, MOST_OF_AN_HOUR)

    def due(self, _limit: int) -> int | None:
        """The end of the current step, if something may change there."""
        if self._opened or any(slot >= self._slot for slot in self._leaves):
            return self._start(self._next())
        return None

    def pass_due(self, at: int) -> list[Change]:
        """What changes there."""
        self._pass_to(at)
        changes, self._changes = self._changes, []
        return changes

    def _next(self) -> int:
        """Where the current step ends, or the week if there is no chart."""
        unit = self.step or self._slots
        return self._slot + unit - self._place(self._slot) % unit

    def _pass_to(self, clock: int) -> None:
        while self._start(end := self._next()) <= clock:
            self._slot = end
            if self.step:
                self._close(end - self.step, end)
            if self._place(end) == 0:
                self._end_week(end)

    def _count(self, first: int, end: int) -> int:
        return sum(number for slot, number in self._leaves.items() if first <= slot < end)

    # --- the chart ---

    def _close(self, first: int, end: int) -> None:
        """The end of a step."""
        x = self._count(first, end)
        mu = add(self.baseline.rates[self._place(slot)] for slot in range(first, end))
        if self._opened:
            self.s = min(self.s, self.h)
            self._alarmed.update(range(first, end))
        elif self.s == 0.0:
            self._run, self._expected = first, 0.0
        self._expected += mu
        self.s += llr(x, mu * self.margin, self.spread)
        if self.s >= self.h and (self._opened or x > 0):
            self._high = (end, self._count(self._run, end), self._expected)
            if not self._opened:
                self._opened = end
                self._alarmed.update(range(self._run, end))
                self._tell("opened", end)
                return
        if self.s <= 0.0:
            self.s = 0.0
            if self._opened:
                self._opened = 0
                self._tell("resolved", end)
        elif self._opened and end - self._opened >= self._rules.longest_days * self._a_day:
            self.baseline.raise_by(max(1.0, self._count(self._run, end) / self._expected))
            self._opened, self.s = 0, 0.0
            self._tell("usual", end)

    def _tell(self, kind: str, end: int) -> None:
        ended, count, expected = self._high
        span = self._start(self._run), self._start(ended)
        self._changes.append(Change(kind, self._start(end), *span, count, expected, self.s, self.h))

    def _end_week(self, end: int) -> None:
        first = end - self._slots
        if first < self._whole_from:
            return
        self.baseline.learn(
            [None if s in self._alarmed else self._leaves.get(s, 0) for s in range(first, end)]
        )
        # What no run to come can begin with: a run that goes on is kept from its beginning.
        keep_from = min(self._run, end) if self.s > 0.0 else end
        self._leaves = {slot: number for slot, number in self._leaves.items() if slot >= keep_from}
        if self.baseline.weeks_learnt >= self._rules.warm_up_weeks and not self._opened:
            self._set_chart()

    def _set_chart(self) -> None:
        base, rules, a_day = self.baseline, self._rules, self._a_day
        weekly = add(base.rates)
        square = add(rate * rate for rate in base.rates)
        scatter = 1.0 / weekly + base.spread_of_slots * square / (weekly * weekly)
        error = scatter * base.squares / (base.weeks * base.weeks)
        self.margin = 1.0 + math.sqrt(error + DRIFT * DRIFT)
        if self.s == 0.0:
            usual = weekly * self.margin
            if a_day > 1 and usual >= rules.hourly_from * 7 * (0.8 if self.step == 1 else 1.0):
                self.step = 1
            elif usual >= rules.daily_from * 7 * (0.8 if self.step in (1, a_day) else 1.0):
                self.step = a_day
            else:
                self.step = self._slots
        self.spread = base.spread_of(self.step)
        information = 0.0
        for first in range(0, self._slots, self.step):
            mu = self.margin * add(base.rates[first : first + self.step])
            empty = llr(0, mu, self.spread)
            information -= empty + mu * (llr(1, mu, self.spread) - empty)
        runs = 0.68 * information / (1.0 + 3.1 * (information * self.step / self._slots))
        a_month = 365.25 / 12 / 7
        self.h = max(math.log(rules.false_alarm_months * a_month * runs), rules.least_leaves * math.log(2.0))


def llr(x: int, mu: float, spread: float) -> float:
    """The logarithm of how much likelier x is with twice the mean."""
    b = math.log((1.0 + 2.0 * spread * mu) / (1.0 + spread * mu))
    return x * (math.log(2.0) - b) - b / spread
