"""However a log interleaves the messages of its sources, the merge gives the actions in one order."""

from __future__ import annotations

import random

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from streams.clock import NO_CLOCK, StageClock
from streams.merge import Merge, Ready
from streams.packing import Stamp

SOURCES = 3
Message = tuple[Stamp, pa.RecordBatch]
Place = tuple[int, int]
"""Clock and offset of an action; offsets are different in all sources here."""


def messages(seed: int, source: int) -> list[Message]:
    """What one source sends: clocks that never go back, in messages of one to four actions."""
    rng = random.Random(seed * 10 + source)
    found: list[Message] = []
    clock, offset = 0, source
    for _ in range(rng.randint(1, 8)):
        rows = []
        for _ in range(rng.randint(1, 4)):
            clock += rng.choice((0, 0, 1, 5))
            rows.append({"source_offset": offset, "clock": clock})
            offset += SOURCES
        batch = pa.RecordBatch.from_pylist(rows)
        found.append((Stamp(source, SOURCES, rows[-1]["source_offset"], clock), batch))
    return found


def interleaved(seed: int, choices: random.Random) -> list[Message]:
    """One log of all sources: each in its own order."""
    queues = [messages(seed, source) for source in range(SOURCES)]
    log = []
    while any(queues):
        log.append(choices.choice([queue for queue in queues if queue]).pop(0))
    return log


def taken(merge: Merge, clock: StageClock, log: list[Message], start: int = 0) -> list[Place]:
    """The actions that come out while a log is read from a place on."""
    out: list[Place] = []
    for at, (stamp, batch) in enumerate(log[start:], start):
        merge.add(stamp, batch, at)
        now = clock.advance(stamp)
        if (ready := merge.ready(now)) is not None:
            out += places(ready)
    return out


def places(ready: Ready) -> list[Place]:
    """What is ready, in its order."""
    rows = ready.batch.take(pa.array(ready.order))
    return list(zip(rows["clock"].to_pylist(), rows["source_offset"].to_pylist(), strict=True))


def all_in_order(seed: int) -> list[Place]:
    rows = [
        (clock, offset % SOURCES, offset)
        for source in range(SOURCES)
        for _, batch in messages(seed, source)
        for clock, offset in zip(
            batch["clock"].to_pylist(), batch["source_offset"].to_pylist(), strict=True
        )
    ]  # fmt: skip
    return [(clock, offset) for clock, _, offset in sorted(rows)]


@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_any_log_gives_one_order(seed: int, luck: int) -> None:
    merge, clock = Merge(), StageClock()
    out = taken(merge, clock, interleaved(seed, random.Random(luck)))
    rest = merge.ready(1 << 60)
    if rest is not None:
        out += places(rest)
    assert out == all_in_order(seed)
    assert merge.held_from is None


@given(st.integers(0, 10_000), st.integers(0, 2**32), st.integers(0, 30))
def test_after_a_crash_what_was_held_back_is_read_again(seed: int, luck: int, crash: int) -> None:
    log = interleaved(seed, random.Random(luck))
    crash = min(crash, len(log))
    merge, clock = Merge(), StageClock()
    out = taken(merge, clock, log[:crash])
    resume = crash if merge.held_from is None else merge.held_from
    again = Merge(processed=dict(merge.processed))  # the clock is saved, too
    out += taken(again, clock, log, resume)
    rest = again.ready(1 << 60)
    if rest is not None:
        out += places(rest)
    assert out == all_in_order(seed)


def test_repeats_are_skipped_and_without_a_clock_everything_waits() -> None:
    merge = Merge()
    batch = pa.RecordBatch.from_pylist([{"source_offset": 0, "clock": 5}, {"source_offset": 1, "clock": 7}])
    assert merge.add(Stamp(0, 2, 1, 7), batch, 10) == 2
    assert merge.add(Stamp(0, 2, 1, 7), batch, 11) == 0
    assert merge.ready(NO_CLOCK) is None
    assert (merge.held_from, merge.held) == (10, 2)
    ready = merge.ready(7)
    assert ready is not None and places(ready) == [(5, 0)]  # the one at the clock waits
    assert merge.processed == {0: 0}
    assert (merge.held_from, merge.held) == (10, 1)
