"""What groups and chains have in common: they take the actions of all source partitions in one order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

from streams.clock import NO_CLOCK, StageClock
from streams.merge import Merge, Ready
from streams.packing import Message, Record, Rows, Stamp, checked_headers, unpack_batch
from streams.records import Records
from streams.stage import Receipt


class Step(NamedTuple):
    """The stage's clock has gone on."""

    record: Record
    """What made it."""
    now_ms: int
    ready: Ready | None
    """The actions before `now_ms` that were not given yet; None for none."""


class InOrder:
    """The receipt, the clock and the order of actions of one input partition. A part of a `Reducer`."""

    def __init__(self, stage: str, partition: int) -> None:
        self.partition = partition
        self._mark = f"{stage}/{partition}"
        self.receipt = Receipt()
        self.clock = StageClock()
        self.merge = Merge()

    @property
    def clock_ms(self) -> int:
        """The stage's clock; below 0 when there is none yet."""
        return self.clock.now_ms

    @property
    def held(self) -> int:
        """How many actions wait until the clock has passed them."""
        return self.merge.held

    @property
    def held_from(self) -> int | None:
        """Actions that the clock has not passed are read again after a restart."""
        return self.merge.held_from

    def steps(self, records: Records) -> Iterator[Step]:
        """Take packed actions and ticks in; gives each step of the clock. Its actions are in the receipt."""
        for record in records:
            stamp = Stamp.of(checked_headers(record.headers))
            if record.value:
                batch = unpack_batch(record.value)
                self.receipt.skipped += batch.num_rows - self.merge.add(stamp, batch, record.offset)
            before = self.clock.now_ms
            now = self.clock.advance(stamp)
            if now in (NO_CLOCK, before):
                continue
            ready = self.merge.ready(now)
            if ready is not None:
                self.receipt.consumed += len(ready.order)
                self.receipt.accepted += len(ready.order)
            yield Step(record, now, ready)

    def rows(self, table: str, batch: pa.RecordBatch) -> Rows:
        """Rows of a table from this partition."""
        return Rows(table, self._mark, batch)

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Message]:
        """Nobody is behind these stages."""
        return []
