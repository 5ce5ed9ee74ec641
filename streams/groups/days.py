"""Counts of a day, of the 28 that end with the open day. See docs/groups.md, Counts of a day."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.calendar import Zone, hour_of
from streams.compiled import Integer, compiled
from streams.groups.state import (
    DAY_COUNTS,
    MOST_COUNT,
    MOST_IN_CLASS,
    PERIODS,
    TOPICS,
    WINDOW_DAYS,
    WINDOW_MASK,
)

_WEEK_BEFORE, _WEEKS_BEFORE = PERIODS[1][0], PERIODS[2][0]
_LAST_OF_PERIODS = tuple(end - 1 for _, end in PERIODS)

Group = Any
"""One row of `GROUP`."""


@compiled
def day_of(zone: Zone, at: Integer) -> Integer:
    """The community's day of a moment, since 1970-01-01."""
    return hour_of(zone, at) // 24


@compiled
def in_window(group: Group, day: Integer) -> bool:
    """Whether a day is one of the 28 that end with the open day."""
    return bool(day > np.int64(group["day"]) - WINDOW_DAYS)


@compiled
def count(group: Group, day: Integer, what: Integer) -> None:
    """One more of something on a day, if that is in the window."""
    if not in_window(group, day):
        return
    slot, age = day % WINDOW_DAYS, np.int64(group["day"]) - day
    counted = np.int64(group["counts"][slot, what])
    if counted == MOST_COUNT:
        return
    group["counts"][slot, what] = counted + 1
    period = np.int64(age >= _WEEK_BEFORE) + np.int64(age >= _WEEKS_BEFORE)
    group["sums"][period, what] += 1
    group["counted"] = np.int64(group["counted"]) | (np.int64(1) << age)
    if what == TOPICS:
        group["topic_days"] = np.int64(group["topic_days"]) | (np.int64(1) << age)


@compiled
def count_answer(group: Group, day: Integer, delay_class: Integer) -> None:
    """One more first reply of a class of delays on a day, if that is in the window."""
    if in_window(group, day):
        slot = day % WINDOW_DAYS
        group["answer_day"] = max(np.int64(group["answer_day"]), day)
        group["answers"][slot, delay_class] = min(
            np.int64(group["answers"][slot, delay_class]) + 1, MOST_IN_CLASS
        )


@compiled
def _leave_period(group: Group, period: Integer, day: Integer) -> None:
    """The counts of a day are no longer of a period, but of the one before it, if that is in the window."""
    slot = day % WINDOW_DAYS
    for what in range(len(DAY_COUNTS)):
        counted = np.int64(group["counts"][slot, what])
        group["sums"][period, what] -= counted
        if period + 1 < len(PERIODS):
            group["sums"][period + 1, what] += counted
        else:
            group["counts"][slot, what] = 0


@compiled
def begin_day(group: Group) -> None:
    """The day after the open one is the open one from now on; the one 28 days before it leaves the window."""
    day, counted = np.int64(group["day"]), np.int64(group["counted"])
    for period, last in enumerate(_LAST_OF_PERIODS):
        if counted >> last & 1:
            _leave_period(group, period, day - last)
    group["counted"] = (counted << 1) & WINDOW_MASK
    group["topic_days"] = (np.int64(group["topic_days"]) << 1) & WINDOW_MASK
    group["day"] = day + 1
    if day + 1 - np.int64(group["answer_day"]) <= WINDOW_DAYS:
        for delay_class in range(group["answers"].shape[1]):
            group["answers"][(day + 1) % WINDOW_DAYS, delay_class] = 0
