"""Churn spikes on generated groups: how many are found, how soon, and how many false alarms a month.

In half a year three times as many leave for three days. The detector knows nothing in advance: it learns as
leaves come. Beside it: the same chart told the true rates and scatter; and two rules that people use, more
than mean + 3 standard deviations of the last 28 days, and three times yesterday. What is harder than the
plain world (`bench.quality.leaving`) stands in a second table.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console

from bench.quality.leaving import (
    END_MS,
    HARDER,
    LEARNING_WEEKS,
    PLAIN,
    SPIKE_DAYS,
    START_MS,
    TIMES,
    WEEKS,
    Floats,
    Group,
    Moments,
    World,
    generate,
)
from schemas.churn_rules import Churn
from schemas.rules import DAY_MS, HOUR_MS
from streams.calendar import Zone, start_of_hour
from streams.compiled import Integer, compiled
from streams.groups.churn import (
    CHURN,
    CHURN_RULES,
    OPENED,
    begin,
    due,
    hour_shown,
    numbers,
    pass_time,
    record_leave,
)
from streams.groups.churn_baseline import llr
from streams.report import as_table

JUDGED_MS = START_MS + LEARNING_WEEKS * 7 * DAY_MS
"""Nothing is judged before."""
GROUPS = 400
"""Of each size."""
SIZES = (1.0, 2.0, 5.0, 10.0, 30.0, 100.0)
"""Leaves a day."""
SEED = 2026
LONG_DAYS = 14
_DELAYS = {"median delay at 10, h": 24.0, "median delay at 30, h": 12.0}


@compiled
def _watch(row: Any, rules: Any, zone: Zone, leaves: Moments, end: Integer, out: Moments) -> Integer:
    """Feed one group's leaves to the detector; the moments at which alarms open go to `out`: how many."""
    found = 0
    begin(row, zone, START_MS)
    for i in range(len(leaves) + 1):
        clock = leaves[i] if i < len(leaves) else end
        while due(row) <= clock:
            change = pass_time(row, rules, zone)
            if change.kind == OPENED:
                out[found] = change.at
                found += 1
        if i < len(leaves):
            record_leave(row, rules, zone, clock, clock)
    return found


Method = Callable[[Group], list[int]]
"""The moments at which alarms open in a group."""


def detector(rules: Churn) -> Method:
    """Ours."""
    row = np.zeros(1, CHURN_RULES)
    for name, value in numbers(rules).items():
        row[name] = value

    def opened(group: Group) -> list[int]:
        out = np.zeros(WEEKS * 168, np.int64)
        count = _watch(np.zeros(1, CHURN)[0], row[0], Zone.of(group.zone), group.leaves, END_MS, out)
        return [int(at) for at in out[:count]]

    return opened


@compiled
def _told(counts: Moments, usual: Floats, spread: float, out: Moments) -> Integer:
    """The hourly chart with nothing to learn, h for one false alarm in 50 months; as `_watch`."""
    information = 0.0
    for mu in usual:
        information -= llr(0, mu, spread) + mu * (llr(1, mu, spread) - llr(0, mu, spread))
    information /= len(usual)
    h = math.log(50 * 24 * 365.25 / 12 * 0.68 * information / (1 + 3.1 * information))
    found, s, alarm = 0, 0.0, False
    for hour in range(len(counts)):
        s = max(0.0, min(s, h) + llr(counts[hour], usual[hour], spread))
        if s >= h and not alarm:
            out[found] = START_MS + (hour + 1) * HOUR_MS
            found += 1
        alarm = s >= h or (alarm and s > 0)
    return found


def told(group: Group) -> list[int]:
    """The same chart, by the hour whatever the size, told what the detector has to learn."""
    counts = np.bincount((group.leaves - START_MS) // HOUR_MS, minlength=len(group.usual))
    out = np.zeros(len(counts), np.int64)
    count = _told(counts[: len(group.usual)], group.usual, group.spread, out)
    return [int(at) for at in out[:count] if at >= JUDGED_MS]


def by_day(rule: Callable[[Moments, int], bool]) -> Method:
    """A rule on the leaves of each local day, told at the end of the day; days in a row are one alarm."""

    def opened(group: Group) -> list[int]:
        zone = Zone.of(group.zone)
        first, last = int(hour_shown(zone, START_MS)) // 24, int(hour_shown(zone, END_MS - 1)) // 24
        starts = np.array([start_of_hour(zone, 24 * day) for day in range(first, last + 2)])
        counts = np.histogram(group.leaves, starts)[0]
        hits = [day >= 7 * LEARNING_WEEKS and rule(counts, day) for day in range(len(counts) - 1)]
        return [int(starts[day + 1]) for day, hit in enumerate(hits) if hit and not hits[day - 1]]

    return opened


def three_sd(counts: Moments, day: int) -> bool:
    """More than mean + 3 standard deviations of the 28 days before."""
    past = counts[day - 28 : day]
    return bool(counts[day] > past.mean() + 3 * past.std(ddof=1))


def three_times(counts: Moments, day: int) -> bool:
    """Three times yesterday's, and five at least."""
    return bool(counts[day] >= 5 and counts[day] >= 3 * counts[day - 1])


@dataclass(frozen=True)
class Quality:
    """What a method did with many groups."""

    recall: float
    delay_h: float
    """Median, from the beginning of a spike, of those found."""
    false_a_month: float

    def __str__(self) -> str:
        return f"{self.recall:.3f}  {self.delay_h:4.1f} h  {self.false_a_month:.3f}"


def judge(groups: list[Group], method: Method) -> Quality:
    """The first alarm from a spike's beginning to a day after its end finds it; every other one is false."""
    delays, false = [], 0
    for group in groups:
        opened = method(group)
        hits = [at for at in opened if group.spike_at < at <= group.spike_end + DAY_MS]
        delays += [(at - group.spike_at) / HOUR_MS for at in hits[:1]]
        false += len(opened) - len(hits[:1])
    months = len(groups) * (END_MS - JUDGED_MS) / DAY_MS / (365.25 / 12)
    return Quality(len(delays) / len(groups), median(delays) if delays else math.nan, false / months)


def _groups(world: World, a_day: float, count: int, days: int = SPIKE_DAYS) -> list[Group]:
    return [generate(world, a_day, (SEED, int(10 * a_day), number), days) for number in range(count)]


def cost(a_day: float) -> float:
    """Microseconds a leave, all that time does included."""
    groups, method = _groups(PLAIN, a_day, 50), detector(Churn())
    method(groups[0])
    started = time.perf_counter()
    for group in groups:
        method(group)
    return (time.perf_counter() - started) / sum(len(group.leaves) for group in groups) * 1e6


def run(console: Console, groups: int) -> dict[str, float]:
    """Print the tables, of so many groups a size; the figures that have bars."""
    ours = detector(Churn())
    rivals = (told, by_day(three_sd), by_day(three_times))
    columns = ("churn detector", "told the truth", "mean + 3 sd", "3 x yesterday")
    rows, found, large = [], {}, []
    for a_day in SIZES:
        some = _groups(PLAIN, a_day, groups)
        large += some if a_day >= 5 else []
        found[a_day] = judge(some, ours)
        rows.append((f"{a_day:g}", str(found[a_day]), *(str(judge(some, rival)) for rival in rivals)))
    every = judge(large, ours)
    rows.append(("5 to 100", str(every), *(str(judge(large, rival)) for rival in rivals)))
    for a_day in SIZES[:2]:
        some = _groups(PLAIN, a_day, groups, LONG_DAYS)
        rows.append((f"{a_day:g}, {LONG_DAYS} days", *(str(judge(some, rival)) for rival in (ours, *rivals))))
    title = (
        f"Churn spikes: {TIMES:g} x for {SPIKE_DAYS} days, {groups} groups x {WEEKS} weeks of each size. "
        "Recall, median delay, false alarms a group-month"
    )
    console.print(as_table(("leaves a day", *columns), rows, title))
    harder = []
    for world in HARDER:
        for a_day in (10.0, 30.0):
            some = _groups(world, a_day, groups // 2)
            harder.append((world.name, f"{a_day:g}", str(judge(some, ours)), str(judge(some, rivals[1]))))
    console.print(as_table(("harder", "leaves a day", columns[0], columns[2]), harder))
    costs = ", ".join(f"{cost(a_day):.2f} us a leave at {a_day:g} a day" for a_day in (2.0, 10.0, 100.0))
    console.print(f"Cost: {costs}; {CHURN.itemsize:,} bytes a group")
    return {
        "recall, 5 leaves a day and more": every.recall,
        "median delay at 10, h": found[10.0].delay_h,
        "median delay at 30, h": found[30.0].delay_h,
        **{f"false alarms a group-month at {a_day:g}": found[a_day].false_a_month for a_day in SIZES},
    }


def report(console: Console, groups: int = GROUPS) -> bool:
    """Print tables and bars; whether every bar is met."""
    rows = []
    for name, value in run(console, groups).items():
        if name.startswith("recall"):
            bar, met = "at least 0.95", value >= 0.95
        else:
            most = _DELAYS.get(name, 0.02)
            bar, met = f"at most {most:g}", value <= most
        rows.append((name, f"{value:.3g}", bar, "yes" if met else "NO"))
    console.print(as_table(("figure", "measured", "bar", "met"), rows, "Churn spikes: bars"))
    return all(row[-1] == "yes" for row in rows)
