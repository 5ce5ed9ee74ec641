"""Days of a time zone: which one a moment is on, and when one begins."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY = date(1970, 1, 1)
MOST_OFFSET_MS = 16 * HOUR_MS
"""No place's time is further from UTC."""


@lru_cache(maxsize=1 << 18)
def day_of(moment: int, zone: ZoneInfo) -> int:
    """The local day of a moment, as whole days since 1970-01-01."""
    return (_local(moment, zone).date() - FIRST_DAY).days


@lru_cache(maxsize=1 << 16)
def start_of(day: int, zone: ZoneInfo) -> int:
    """The first moment whose day is this one or a later one: a zone may leave a midnight or a day out."""
    first, last = day * DAY_MS - MOST_OFFSET_MS, day * DAY_MS + MOST_OFFSET_MS
    offset = _offset(first, zone)
    if _offset(last, zone) == offset:
        return day * DAY_MS - offset
    minute = next(m for m in range(first, last, MINUTE_MS) if day_of(m, zone) >= day)
    # Some offsets of the past have seconds.
    return next(s for s in range(minute - MINUTE_MS, last, SECOND_MS) if day_of(s, zone) >= day)


def date_of(day: int) -> date:
    """A day as a date."""
    return FIRST_DAY + timedelta(days=day)


def _local(moment: int, zone: ZoneInfo) -> datetime:
    return (EPOCH + timedelta(milliseconds=moment)).astimezone(zone)


def _offset(moment: int, zone: ZoneInfo) -> int:
    offset = _local(moment, zone).utcoffset()
    assert offset is not None
    return offset // timedelta(milliseconds=1)
