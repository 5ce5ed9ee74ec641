"""Packed messages: what travels between stages, and from stages to the sink.

A message is one Arrow IPC stream of one record batch for one target partition. What it is stands in its
headers, so a receiver can skip it, or refuse a version that it does not know, without opening it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

PACKING_VERSION = b"2"
# With threads a message of ten rows takes six times as long, one of a thousand four times.
_WRITE = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READ = pa.ipc.IpcReadOptions(use_threads=False)


class PackingError(ValueError):
    """A packed message that can't be read: made by another version, or not one of ours."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message on its way to a log: where to, its bytes, its headers."""

    topic: str
    partition: int
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table from one stage partition, as the topic `rows` carries them.

    `partition` is the rows' `_partition`: stage and input partition, as ``users/3``.
    """

    table: str
    partition: str
    batch: pa.RecordBatch

    def pack(self, topic: str, target: int) -> Message:
        """The message that carries these rows to partition `target` of the topic of rows."""
        return Message(
            topic,
            target,
            pack_batch(self.batch),
            (
                ("version", PACKING_VERSION),
                ("table", self.table.encode()),
                ("partition", self.partition.encode()),
            ),
        )

    @classmethod
    def unpack(cls, value: bytes, headers: Iterable[tuple[str, bytes]]) -> Rows:
        """The rows of a message. Raises `PackingError`."""
        found = checked_headers(headers)
        return cls(found["table"].decode(), found["partition"].decode(), unpack_batch(value))


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every message between stages says of the source partition that it comes from.

    `clock_ms` is the source partition's event clock after the last event taken; `offset` is that event's
    offset (-1 before the first). `idle` says that the partition was read to its end and has had nothing for
    5 s; then `clock_ms` has gone on with the wall clock. `sources` is how many source partitions there are.
    """

    source: int
    sources: int
    offset: int
    clock_ms: int
    idle: bool = False

    def headers(self) -> tuple[tuple[str, bytes], ...]:
        """The stamp as headers."""
        text = f"{self.source} {self.sources} {self.offset} {self.clock_ms} {int(self.idle)}"
        return (("version", PACKING_VERSION), ("stamp", text.encode()))

    @classmethod
    def of(cls, headers: Mapping[str, bytes]) -> Stamp:
        """The stamp in a message's headers. Raises `PackingError`."""
        try:
            source, sources, offset, clock_ms, idle = map(int, headers["stamp"].split())
        except (KeyError, ValueError) as error:
            raise PackingError(f"packed message with no stamp: {dict(headers)}") from error
        return cls(source, sources, offset, clock_ms, bool(idle))


@dataclass(slots=True)
class Record:
    """One record of a log as a stage takes it; `timestamp` is the broker's, in ms.

    Over Kafka stages get aiokafka's own records, which have these attributes under the same names.
    """

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = field(default=())


def checked_headers(headers: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Headers by name. Raises `PackingError` for a version that we don't know."""
    found = dict(headers)
    version = found.get("version")
    if version != PACKING_VERSION:
        raise PackingError(
            f"packed message of version {version!r}, this groupbeat reads {PACKING_VERSION!r}: "
            "run the same version everywhere, or let the newer one drain the topic first"
        )
    return found


def pack_batch(batch: pa.RecordBatch) -> bytes:
    """An Arrow IPC stream of one record batch, its buffers compressed.

    The producer must not compress again: aiokafka's LZ4 runs at level 9 and took a third of a worker's CPU.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_WRITE) as writer:
        writer.write_batch(batch)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def unpack_batch(value: bytes) -> pa.RecordBatch:
    """The record batch of an Arrow IPC stream. Raises `PackingError`."""
    try:
        with pa.ipc.open_stream(value, options=_READ) as reader:
            return reader.read_next_batch()
    except (pa.ArrowException, OSError, StopIteration) as error:
        raise PackingError(f"not an Arrow stream of one record batch: {error}") from error
