"""Messages of the topic of rows that were fetched and are not inserted yet, and when to insert them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from aiokafka.structs import TopicPartition

from sinks.errors import SinkError
from streams.packing import PackingError, Rows

MAX_BYTES = 128 << 20
"""Enough to fill an insert of any size, and a bound on memory when rows are large."""

GATHER_S = 0.15
"""From the first row on, for what follows at its heels."""


@dataclass(slots=True)
class Buffer:
    """Rows in the order in which they were consumed, and the offsets to commit once they are inserted."""

    rows_wanted: int
    seconds: float
    batches: list[Rows] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0
    next_offsets: dict[TopicPartition, int] = field(default_factory=dict)
    first_offsets: dict[TopicPartition, int] = field(default_factory=dict)
    flushed_at: float = float("-inf")
    first_at: float = float("-inf")

    def add(self, partition: TopicPartition, records: list[Any]) -> None:
        """Take the records of one fetch. Raises `SinkError` for one that is not ours."""
        for record in records:
            try:
                rows = Rows.unpack(record.value or b"", record.headers)
            except (PackingError, KeyError) as error:
                raise SinkError(
                    f"topic {partition.topic}, partition {partition.partition}, offset {record.offset}: "
                    f"{error}; nobody but the stages may write to this topic"
                ) from error
            self.batches.append(rows)
            self.rows += rows.batch.num_rows
            self.bytes += len(record.value)
        if not self.next_offsets:
            self.first_at = time.monotonic()
        self.first_offsets.setdefault(partition, records[0].offset)
        self.next_offsets[partition] = records[-1].offset + 1

    def wait_s(self, now: float) -> float | None:
        """Seconds until these rows should be inserted, 0 for at once, None while there are none.

        The clock runs from the last insert, not from the first row: after a quiet second a lone message waits
        only for what belongs to it (its event's row comes before its person's), and under load an insert is
        made every so many seconds or rows.
        """
        if not self.next_offsets:
            return None
        if self.rows >= self.rows_wanted or self.bytes >= MAX_BYTES:
            return 0.0
        return max(0.0, self.flushed_at + self.seconds - now, self.first_at + GATHER_S - now)

    def clear(self) -> None:
        """Forget what was fetched."""
        self.batches, self.rows, self.bytes = [], 0, 0
        self.next_offsets, self.first_offsets = {}, {}
