"""Packed contents: a value each, found by the content's key, in blocks of their own in the checkpoint."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import msgspec

from streams.columnar import StateError

PACKED_BLOCK = 64
"""Packed contents of one block of the checkpoint."""

_HEADER = struct.Struct("<HI")  # version, mark of what is packed
_VERSION = 1


class Packed:
    """The packed contents of a partition, by key. See `streams.columnar.StateTable`."""

    name = "packed"

    def __init__(self, mark: int) -> None:
        """`mark` changes with what the values are made of: those of another are refused."""
        self._mark = mark
        self._places: dict[bytes, int] = {}
        self._items: list[tuple[bytes, bytes] | None] = []
        self._free: list[int] = []
        self._changed: set[int] = set()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._places)

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return sum(len(item[1]) for item in self._items if item)

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a packed content."""
        if self._free:
            place = self._free.pop()
            self._items[place] = key, value
        else:
            place = len(self._items)
            self._items.append((key, value))
        self._places[key] = place
        self._changed.add(place // PACKED_BLOCK)

    def take(self, key: bytes) -> bytes:
        """A packed content, which is kept no longer. Raises `KeyError`."""
        place = self._places.pop(key)
        item = self._items[place]
        assert item is not None
        self._items[place] = None
        self._free.append(place)
        self._changed.add(place // PACKED_BLOCK)
        return item[1]

    def live_blocks(self) -> range:
        """See `StateTable`."""
        return range(-(-len(self._items) // PACKED_BLOCK))

    def changed_blocks(self) -> list[int]:
        """See `StateTable`."""
        return sorted(self._changed)

    def mark_clean(self) -> None:
        """See `StateTable`."""
        self._changed = set()

    def encode_block(self, block: int) -> bytes:
        """See `StateTable`."""
        items = self._items[block * PACKED_BLOCK : (block + 1) * PACKED_BLOCK]
        return _HEADER.pack(_VERSION, self._mark) + msgspec.msgpack.encode(items)

    def load(self, blocks: Mapping[int, bytes]) -> None:
        """See `StateTable`."""
        for number in range(len(blocks)):
            data = blocks.get(number)
            if data is None:
                raise StateError(f"{self.name}: block {number} of {len(blocks)} is missing")
            if _HEADER.unpack_from(data) != (_VERSION, self._mark):
                raise StateError(
                    f"{self.name}: block {number} was written by another version of groupbeat: "
                    "run that version, or rebuild from the log of events"
                )
            self._items += msgspec.msgpack.decode(data[_HEADER.size :], type=list[tuple[bytes, bytes] | None])
        for place, item in enumerate(self._items):
            if item is None:
                self._free.append(place)
            else:
                self._places[item[0]] = place
