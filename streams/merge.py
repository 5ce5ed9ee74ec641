"""Actions of several source partitions in one order: that of the source clocks, whatever the log's own order.

A log of actions has those of each source partition in order, but how the sources interleave depends on how
fast each was read: of a backlog one partition's month may come before another's first day. A stage whose
entities get actions from many sources, as groups do, holds them back until the stage's clock has passed them,
and takes them in the order of (source clock, source partition, offset): that depends on the events alone.

What is held back is not saved: it is read again after a restart (`Merge.held_from`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from streams.clock import NO_CLOCK
from streams.columnar import Array
from streams.packing import Stamp


@dataclass
class _Held:
    """The rest of one message of a source, from row `start` on."""

    record_offset: int
    batch: pa.RecordBatch
    clock: Array
    start: int


class Ready(NamedTuple):
    """Actions that are all that there will be before some moment."""

    batch: pa.RecordBatch
    order: Array
    """The numbers of its rows in the order of the actions, int64: cheaper than a copy of all columns."""


@dataclass
class Merge:
    """The actions of one input partition of a stage. `processed` is to be saved and put back."""

    processed: dict[int, int] = field(default_factory=dict)
    """Of each source the highest offset that `ready` has given."""
    _received: dict[int, int] = field(default_factory=dict)
    _queues: dict[int, deque[_Held]] = field(default_factory=dict)

    def add(self, stamp: Stamp, batch: pa.RecordBatch, record_offset: int) -> int:
        """Take a message in, but for what came before; how many of its rows are new.

        `record_offset` is the message's own offset in the stage's log.
        """
        known = max(self._received.get(stamp.source, -1), self.processed.get(stamp.source, -1))
        start = int(np.searchsorted(batch["source_offset"].to_numpy(), known, side="right"))
        fresh = int(batch.num_rows) - start
        if fresh:
            self._received[stamp.source] = batch["source_offset"][-1].as_py()
            held = _Held(record_offset, batch, batch["clock"].to_numpy(), start)
            self._queues.setdefault(stamp.source, deque()).append(held)
        return fresh

    def ready(self, now_ms: int) -> Ready | None:
        """The actions before `now_ms`, which are all that there will be; None for none.

        An action *at* the clock waits: another may come at the same moment.
        """
        if now_ms == NO_CLOCK:
            return None
        pieces: list[pa.RecordBatch] = []
        for source in sorted(self._queues):
            queue = self._queues[source]
            while queue:
                held = queue[0]
                end = int(np.searchsorted(held.clock, now_ms, side="left"))
                if end > held.start:
                    pieces.append(held.batch.slice(held.start, end - held.start))
                    self.processed[source] = held.batch["source_offset"][end - 1].as_py()
                    held.start = end
                if held.start < held.batch.num_rows:
                    break
                queue.popleft()
        if not pieces:
            return None
        if len(pieces) == 1:
            return Ready(pieces[0], np.arange(pieces[0].num_rows))
        whole = pa.Table.from_batches(pieces).combine_chunks().to_batches()[0]
        # Sources one after another, each in the order of its offsets: a stable sort keeps both among equals.
        return Ready(whole, np.argsort(whole["clock"].to_numpy(), kind="stable"))

    @property
    def held(self) -> int:
        """How many actions are held back."""
        return sum(held.batch.num_rows - held.start for queue in self._queues.values() for held in queue)

    @property
    def held_from(self) -> int | None:
        """The offset in the stage's log of the oldest message of which something is held back; None."""
        return min((queue[0].record_offset for queue in self._queues.values() if queue), default=None)
