"""The event ids of the last hour of stream time, as 128-bit hashes in the order of their acceptance.

The clock never goes back, so the oldest are at the front, and expire there, a whole block at a time. Blocks
are numbered from the beginning of the log and written once more only while they fill.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from streams.columnar import FORMAT_VERSION, Array, Bytes, StateError
from streams.compiled import Integer, compiled
from streams.hashing import murmur3_128

ENTRY = np.dtype([("h1", "u8"), ("h2", "u8"), ("clock", "i8")])
BLOCK_ROWS = 2048
_HEADER = struct.Struct("<HHI")


class Recent(NamedTuple):
    """The arrays of `RecentIds`, as kernels take them."""

    entries: Array
    """Of `ENTRY`; the first stands at the start of a block."""
    slots: Array
    """int32, open addressing, a power of two: number of the newest entry with a hash, or -1."""
    size: Array
    """int64: [0] number of entries."""


@compiled
def seen_within(recent: Recent, key: Bytes, length: int, now: int, window: int) -> tuple[bool, np.int64]:
    """Whether the key was accepted at most `window` ms before `now`; else the slot to put it in."""
    h1, h2 = murmur3_128(key, length)
    mask = len(recent.slots) - 1
    slot = np.int64(h2 & np.uint64(mask))
    while True:
        number = recent.slots[slot]
        if number < 0:
            return False, slot
        entry = recent.entries[number]
        if entry["h1"] == h1 and entry["h2"] == h2:
            return now - entry["clock"] <= window, slot
        slot = (slot + 1) & mask


@compiled
def remember(recent: Recent, key: Bytes, length: int, clock: int, slot: Integer) -> None:
    """Put a key that `seen_within` did not find into the slot that it gave."""
    h1, h2 = murmur3_128(key, length)
    number = recent.size[0]
    entry = recent.entries[number]
    entry["h1"] = h1
    entry["h2"] = h2
    entry["clock"] = clock
    recent.slots[slot] = number
    recent.size[0] = number + 1


@compiled
def _index(recent: Recent) -> None:
    mask = len(recent.slots) - 1
    for number in range(recent.size[0]):
        entry = recent.entries[number]
        slot = np.int64(entry["h2"] & np.uint64(mask))
        while recent.slots[slot] >= 0:
            other = recent.entries[recent.slots[slot]]
            if other["h1"] == entry["h1"] and other["h2"] == entry["h2"]:
                break
            slot = (slot + 1) & mask
        recent.slots[slot] = number


class RecentIds:
    """See the module. A `streams.columnar.StateTable`."""

    name = "recent_ids"

    def __init__(self) -> None:
        self._first_block = 0
        self._saved = 0  # entries that are in a checkpoint
        self.arrays = Recent(np.zeros(0, ENTRY), np.full(16, -1, np.int32), np.zeros(1, np.int64))

    def __len__(self) -> int:
        return int(self.arrays.size[0])

    def reserve(self, more: int, oldest_clock: int) -> None:
        """Make room for so many more; what is older than `oldest_clock` may go."""
        if len(self) + more <= len(self.arrays.entries):
            return
        entries = self.arrays.entries[: len(self)]
        expired = int(np.searchsorted(entries["clock"], oldest_clock)) // BLOCK_ROWS
        kept = entries[expired * BLOCK_ROWS :]
        self._first_block += expired
        self._saved = max(0, self._saved - expired * BLOCK_ROWS)
        self._make(kept, max(1024, (len(kept) + more) * 3 // 2))

    def _make(self, entries: Array, room: int) -> None:
        grown = np.zeros(room, ENTRY)
        grown[: len(entries)] = entries
        slots = np.full(1 << (room * 3 // 2).bit_length(), -1, np.int32)
        self.arrays = Recent(grown, slots, np.array([len(entries)], np.int64))
        _index(self.arrays)

    def live_blocks(self) -> range:
        """See `StateTable`."""
        return range(self._first_block, self._first_block - (-len(self) // BLOCK_ROWS))

    def changed_blocks(self) -> list[int]:
        """See `StateTable`: from the one that was not full on."""
        return (
            [b for b in self.live_blocks() if (b - self._first_block + 1) * BLOCK_ROWS > self._saved]
            if (self._saved < len(self))
            else []
        )

    def mark_clean(self) -> None:
        """See `StateTable`."""
        self._saved = len(self)

    def encode_block(self, block: int) -> bytes:
        """See `StateTable`. Header and entries."""
        first = (block - self._first_block) * BLOCK_ROWS
        entries = self.arrays.entries[first : min(first + BLOCK_ROWS, len(self))]
        return _HEADER.pack(FORMAT_VERSION, ENTRY.itemsize, len(entries)) + entries.tobytes()

    def load(self, blocks: Mapping[int, bytes]) -> None:
        """See `StateTable`."""
        if not blocks:
            return
        self._first_block = min(blocks)
        found: list[Array] = []
        for block in range(self._first_block, self._first_block + len(blocks)):
            data = blocks.get(block)
            if data is None:
                raise StateError(f"{self.name}: block {block} is missing")
            version, size, count = _HEADER.unpack_from(data)
            if (version, size) != (FORMAT_VERSION, ENTRY.itemsize):
                raise StateError(f"{self.name}: block {block} was written by another version of groupbeat")
            found.append(np.frombuffer(data, ENTRY, count, _HEADER.size))
        entries = np.concatenate(found)
        self._make(entries, max(1024, len(entries) * 3 // 2))
        self._saved = len(entries)
