"""Local time in compiled code: the offset of a time zone at a moment, the hour and the day there.

An *hour number* counts the hours of local time since Thursday 1970-01-01 00:00; the hour that a change of
clocks repeats has one number twice, the hour that it leaves out is none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from schemas.rules import HOUR_MS
from streams.columnar import Array
from streams.compiled import Integer, compiled
from streams.users.zones import zone_table

WEEK_HOURS = 168
_MONDAY = 72
"""The hours by which weeks that begin on Monday are ahead of those that begin with 1970."""
_REACH_MS = 18 * HOUR_MS
"""No place is further from UTC."""


class Zone(NamedTuple):
    """A time zone."""

    starts: Array
    """int64, ms: from when on each offset holds, in order."""
    offsets: Array
    """int64, ms to add to UTC."""

    @classmethod
    def of(cls, name: str) -> Zone:
        """That of the IANA database."""
        starts, offsets = zone_table(name)
        return cls(np.array(starts, np.int64), np.array(offsets, np.int64))


@compiled
def place_in(zone: Zone, at: Integer) -> Integer:
    """Which of the zone's offsets holds at a moment (ms)."""
    low = 0
    high = len(zone.starts)
    while high - low > 1:
        middle = (low + high) // 2
        if zone.starts[middle] <= at:
            low = middle
        else:
            high = middle
    return low


@compiled
def hour_of(zone: Zone, at: Integer) -> Integer:
    """The hour number of a moment (ms)."""
    return (at + zone.offsets[place_in(zone, at)]) // HOUR_MS


@compiled
def start_of_hour(zone: Zone, hour: Integer) -> Integer:
    """The first moment (ms) whose hour number is `hour` or later."""
    end = len(zone.starts)
    place = place_in(zone, hour * HOUR_MS - _REACH_MS)
    while True:
        moment = max(zone.starts[place], hour * HOUR_MS - zone.offsets[place])
        if place + 1 >= end or moment < zone.starts[place + 1]:
            return moment
        place += 1


@compiled
def week_of(hour: Integer) -> Integer:
    """The week of an hour number; weeks begin on Monday."""
    return (hour + _MONDAY) // WEEK_HOURS


@compiled
def hour_of_week(hour: Integer) -> Integer:
    """The hour of the week of an hour number: 0 is Monday from midnight on."""
    return (hour + _MONDAY) % WEEK_HOURS
