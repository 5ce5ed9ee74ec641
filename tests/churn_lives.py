"""Lives of groups for `tests/test_churn.py`, and a churn detector that is led through them as by a stage."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from schemas.churn_rules import Churn
from schemas.rules import DAY_MS, HOUR_MS
from streams.calendar import Zone
from streams.columnar import Array
from streams.groups.churn import (
    CHURN,
    CHURN_BY_DAY,
    CHURN_RULES,
    KINDS,
    begin,
    due,
    numbers,
    pass_time,
    record_leave,
    record_leaves,
    renew,
)
from tests.reference.churn import Change, Group

WEEK_MS = 7 * DAY_MS
MONDAY = 1_768_176_000_000  # 2026-01-12 UTC
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Antarctica/Troll",
)
SPIKE_AT = MONDAY + 8 * WEEK_MS + 12 * HOUR_MS
"""A Monday at 12 o'clock."""


def rules_row(rules: Churn) -> Array:
    """The rules as kernels take them."""
    array = np.zeros(1, CHURN_RULES)
    for name, value in numbers(rules).items():
        array[0][name] = value
    return array


@dataclass
class Detector:
    """A group's state, the arguments that its functions take besides, and what it said."""

    zone: str = "UTC"
    rules: Churn = field(default_factory=Churn)
    slots: int = 168
    begun: int = MONDAY
    said: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.array = np.zeros(1, CHURN if self.slots == 168 else CHURN_BY_DAY)
        self.book, self.row = Zone.of(self.zone), rules_row(self.rules)
        begin(self.state, self.book, self.begun)

    @property
    def state(self) -> Any:
        return self.array[0]

    def pass_to(self, clock: int) -> None:
        while due(self.state) <= clock:
            kind, *evidence = pass_time(self.state, self.row[0], self.book)
            if kind:
                at, began, ended, count = map(int, evidence[:4])
                expected, score, threshold = map(float, evidence[4:])
                self.said.append((KINDS[kind], at, began, ended, count, expected, score, threshold))

    def leave(self, clock: int, at: int, count: int = 1) -> None:
        self.pass_to(clock)
        if count == 1:
            record_leave(self.state, self.row[0], self.book, clock, at)
        else:
            record_leaves(self.state, self.row[0], self.book, clock, at, count)

    def restart(self, rules: Churn, zone: str) -> None:
        """Go on from a checkpoint, maybe by other rules."""
        self.array = np.frombuffer(self.array.tobytes(), self.array.dtype).copy()
        self.book, self.row = Zone.of(zone), rules_row(rules)
        renew(self.state, self.book)


Leave = tuple[int, int, int]
"""The clock, their own moment, and how many leave."""


@dataclass(frozen=True)
class Life:
    """What happens to a group."""

    zone: str
    slots: int
    begun: int
    seed: int
    usual: float
    """Leaves a day."""
    nights: bool
    bursts: tuple[int, ...]
    """How many leave at once."""
    spans: list[tuple[int, float]]
    """Hours, with so many times as many."""
    rules: Churn
    restart: tuple[float, Churn]
    """After which part of the leaves, and the rules from then on."""

    @property
    def end(self) -> int:
        return self.begun + sum(hours for hours, _ in self.spans) * HOUR_MS + 20 * DAY_MS

    def leaves(self) -> list[Leave]:
        """Some are late, some too late."""
        chance, at, clocks = random.Random(self.seed), self.begun, []
        for hours, times in self.spans:
            for hour in range(hours):
                rate = self.usual / 24 * times * (0.1 if self.nights and hour % 24 < 8 else 1.0)
                while chance.random() < rate / (1 + rate):
                    clocks.append(at + chance.randrange(HOUR_MS))
                at += HOUR_MS
        late = (0, 0, HOUR_MS // 2, 30 * HOUR_MS)
        return [(clock, clock - chance.choice(late), chance.choice(self.bursts)) for clock in sorted(clocks)]


thresholds = st.builds(
    Churn,
    false_alarm_months=st.floats(1, 100),
    least_leaves=st.integers(2, 8),
    hourly_from=st.floats(1, 20),
    daily_from=st.floats(0.1, 1),
    warm_up_weeks=st.integers(2, 3),
    level_half_life_weeks=st.floats(1, 10),
    rhythm_half_life_weeks=st.floats(1, 20),
    longest_days=st.integers(3, 9),
    late_hours=st.integers(1, 48),
)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Spans with few leaves and many, of hours and of weeks, when clocks change, by rules of all kinds."""
    rules = draw(thresholds)
    times = st.sampled_from((0.0, 0.3, 1.0, 2.0, 4.0, 15.0))
    return Life(
        zone=draw(st.sampled_from(ZONES)),
        slots=draw(st.sampled_from((168, 168, 7))),
        # Clocks change from week 8 to 12 and from 38 to 42.
        begun=MONDAY + (draw(st.sampled_from((2, 33))) * 168 + draw(st.integers(0, 6 * 168))) * HOUR_MS,
        seed=draw(st.integers(0, 2**32)),
        usual=draw(st.sampled_from((0.2, 1.0, 4.0, 15.0, 40.0))),
        nights=draw(st.booleans()),
        bursts=draw(st.sampled_from(((1,), (1,), (1, 1, 3), (0, 1, 5, 100), (1,) * 99 + (65_000,)))),
        spans=[
            (draw(st.integers(2 * 168, 4 * 168)), 1.0),
            *draw(st.lists(st.tuples(st.integers(1, 400), times), max_size=4)),
        ],
        rules=rules,
        restart=(draw(st.floats(0, 1)), draw(st.one_of(st.just(rules), thresholds))),
    )


def differences(detector: Detector, leaves: list[Leave], end: int, restart: tuple[int, Churn]) -> list[str]:
    """Where a new detector and the reference say different things."""
    group = Group(detector.zone, detector.rules, detector.slots, detector.begun)
    for number, (clock, at, count) in enumerate(leaves):
        detector.leave(clock, at, count)
        group.leave(clock, at, count)
        if number == restart[0]:
            # Weeks are learnt late, by the rules then in force; this one's leave learns them in time.
            detector.leave(clock, clock)
            group.leave(clock, clock)
            detector.restart(restart[1], detector.zone)
            group.rules = restart[1]
    detector.pass_to(end)
    group.pass_to(end)
    record_leave(detector.state, detector.row[0], detector.book, end, end)
    return [
        f"{name}: {said}, not {right}"
        for name, said, right in (
            ("changes", detector.said, group.changes),
            ("rates", detector.state["rates"].tolist(), group.rates),
            ("step", int(detector.state["step"]), group.step),
            ("chart", [float(detector.state[n]) for n in ("spread", "margin")], [group.spread, group.margin]),
            ("h", float(detector.state["threshold"]), group.h),
            ("S", float(detector.state["sum"]), group.s),
        )
        if said != right
    ]


def regular(weeks: int, a_day: float, seed: int = 1, first: int = MONDAY) -> list[int]:
    """Leaves by day, from 8 to 20 o'clock, Poisson."""
    rng = np.random.default_rng(seed)
    hours = np.arange(weeks * 168)
    counts = rng.poisson(np.where((hours % 24 >= 8) & (hours % 24 < 20), a_day / 12, 0))
    return sorted(
        (first + np.repeat(hours, counts) * HOUR_MS + rng.integers(0, HOUR_MS, counts.sum())).tolist()
    )


def watched(leaves: list[int], until: int | None = None, **arguments: Any) -> Detector:
    """A detector that was given these leaves."""
    detector = Detector(**arguments)
    for at in leaves:
        detector.leave(at, at)
    if until is not None:
        detector.pass_to(until)
    return detector


def burst(first: int, count: int, hours: int = 1) -> list[int]:
    """So many leaves in each of some hours."""
    return [first + h * HOUR_MS + i * HOUR_MS // count for h in range(hours) for i in range(count)]
