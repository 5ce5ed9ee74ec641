"""When the UTC offset of a time zone changes: what compiled code needs to tell the day of a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

SINCE_EVER = -(2**62)
_STEP_S = 86_400
"""No zone since 1970 kept an offset for less than 6.9 days (tzdata 2026): a step misses none."""
_FIRST_S = int(datetime(1970, 1, 1, tzinfo=UTC).timestamp())
_LAST_S = int(datetime(2101, 1, 1, tzinfo=UTC).timestamp())


@cache
def zone_table(name: str) -> tuple[list[int], list[int]]:
    """The moments at which the UTC offset of an IANA zone changes, and the offset from each on, both in ms.

    Moments are since 1970 UTC; an offset added to one is local time. Exact from 1970 to 2100. The first, at
    `SINCE_EVER`, has the offset of the start of 1970. The lists are shared: they must not be changed.
    """
    zone = ZoneInfo(name)
    offset = _offset_ms(zone, _FIRST_S)
    moments, offsets = [SINCE_EVER], [offset]
    for end in range(_FIRST_S + _STEP_S, _LAST_S + 1, _STEP_S):
        after = _offset_ms(zone, end)
        if after != offset:
            moments.append(_change_s(zone, end - _STEP_S, end) * 1000)
            offsets.append(after)
            offset = after
    return moments, offsets


def _offset_ms(zone: ZoneInfo, at_s: int) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert offset is not None
    return offset // timedelta(milliseconds=1)


def _change_s(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second, up to `after`, with another offset than `before`: zones change on whole seconds."""
    first = _offset_ms(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_ms(zone, middle) == first:
            before = middle
        else:
            after = middle
    return after
