"""Columnar state: one numpy structured array a table, one row an entity, found by a key of bytes.

A table grows at its end and is cut into blocks of a fixed number of rows. A checkpoint writes the blocks that
changed; `encode_block` and `load` are the whole of a table's format on disk. Rules work on rows directly;
kernels mark what they touch in `dirty` (blocks, for the checkpoint) and `touched` (rows, for the flush).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from streams.compiled import Integer, compiled, inlined
from streams.hashing import murmur3_128

Bytes = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]

FORMAT_VERSION = 1
_HEADER = struct.Struct("<HHIII")  # version, rows, row size, dtype fingerprint, key bytes


class StateError(RuntimeError):
    """Saved state that this version can't read, or that is not whole. Going on would lose data."""


class StateTable(Protocol):
    """What the checkpoint needs of a table of state."""

    name: str

    def live_blocks(self) -> range:
        """The blocks that hold rows now."""
        ...

    def changed_blocks(self) -> list[int]:
        """The live blocks that changed since `mark_clean`."""
        ...

    def mark_clean(self) -> None:
        """What is there now is in a checkpoint."""
        ...

    def encode_block(self, block: int) -> bytes:
        """The block's bytes."""
        ...

    def load(self, blocks: Mapping[int, bytes]) -> None:
        """Put back a whole table, into an empty one. Raises `StateError`."""
        ...


def fingerprint(dtype: np.dtype[Any]) -> int:
    """A number that changes with the fields of a row, their types or places."""
    text = repr((dtype.descr, dtype.itemsize)).encode()
    return int(murmur3_128(np.frombuffer(text, np.uint8), len(text))[0]) & 0xFFFFFFFF


class Keyed(NamedTuple):
    """The arrays of a `KeyedTable`, as kernels take them."""

    rows: Array
    """Structured, one row an entity."""
    size: npt.NDArray[np.int64]
    """[0]: number of rows, [1]: bytes of `arena` in use, [2]: number of touched rows."""
    arena: Bytes
    """All keys, one after another."""
    starts: npt.NDArray[np.int64]
    """Where each row's key starts in `arena`; one more at the end."""
    slots: npt.NDArray[np.int32]
    """Open addressing, a power of two: row number, or -1."""
    dirty: npt.NDArray[np.uint8]
    """1 for each block changed since the last checkpoint."""
    touched: npt.NDArray[np.uint8]
    """1 for each row changed since the last flush."""
    touched_rows: npt.NDArray[np.int32]
    """Those rows, in order of their first change."""


@compiled
def _slot_of(arena: Bytes, starts: Array, slots: Array, key: Bytes, length: Integer) -> np.int64:
    """The slot that holds the key, or the empty one where it belongs."""
    mask = len(slots) - 1
    _, h2 = murmur3_128(key, length)
    slot = np.int64(h2 & np.uint64(mask))
    while True:
        row = slots[slot]
        if row < 0:
            return slot
        start = starts[row]
        if starts[row + 1] - start == length:
            same = True
            for i in range(length):
                if arena[start + i] != key[i]:
                    same = False
                    break
            if same:
                return slot
        slot = (slot + 1) & mask


@compiled
def _find_or_add(
    size: Array, arena: Bytes, starts: Array, slots: Array, key: Bytes, length: Integer
) -> tuple[np.int64, bool]:
    slot = _slot_of(arena, starts, slots, key, length)
    row = np.int64(slots[slot])
    if row >= 0:
        return row, False
    row = size[0]
    start = size[1]
    for i in range(length):
        arena[start + i] = key[i]
    starts[row + 1] = start + length
    slots[slot] = row
    size[0] = row + 1
    size[1] = start + length
    return row, True


@inlined
def find_or_add(table: Keyed, key: Bytes, length: Integer) -> tuple[np.int64, bool]:
    """The row of ``key[:length]`` and whether it is new. The caller has called `KeyedTable.reserve`."""
    return _find_or_add(table.size, table.arena, table.starts, table.slots, key, np.int64(length))


@inlined
def find(table: Keyed, key: Bytes, length: Integer) -> np.int64:
    """The row of ``key[:length]``; -1 when there is none."""
    return np.int64(table.slots[_slot_of(table.arena, table.starts, table.slots, key, np.int64(length))])


@compiled
def has_room(table: Keyed, more_rows: Integer, key_bytes: Integer) -> bool:
    """Whether so many new rows, with keys of so many bytes in all, need no `KeyedTable.reserve` first.

    Rows, keys and slots grow each at its own pace, so there must be room in all three.
    """
    rows, used = table.size[0] + more_rows, table.size[1] + key_bytes
    return bool(rows <= len(table.rows) and used <= len(table.arena) and 3 * rows <= 2 * len(table.slots))


@compiled
def is_full(table: Keyed, key_bytes: Integer) -> bool:
    """Whether one more row with a key of so many bytes needs `KeyedTable.reserve` first."""
    return not has_room(table, 1, key_bytes)


@compiled
def clear(table: Keyed) -> None:
    """Forget every row. What new rows are is up to who adds them: they begin as what stood there before."""
    table.size[:] = 0
    table.slots[:] = -1
    table.dirty[:] = 0


@compiled
def touch(table: Keyed, row: Integer, block_rows: int) -> None:
    """Mark a row for the next flush and its block for the next checkpoint."""
    table.dirty[row // block_rows] = 1
    if table.touched[row] == 0:
        table.touched[row] = 1
        table.touched_rows[table.size[2]] = row
        table.size[2] += 1


@compiled
def _index(arena: Bytes, starts: Array, slots: Array, first: int, count: int) -> None:
    for row in range(first, count):
        start = starts[row]
        length = starts[row + 1] - start
        slots[_slot_of(arena, starts, slots, arena[start:], length)] = row


class Part(NamedTuple):
    """Some rows of a table with their keys, out of it."""

    rows: Array
    lengths: Array
    """int64: bytes of each key."""
    keys: Bytes
    """All of them, one after another."""


class KeyedTable:
    """Rows of one dtype, found by keys of bytes."""

    def __init__(self, name: str, dtype: np.dtype[Any], block_rows: int, *, flushed: bool = False) -> None:
        """`flushed`: rows are `touch`ed and taken for the flush; others need no room for that."""
        self.name = name
        self._flushed = flushed
        self.dtype = dtype
        self.block_rows = block_rows
        self._fingerprint = fingerprint(dtype)
        self.arrays = self._nothing()

    def _nothing(self) -> Keyed:
        return Keyed(
            rows=np.zeros(0, self.dtype),
            size=np.zeros(3, np.int64),
            arena=np.zeros(0, np.uint8),
            starts=np.zeros(1, np.int64),
            slots=np.full(16, -1, np.int32),
            dirty=np.zeros(0, np.uint8),
            touched=np.zeros(0, np.uint8),
            touched_rows=np.zeros(0, np.int32),
        )

    def __len__(self) -> int:
        return int(self.arrays.size[0])

    def reserve(self, more_rows: int, more_bytes: int) -> None:
        """Make room for so many new rows with keys of so many bytes in all."""
        a = self.arrays
        need_rows = len(self) + more_rows
        need_bytes = int(a.size[1]) + more_bytes
        changes: dict[str, Array] = {}
        if need_rows > len(a.rows):
            room = _grown(need_rows)
            changes["rows"] = _resized(a.rows, room)
            changes["starts"] = _resized(a.starts, room + 1)
            if self._flushed:
                changes["touched"] = _resized(a.touched, room)
                changes["touched_rows"] = _resized(a.touched_rows, room)
            changes["dirty"] = _resized(a.dirty, -(-room // self.block_rows))
        if need_bytes > len(a.arena):
            changes["arena"] = _resized(a.arena, _grown(need_bytes))
        if changes:
            a = self.arrays = a._replace(**changes)
        if need_rows * 3 > len(a.slots) * 2:
            slots = np.full(1 << (need_rows * 3 // 2).bit_length(), -1, np.int32)
            _index(a.arena, a.starts, slots, 0, len(self))
            self.arrays = a._replace(slots=slots)

    def key(self, row: int) -> bytes:
        """A row's key."""
        a = self.arrays
        return a.arena[a.starts[row] : a.starts[row + 1]].tobytes()

    def part(self, rows: Array) -> Part:
        """Copies of some rows, by number."""
        a = self.arrays
        starts, lengths = a.starts[rows], a.starts[rows + 1] - a.starts[rows]
        first = np.cumsum(lengths) - lengths
        where = np.repeat(starts - first, lengths) + np.arange(int(lengths.sum()))
        return Part(a.rows[rows], lengths, a.arena[where])

    def append(self, part: Part) -> None:
        """Rows whose keys are not in the table yet go to its end."""
        count, size = len(self), int(self.arrays.size[1])
        more, key_bytes = len(part.rows), len(part.keys)
        self.reserve(more, key_bytes)
        a = self.arrays
        a.rows[count : count + more] = part.rows
        a.starts[count + 1 : count + more + 1] = size + np.cumsum(part.lengths)
        a.arena[size : size + key_bytes] = part.keys
        a.size[:2] = (count + more, size + key_bytes)
        _index(a.arena, a.starts, a.slots, count, count + more)
        a.dirty[count // self.block_rows : -(-(count + more) // self.block_rows)] = 1

    def keep(self, rows: Array) -> None:
        """Only these rows stay, in this order, with their marks for the flush; all blocks have changed."""
        kept = self.part(rows)
        touched = np.flatnonzero(self.arrays.touched[rows]) if self._flushed else rows[:0]
        self.arrays = self._nothing()
        self.append(kept)
        a = self.arrays
        if self._flushed:
            a.touched[touched] = 1
            a.touched_rows[: len(touched)] = touched
            a.size[2] = len(touched)

    def take_touched(self) -> npt.NDArray[np.int32]:
        """The rows changed since the last call, in order of their first change."""
        a = self.arrays
        rows = a.touched_rows[: a.size[2]].copy()
        a.touched[rows] = 0
        a.size[2] = 0
        return rows

    def live_blocks(self) -> range:
        """See `StateTable`."""
        return range(-(-len(self) // self.block_rows))

    def changed_blocks(self) -> list[int]:
        """See `StateTable`."""
        return [int(b) for b in np.flatnonzero(self.arrays.dirty)]

    def mark_clean(self) -> None:
        """See `StateTable`."""
        self.arrays.dirty[:] = 0

    def encode_block(self, block: int) -> bytes:
        """See `StateTable`. Header, rows, key lengths (u16), keys."""
        a = self.arrays
        first = block * self.block_rows
        last = min(first + self.block_rows, len(self))
        starts = a.starts[first : last + 1]
        keys = a.arena[starts[0] : starts[-1]]
        header = _HEADER.pack(FORMAT_VERSION, last - first, self.dtype.itemsize, self._fingerprint, len(keys))
        lengths = np.diff(starts).astype("<u2")
        return b"".join((header, a.rows[first:last].tobytes(), lengths.tobytes(), keys.tobytes()))

    def load(self, blocks: Mapping[int, bytes]) -> None:
        """See `StateTable`."""
        rows: list[Array] = []
        lengths: list[Array] = []
        keys: list[Bytes] = []
        for number in range(len(blocks)):
            data = blocks.get(number)
            if data is None:
                raise StateError(f"{self.name}: block {number} of {len(blocks)} is missing")
            version, count, row_size, mark, key_bytes = _HEADER.unpack_from(data)
            if (version, row_size, mark) != (FORMAT_VERSION, self.dtype.itemsize, self._fingerprint):
                raise StateError(
                    f"{self.name}: block {number} was written by another version of groupbeat: "
                    "run that version, or rebuild from the log of events"
                )
            at = _HEADER.size
            rows.append(np.frombuffer(data, self.dtype, count, at))
            at += count * row_size
            lengths.append(np.frombuffer(data, "<u2", count, at))
            at += count * 2
            keys.append(np.frombuffer(data, np.uint8, key_bytes, at))
        if not rows:
            return
        count = sum(map(len, rows))
        size = sum(map(len, keys))
        self.reserve(count, size)
        a = self.arrays
        np.concatenate(rows, out=a.rows[:count])
        np.concatenate(keys, out=a.arena[:size])
        a.starts[1 : count + 1] = np.cumsum(np.concatenate(lengths), dtype=np.int64)
        a.size[:] = (count, size, 0)
        _index(a.arena, a.starts, a.slots, 0, count)


def _grown(need: int) -> int:
    return max(1024, need + need // 16)


def _resized(array: Array, room: int) -> Array:
    """The array with room for more, in place where the system can: a copy would need both at once.

    Nothing may hold a view of it: there is none between two calls of a kernel.
    """
    array.resize(room, refcheck=False)
    return array
