"""Counts of a day, of the 28 that end with the open day. See docs/groups.md, Counts of a day."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.calendar import Zone, hour_of
from streams.compiled import Integer, compiled
from streams.groups.state import MOST_COUNT, MOST_IN_CLASS, WINDOW_DAYS, WINDOW_MASK

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
    if in_window(group, day):
        slot = day % WINDOW_DAYS
        group["counted"] = np.int64(group["counted"]) | (np.int64(1) << (np.int64(group["day"]) - day))
        group["counts"][slot, what] = min(np.int64(group["counts"][slot, what]) + 1, MOST_COUNT)


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
def clear_day(group: Group, day: Integer) -> None:
    """A day begins: the counts of the one 28 days before it go."""
    group["counted"] = (np.int64(group["counted"]) << 1) & WINDOW_MASK
    slot = day % WINDOW_DAYS
    for what in range(group["counts"].shape[1]):
        group["counts"][slot, what] = 0
    if day - np.int64(group["answer_day"]) > WINDOW_DAYS:
        return
    for delay_class in range(group["answers"].shape[1]):
        group["answers"][slot, delay_class] = 0
