"""Hours of local time: the number of a moment's hour since 1970, and when an hour begins."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tests.oracle.calendar import EPOCH, HOUR_MS, MOST_OFFSET_MS

WEEK_HOURS = 168
MONDAY_HOURS = 72
"""Weeks begin on Monday; 1970 began on a Thursday."""
QUARTER_MS = HOUR_MS // 4


@lru_cache(maxsize=1 << 20)
def _offset_of(quarter: int, zone: ZoneInfo) -> int:
    offset = (EPOCH + timedelta(milliseconds=quarter * QUARTER_MS)).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // timedelta(milliseconds=1)


def local_ms(moment: int, zone: ZoneInfo) -> int:
    """What clocks show there, ms; they are only ever changed at quarters of an hour of UTC (since 1972)."""
    return moment + _offset_of(moment // QUARTER_MS, zone)


def hour_of(moment: int, zone: ZoneInfo) -> int:
    """The hour number: whole hours of local time since 1970."""
    return local_ms(moment, zone) // HOUR_MS


def hour_of_week(hour: int) -> int:
    """The hour of the week of an hour number: 0 is Monday from midnight on."""
    return (hour + MONDAY_HOURS) % WEEK_HOURS


def week_of(hour: int) -> int:
    """The week of an hour number."""
    return (hour + MONDAY_HOURS) // WEEK_HOURS


@lru_cache(maxsize=1 << 18)
def start_of_hour(hour: int, zone: ZoneInfo) -> int:
    """The first moment whose hour number is this one or a later one."""
    first, last = hour * HOUR_MS - MOST_OFFSET_MS, hour * HOUR_MS + MOST_OFFSET_MS
    offset = local_ms(first, zone) - first
    if local_ms(last, zone) - last == offset:
        return hour * HOUR_MS - offset
    quarter = next(m for m in range(first, last, QUARTER_MS) if hour_of(m + QUARTER_MS - 1, zone) >= hour)
    return quarter if hour_of(quarter, zone) >= hour else hour * HOUR_MS - (local_ms(quarter, zone) - quarter)


def highest_hour(moment: int, zone: ZoneInfo) -> int:
    """The highest hour number of all moments up to this one: it never goes back."""
    hour = hour_of(moment, zone)
    while start_of_hour(hour + 1, zone) <= moment:
        hour += 1
    return hour
