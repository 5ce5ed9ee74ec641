"""The stream clock of a stage."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.clock import NO_CLOCK, StageClock
from streams.packing import Stamp


def clock(*stamps: tuple[int, int, int, bool], sources: int = 2) -> StageClock:
    """A clock after stamps of (source, offset, clock, idle)."""
    made = StageClock()
    for source, offset, at, idle in stamps:
        made.advance(Stamp(source, sources, offset, at, idle))
    return made


def test_there_is_no_clock_until_every_source_was_heard_of() -> None:
    assert clock((0, 5, 1000, False)).now_ms == NO_CLOCK
    assert clock((0, 5, 1000, False), (1, 0, 400, False)).now_ms == 400


def test_is_the_lowest_of_the_busy_sources() -> None:
    assert clock((0, 5, 1000, False), (1, 0, 400, False), (1, 1, 900, False)).now_ms == 900
    assert clock((0, 5, 1000, False), (1, 0, 400, False), (1, 1, 1900, False)).now_ms == 1000


def test_an_idle_source_holds_nobody_back() -> None:
    assert clock((0, 5, 1000, False), (1, 0, 400, True)).now_ms == 1000


def test_when_all_are_idle_it_is_the_highest() -> None:
    assert clock((0, 5, 1000, True), (1, 0, 7400, True)).now_ms == 7400


def test_never_goes_back() -> None:
    assert clock((0, 5, 1000, False), (1, 0, 400, True), (1, 1, 450, False)).now_ms == 1000


def test_a_source_without_events_holds_until_it_is_idle() -> None:
    held = clock((0, 5, 1000, False), (1, -1, NO_CLOCK, False))
    assert held.now_ms == NO_CLOCK
    held.advance(Stamp(1, 2, -1, NO_CLOCK, True))
    assert held.now_ms == 1000


def test_a_stale_stamp_changes_nothing() -> None:
    late = clock((0, 5, 1000, False), (1, 9, 2000, False))
    late.advance(Stamp(0, 2, 4, 9000, True))
    assert late.now_ms == 1000
    assert late.absorbed(0) == 5


def test_of_two_stamps_at_one_offset_the_later_clock_counts() -> None:
    ticking = clock((0, 5, 1000, False), (1, 9, 9000, False))
    ticking.advance(Stamp(0, 2, 5, 6000, True))
    assert ticking.now_ms == 9000
    ticking.advance(Stamp(0, 2, 5, 1000, False))  # read again after a crash
    assert ticking.sources[0].clock_ms == 6000


def test_knows_what_it_has_of_each_source() -> None:
    known = clock((0, 5, 1000, False), (1, -1, NO_CLOCK, True))
    assert [known.absorbed(source) for source in (0, 1, 2)] == [5, -1, -1]


STAMPS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-1, 9), st.integers(-1, 100), st.booleans()), max_size=40
)


@given(STAMPS, st.integers(0, 40))
def test_stamps_read_again_change_nothing(stamps: list[tuple[int, int, int, bool]], back: int) -> None:
    """After a crash a log is read again from further back. Of a source, clocks grow with offsets."""
    log = []
    highest: dict[int, tuple[int, int]] = {}
    for source, offset, at, idle in stamps:
        before = highest.get(source, (-1, -1))
        highest[source] = max(before[0], offset), max(before[1], at)
        log.append((source, *highest[source], idle))
    once = clock(*log, sources=3)
    again = clock(*log, *log[back:], sources=3)
    assert again.now_ms >= once.now_ms
    assert {s: (t.offset, t.clock_ms) for s, t in again.sources.items()} == {
        s: (t.offset, t.clock_ms) for s, t in once.sources.items()
    }
