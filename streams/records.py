"""Fetched records as columns, parsed straight from Kafka's record batches.

aiokafka makes an object of every record: 2.7 of the 10 us that an event cost a worker. Here a fetched
partition stays a few buffers with arrays of where things stand; a stage takes the columns it needs, and a
single record is only made where somebody asks for it.

Format: Kafka protocol guide, "Record Batch", magic 2 (the only one that brokers since 4.0 write).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
from aiokafka import codec

from streams.columnar import Array, Bytes
from streams.compiled import compiled
from streams.packing import Record

_HEAD = struct.Struct(">qiibihiqqqhii")
_LENGTH_AT = 12
"""Bytes before what `batchLength` counts."""
_CODEC_MASK, _LOG_APPEND_TIME, _CONTROL = 0x07, 0x08, 0x20
_DECODE = {1: codec.gzip_decode, 2: codec.snappy_decode, 3: codec.lz4_decode, 4: codec.zstd_decode}

OFFSET, TIMESTAMP, KEY_START, KEY_END, VALUE_START, VALUE_END, HEADERS_AT, HEADERS = range(8)
"""Columns of `_Segment.where`: int64 each. KEY_END and VALUE_END are -1 for null; HEADERS is their number."""


class BadRecords(ValueError):
    """A fetched record batch that is not what the protocol says."""


@dataclass(frozen=True, slots=True)
class _Segment:
    """The records of one Kafka batch: its payload, decompressed, and where everything stands in it."""

    payload: bytes
    where: npt.NDArray[np.int64]


class Records(Sequence[Record]):
    """Records of one partition from offset `start` up to, not with, `end`: all that the log has there.

    Markers of transactions take offsets, too, so `start` and `end` say more than the records do.
    """

    def __init__(
        self, start: int, end: int, segments: Sequence[_Segment], loose: Sequence[Record] = ()
    ) -> None:
        self.start = start
        self.end = end
        self._segments = segments
        self._loose = loose

    @classmethod
    def of(cls, records: Sequence[Record]) -> Records:
        """Records that were made one by one, in the order of their offsets, with nothing between them."""
        if isinstance(records, Records):
            return records
        return cls(records[0].offset, records[-1].offset + 1, (), records)

    def column(self, which: int) -> Array:
        """OFFSET or TIMESTAMP (ms) of every record, int64."""
        if self._segments:
            return np.concatenate([segment.where[:, which] for segment in self._segments])
        name = "offset" if which == OFFSET else "timestamp"
        return np.array([getattr(record, name) for record in self._loose], np.int64)

    def values(self) -> list[bytes | None]:
        """The value of every record."""
        if not self._segments:
            return [record.value for record in self._loose]
        found: list[bytes | None] = []
        for segment in self._segments:
            payload, where = segment.payload, segment.where
            starts, ends = where[:, VALUE_START].tolist(), where[:, VALUE_END].tolist()
            if where[:, VALUE_END].min() < 0:
                found += [payload[a:b] if b >= 0 else None for a, b in zip(starts, ends, strict=True)]
            else:
                found += [payload[a:b] for a, b in zip(starts, ends, strict=True)]
        return found

    def have_headers(self) -> bool:
        """Whether any record has a header."""
        if not self._segments:
            return any(record.headers for record in self._loose)
        return any(bool(segment.where[:, HEADERS].any()) for segment in self._segments)

    def __len__(self) -> int:
        return len(self._loose) + sum(len(segment.where) for segment in self._segments)

    def __iter__(self) -> Iterator[Record]:
        yield from self._loose
        for segment in self._segments:
            for where in segment.where:
                yield _record(segment.payload, where)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Records: ...

    def __getitem__(self, index: int | slice) -> Record | Records:
        if isinstance(index, slice):
            picked = [self[i] for i in range(*index.indices(len(self)))]
            return Records.of(picked) if picked else Records(self.end, self.end, ())
        at = index + len(self) if index < 0 else index
        if not self._segments:
            return self._loose[at]
        for segment in self._segments:
            if 0 <= at < len(segment.where):
                return _record(segment.payload, segment.where[at])
            at -= len(segment.where)
        raise IndexError(index)

    def pieces(self, most: int) -> Iterator[Records]:
        """The same in pieces of about `most` records, cut where Kafka's batches end."""
        start, found, count = self.start, list[_Segment](), 0
        for segment in self._segments:
            if found and count + len(segment.where) > most:
                end = int(segment.where[0, OFFSET])
                yield Records(start, end, found)
                start, found, count = end, [], 0
            found.append(segment)
            count += len(segment.where)
        yield Records(start, self.end, found, self._loose)

    def since(self, offset: int) -> Records:
        """Without the records before `offset`."""
        if offset <= self.start:
            return self
        start = min(offset, self.end)
        if not self._segments:
            return Records(start, self.end, (), [record for record in self._loose if record.offset >= offset])
        kept = [_Segment(s.payload, s.where[s.where[:, OFFSET] >= offset]) for s in self._segments]
        return Records(start, self.end, [segment for segment in kept if len(segment.where)])


def parse(raw: bytes, start: int) -> Records:
    """The records of a fetched partition from offset `start` on. Raises `BadRecords`.

    A fetch may begin with a batch that holds records before `start`, and end with half a batch: both are left
    out. Control batches (markers of transactions) are skipped, but counted in `Records.end`.
    """
    segments = []
    at, end = 0, start
    while at + _HEAD.size <= len(raw):
        base, length, _, magic, _, attributes, last, base_ts, max_ts, _, _, _, count = _HEAD.unpack_from(
            raw, at
        )
        if magic != 2:
            raise BadRecords(
                f"record batch of magic {magic} at offset {base}: only 2 is known, from Kafka 0.11 on"
            )
        stop = at + _LENGTH_AT + length
        if stop > len(raw):
            break
        if base + last >= start:
            end = base + last + 1
            if not attributes & _CONTROL and count > 0:
                payload = _payload(raw[at + _HEAD.size : stop], attributes & _CODEC_MASK)
                where = np.zeros((count, 8), np.int64)
                fixed_ts = max_ts if attributes & _LOG_APPEND_TIME else -1
                if not _locate(np.frombuffer(payload, np.uint8), base, base_ts, fixed_ts, where):
                    raise BadRecords(
                        f"record batch at offset {base} does not hold the {count} records it says"
                    )
                where = where[where[:, OFFSET] >= start] if base < start else where
                segments.append(_Segment(payload, where))
        at = stop
    return Records(start, end, [segment for segment in segments if len(segment.where)])


def _payload(data: bytes, kind: int) -> bytes:
    if kind == 0:
        return data
    if kind not in _DECODE:
        raise BadRecords(f"record batch compressed by an unknown codec, {kind}")
    return bytes(_DECODE[kind](data))


@compiled
def _varint(data: Bytes, at: int) -> tuple[Any, Any]:
    """A zigzag varint and where it ends; where it ends is -1 if the data does before."""
    result = np.uint64(0)
    shift = np.uint64(0)
    while at < len(data) and shift < np.uint64(70):
        byte = np.uint64(data[at])
        at += 1
        result |= (byte & np.uint64(0x7F)) << shift
        if byte < np.uint64(0x80):
            value = np.int64(result >> np.uint64(1)) ^ -np.int64(result & np.uint64(1))
            return value, at
        shift += np.uint64(7)
    return 0, -1


@compiled
def _locate(data: Bytes, base: int, base_ts: int, fixed_ts: int, where: Array) -> bool:
    """Fill `where` for every record of a payload; False if the payload is not what its head says."""
    at = 0
    for i in range(len(where)):
        length, at = _varint(data, at)
        if at < 0 or length < 0 or at + length > len(data):
            return False
        stop = at + length
        at += 1  # attributes of a record: unused
        ts, at = _varint(data, at)
        if at < 0:
            return False
        offset, at = _varint(data, at)
        if at < 0:
            return False
        where[i, OFFSET] = base + offset
        where[i, TIMESTAMP] = fixed_ts if fixed_ts >= 0 else base_ts + ts
        for column in (KEY_START, VALUE_START):
            size, at = _varint(data, at)
            if at < 0 or at + size > stop:
                return False
            where[i, column] = at
            where[i, column + 1] = at + size if size >= 0 else -1
            if size > 0:
                at += size
        headers, at = _varint(data, at)
        if at < 0 or at > stop:
            return False
        where[i, HEADERS] = headers
        where[i, HEADERS_AT] = at
        at = stop
    return True


def _record(payload: bytes, where: npt.NDArray[np.int64]) -> Record:
    offset, timestamp, key_start, key_end, value_start, value_end, at, count = where.tolist()
    headers = []
    data = np.frombuffer(payload, np.uint8)
    for _ in range(count):
        size, at = _varint(data, at)
        name = payload[at : at + size].decode(errors="replace")
        size, at = _varint(data, at + size)
        headers.append((name, payload[at : at + size] if size >= 0 else b""))
        at += max(0, size)
    return Record(
        offset,
        timestamp,
        payload[value_start:value_end] if value_end >= 0 else None,
        payload[key_start:key_end] if key_end >= 0 else None,
        tuple(headers),
    )
