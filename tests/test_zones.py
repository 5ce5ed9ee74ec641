"""The offsets of time zones, against zoneinfo."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.users.zones import SINCE_EVER, zone_table

ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "America/New_York", "America/Sao_Paulo",
    "America/St_Johns", "Africa/Casablanca", "Africa/Monrovia", "Asia/Kolkata", "Asia/Gaza", "Asia/Shanghai",
    "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Antarctica/Troll",
)  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END_MS = (datetime(2101, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


def from_zoneinfo(zone: str, at_ms: int) -> int:
    offset = (EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return offset // timedelta(milliseconds=1)


def from_table(zone: str, at_ms: int) -> int:
    moments, offsets = zone_table(zone)
    return offsets[bisect_right(moments, at_ms) - 1]


@given(st.sampled_from(ZONES), st.integers(0, END_MS - 1))
@example("Pacific/Apia", 1_325_239_200_000)
@example("Africa/Monrovia", 0)
@example("Europe/Berlin", END_MS - 1)
def test_offset_at_any_moment_is_that_of_zoneinfo(zone: str, at_ms: int) -> None:
    assert from_table(zone, at_ms) == from_zoneinfo(zone, at_ms)


@pytest.mark.parametrize("zone", ZONES)
def test_each_change_is_exact_to_the_millisecond(zone: str) -> None:
    moments, offsets = zone_table(zone)
    assert moments[0] == SINCE_EVER
    assert moments == sorted(set(moments))
    assert len(offsets) == len(moments)
    for moment, before, after in zip(moments[1:], offsets, offsets[1:], strict=False):
        assert before != after
        assert from_zoneinfo(zone, moment - 1) == before
        assert from_zoneinfo(zone, moment) == after


@pytest.mark.parametrize("zone", ["Asia/Gaza", "America/Noronha", "Africa/Casablanca"])
def test_no_change_is_missed_where_they_are_closest(zone: str) -> None:
    every_six_hours = range(0, END_MS, 6 * 3_600_000)
    assert [from_table(zone, at) for at in every_six_hours] == [
        from_zoneinfo(zone, at) for at in every_six_hours
    ]


def test_utc_is_one_entry() -> None:
    assert zone_table("UTC") == ([SINCE_EVER], [0])


def test_the_day_that_samoa_left_out() -> None:
    moments, offsets = zone_table("Pacific/Apia")
    crossing = moments.index(1_325_239_200_000)
    assert offsets[crossing] - offsets[crossing - 1] == 86_400_000


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        zone_table("Europe/Nowhere")
