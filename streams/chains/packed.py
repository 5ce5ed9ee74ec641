"""Packed contents: a value each, found by the content's key, in blocks of their own in the checkpoint.

Values are cut into pieces, so a block stays a small message however large a content is.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from streams.columnar import StateError

PIECE_BYTES = 16 * 1024
PACKED_BLOCK = 64
"""Pieces of one block of the checkpoint."""

_HEADER = struct.Struct("<HI")  # version, mark of what is packed
_VERSION = 1


class _Piece(NamedTuple):
    """A part of a value."""

    key: bytes
    number: int
    """Its place among the pieces of this key."""
    data: bytes


class Packed:
    """The packed contents of a partition, by key. See `streams.columnar.StateTable`."""

    name = "packed"

    def __init__(self, mark: int) -> None:
        """`mark` changes with what the values are made of: those of another are refused."""
        self._mark = mark
        self._places: dict[bytes, list[int]] = {}
        self._pieces: list[_Piece | None] = []
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
        return sum(len(piece.data) for piece in self._pieces if piece)

    def put(self, key: bytes, value: bytes) -> None:
        """Keep a packed content."""
        places = self._places[key] = []
        for number, start in enumerate(range(0, len(value), PIECE_BYTES)):
            if not self._free:
                self._free.append(len(self._pieces))
                self._pieces.append(None)
            place = self._free.pop()
            self._pieces[place] = _Piece(key, number, value[start : start + PIECE_BYTES])
            self._changed.add(place // PACKED_BLOCK)
            places.append(place)

    def take(self, key: bytes) -> bytes:
        """A packed content, which is kept no longer. Raises `KeyError`."""
        found = []
        for place in self._places.pop(key):
            piece = self._pieces[place]
            assert piece is not None
            found.append(piece.data)
            self._pieces[place] = None
            self._free.append(place)
            self._changed.add(place // PACKED_BLOCK)
        return b"".join(found)

    def live_blocks(self) -> range:
        """See `StateTable`."""
        return range(-(-len(self._pieces) // PACKED_BLOCK))

    def changed_blocks(self) -> list[int]:
        """See `StateTable`."""
        return sorted(self._changed)

    def mark_clean(self) -> None:
        """See `StateTable`."""
        self._changed = set()

    def encode_block(self, block: int) -> bytes:
        """See `StateTable`."""
        pieces = self._pieces[block * PACKED_BLOCK : (block + 1) * PACKED_BLOCK]
        return _HEADER.pack(_VERSION, self._mark) + msgspec.msgpack.encode(pieces)

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
            self._pieces += msgspec.msgpack.decode(data[_HEADER.size :], type=list[_Piece | None])
        found: dict[bytes, dict[int, int]] = defaultdict(dict)
        for place, piece in enumerate(self._pieces):
            if piece is None:
                self._free.append(place)
            else:
                found[piece.key][piece.number] = place
        self._places = {key: [places[n] for n in range(len(places))] for key, places in found.items()}
