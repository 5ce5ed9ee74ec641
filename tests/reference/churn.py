"""Churn spikes once more, as docs/churn.md says, in plain Python: nothing is jumped, all is kept.

Every quarter of an hour the clocks of the zone are read; every step is closed, empty or not; each week all
sums are made anew from all the weeks so far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from schemas.churn_rules import Churn

QUARTER_MS = 900_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Change = tuple[str, int, int, int, int, float, float, float]
"""Kind, at, began, ended, count, expected, S, h."""


def single(x: float) -> float:
    """To single precision, as rates and cells are kept."""
    return float(np.float32(x))


def add(values: Iterable[float]) -> float:
    """Their sum, one after another: `sum` does better from Python 3.12 on, and so otherwise."""
    total = 0.0
    for value in values:
        total += value
    return total


@cache
def local_hour(zone: str, quarter: int) -> int:
    """The hour number that clocks there show in a quarter of an hour."""
    moment = quarter * QUARTER_MS
    offset = (EPOCH + timedelta(milliseconds=moment)).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return (moment + offset // timedelta(milliseconds=1)) // 3_600_000


def keep(half_life: float) -> float:
    """What is kept of a sum after a week."""
    return float(2.0 ** (-1.0 / half_life))


def clamp(spread: float) -> float:
    """Within bounds."""
    return min(max(spread, 0.02), 20.0)


def llr(x: int, mu: float, spread: float) -> float:
    """log NB(x; 2 mu, spread) / NB(x; mu, spread)."""
    b = math.log((1.0 + 2.0 * spread * mu) / (1.0 + spread * mu))
    return x * (math.log(2.0) - b) - b / spread


@dataclass
class Week:
    """A whole week of history."""

    leaves: list[int | None]
    """Of each slot; None in an alarm."""
    rates: list[float]
    """What was expected of each."""
    rules: Churn
    """In force as it ended."""

    @property
    def known(self) -> list[float]:
        """Leaves of each slot; what was expected where there was an alarm."""
        return [rate if x is None else float(x) for x, rate in zip(self.leaves, self.rates, strict=True)]


@dataclass
class Group:
    """The leaves of one group, by the hour (168 slots a week) or by the day (7). `rules` may be set anew."""

    zone: str
    rules: Churn
    slots: int
    begun: int
    """The clock at the group's first action, ms."""
    changes: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.quarter = self.begun // QUARTER_MS
        # What was shown before the first quarter counts if clocks have just gone back.
        self.hour = max(local_hour(self.zone, self.quarter - before) for before in range(16))
        self.slot = self.hour // self._hours
        self.starts = {self.slot: self.begun}
        self.whole_from = self.slot - self.place(self.slot) + self.slots
        self.leaves: dict[int, int] = {}
        self.alarmed: set[int] = set()
        self.weeks: list[Week] = []
        self.raised: list[tuple[int, float]] = []
        self.rates = [0.0] * self.slots
        self.step, self.margin, self.spread, self.h = 0, 0.0, 0.0, 0.0
        self.s = 0.0
        self.run: list[int] = []
        """Steps since S left 0."""
        self.expected = 0.0
        self.high = (0, 0, 0.0)
        self.opened = 0

    @property
    def _hours(self) -> int:
        return 168 // self.slots

    @property
    def _a_day(self) -> int:
        return self.slots // 7

    def place(self, slot: int) -> int:
        """The slot's place in the week; 1970-01-01 was a Thursday."""
        return (slot + 3 * self._a_day) % self.slots

    def pass_to(self, clock: int) -> None:
        """All that is over by `clock`."""
        while (self.quarter + 1) * QUARTER_MS <= clock:
            self.quarter += 1
            self.hour = max(self.hour, local_hour(self.zone, self.quarter))
            while self.slot < self.hour // self._hours:
                self.slot += 1
                at = self.quarter * QUARTER_MS
                self.starts[self.slot] = at
                if self.step and self.place(self.slot) % self.step == 0:
                    self._close(self.slot - self.step, self.slot, at)
                if self.place(self.slot) == 0:
                    self._end_week()

    def leave(self, clock: int, at: int, count: int = 1) -> None:
        """Some leaves."""
        self.pass_to(clock)
        if clock - at <= self.rules.late_hours * 3_600_000:
            self.leaves[self.slot] = min(self.leaves.get(self.slot, 0) + count, 65_534)

    def _count(self, first: int, end: int) -> int:
        return sum(self.leaves.get(slot, 0) for slot in range(first, end))

    def _usual(self, first: int, end: int) -> float:
        return add(self.rates[self.place(slot)] for slot in range(first, end))

    def _close(self, first: int, end: int, at: int) -> None:
        x, mu = self._count(first, end), self._usual(first, end)
        if self.opened:
            self.s = min(self.s, self.h)
            self.alarmed |= set(range(first, end))
        elif self.s == 0.0:
            self.run, self.expected = [], 0.0
        self.run.append(first)
        self.expected += mu
        self.s += llr(x, mu * self.margin, self.spread)
        gone = self._count(self.run[0], end)
        if self.s >= self.h and (self.opened or x > 0):
            self.high = (end, gone, self.expected)
            if not self.opened:
                self.opened = end
                self.alarmed |= set(range(self.run[0], end))
                self._tell("opened", at)
                return
        if self.s <= 0.0:
            self.s = 0.0
            if self.opened:
                self.opened = 0
                self._tell("resolved", at)
        elif self.opened and end - self.opened >= self.rules.longest_days * self._a_day:
            ratio = max(1.0, gone / self.expected)
            self.raised.append((len(self.weeks), ratio))
            self.rates = [single(rate * ratio) for rate in self.rates]
            self.opened, self.s = 0, 0.0
            self._tell("usual", at)

    def _tell(self, kind: str, at: int) -> None:
        end, count, expected = self.high
        began, ended = self.starts[self.run[0]], self.starts[end]
        self.changes.append((kind, at, began, ended, count, expected, self.s, self.h))

    def _end_week(self) -> None:
        first = self.slot - self.slots
        if first >= self.whole_from:
            leaves = [
                None if slot in self.alarmed else self.leaves.get(slot, 0) for slot in range(first, self.slot)
            ]
            self.weeks.append(Week(leaves, self.rates, self.rules))
            self.rates = self._rates()
            if len(self.weeks) >= self.rules.warm_up_weeks and not self.opened:
                self._set_chart()

    def _level(self) -> tuple[float, float, float]:
        """Leaves, weeks and squared weights, decayed."""
        level, weeks, squares = 0.0, 0.0, 0.0
        for number, week in enumerate(self.weeks):
            for after, ratio in self.raised:
                if after == number:
                    level *= ratio
            kept, known = keep(week.rules.level_half_life_weeks), week.known
            by_day = [add(known[d * self._a_day : (d + 1) * self._a_day]) for d in range(7)]
            level = kept * level + add(by_day)
            weeks = kept * weeks + 1.0
            squares = kept * kept * squares + 1.0
        return level, weeks, squares

    def _scatter(self, scale: int) -> float:
        """The spread of hours (0), days (1), weeks (2): excess variance by squared mean."""
        errors, squares, noise = [0.0] * 3, [0.0] * 3, 0.0
        for number, week in enumerate(self.weeks):
            if number == 0:
                continue
            kept, known = keep(week.rules.rhythm_half_life_weeks), week.known
            by_slot = clamp(errors[0] / squares[0]) if squares[0] > 0.0 else 0.5
            e, q, of_noise = [0.0] * 3, [0.0] * 3, 0.0
            whole_x, whole_mu, whole = 0.0, 0.0, True
            for d in range(7):
                places = slice(d * self._a_day, (d + 1) * self._a_day)
                xs, mus = known[places], week.rates[places]
                x, mu = add(xs), add(mus)
                whole_x, whole_mu = whole_x + x, whole_mu + mu
                if None in week.leaves[places]:
                    whole = False
                    continue
                square = add(m * m for m in mus)
                e[0] += add(((a - m) * (a - m) - m for a, m in zip(xs, mus, strict=True)))
                q[0] += square
                e[1] += (x - mu) * (x - mu) - mu
                q[1] += mu * mu
                of_noise += 2.0 * (mu + by_slot * square) * (mu + by_slot * square)
            if whole:
                e[2] = (whole_x - whole_mu) * (whole_x - whole_mu) - whole_mu
                q[2] = whole_mu * whole_mu
            if number == 1:
                squares = [4.0 * part for part in q]
                errors = [first * part for first, part in zip((0.5, 0.05, 0.03), squares, strict=True)]
            errors = [kept * a + b for a, b in zip(errors, e, strict=True)]
            squares = [kept * a + b for a, b in zip(squares, q, strict=True)]
            noise = kept * noise + of_noise
        if squares[scale] == 0.0:
            return (0.5, 0.05, 0.03)[scale]
        spread = clamp(errors[scale] / squares[scale])
        if scale == 0:
            spread = max(spread, (errors[1] - 1.5 * math.sqrt(noise)) / squares[0])
        return clamp(spread)

    def _rates(self) -> list[float]:
        cells, weeks = [0.0] * self.slots, 0.0
        for week in self.weeks:
            kept = keep(week.rules.rhythm_half_life_weeks)
            cells = [single(kept * cell + x) for cell, x in zip(cells, week.known, strict=True)]
            weeks = kept * weeks + 1.0
        n = self._a_day
        total = add(cells)
        hours = [(add(cells[h::n]) + 48.0 / n) / (total + 48.0) for h in range(n)]
        days = [(add(cells[d * n : (d + 1) * n]) + 70.0 / 7.0) / (total + 70.0) for d in range(7)]
        spread = self._scatter(0 if n > 1 else 1)
        shares = []
        for place, cell in enumerate(cells):
            share = hours[place % n] * days[place // n]
            prior = (1.0 + spread * (share * total) / weeks) / (0.25 * 0.25)
            shares.append(share * ((cell + prior) / (share * total + prior)))
        level, level_weeks, _ = self._level()
        scale = (level + 1.0) / level_weeks / add(shares)
        return [single(single(share) * scale) for share in shares]

    def _set_chart(self) -> None:
        n, rules = self._a_day, self.rules
        weekly = add(self.rates)
        _, weeks, squares = self._level()
        square = add(rate * rate for rate in self.rates)
        scatter = 1.0 / weekly + self._scatter(0 if n > 1 else 1) * square / (weekly * weekly)
        self.margin = 1.0 + math.sqrt(scatter * squares / (weeks * weeks) + 0.03 * 0.03)
        if self.s == 0.0:
            usual = weekly * self.margin
            if n > 1 and usual >= rules.hourly_from * 7 * (0.8 if self.step == 1 else 1.0):
                self.step = 1
            elif usual >= rules.daily_from * 7 * (0.8 if self.step in (1, n) else 1.0):
                self.step = n
            else:
                self.step = self.slots
        self.spread = self._scatter(2 if self.step == self.slots else 1 if self.step == n else 0)
        information = 0.0
        for first in range(0, self.slots, self.step):
            mu = self.margin * add(self.rates[first : first + self.step])
            empty = llr(0, mu, self.spread)
            information -= empty + mu * (llr(1, mu, self.spread) - empty)
        runs = 0.68 * information / (1.0 + 3.1 * (information * self.step / self.slots))
        a_month = 365.25 / 12 / 7
        self.h = max(math.log(rules.false_alarm_months * a_month * runs), rules.least_leaves * math.log(2.0))
