"""Contents without an action for 30 days: out of the tables, packed, and back when they stir.

Packed, a content is one compressed value with all its rows; references to rows are counted from its own first
one. So memory holds what lives, and what comes back is what it was. See docs/decisions/0019-chains.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import lz4.frame
import msgspec
import numpy as np

from streams.chains.packed import Packed
from streams.chains.state import COLD_MS, CONTENT, HOUR_FIRST, HOUR_LAST, LEVEL, NEVER, NODE, PERSON, Tables
from streams.columnar import Array, KeyedTable, Part, fingerprint

COLD_PART = 0.25
"""Contents are packed when so much of all nodes and contents is cold: packing rewrites the tables."""

_OWNED = ("people", "levels", "nodes")
"""Tables whose rows belong to one content each."""
_LINKS: dict[str, dict[str, str]] = {
    "contents": {"first_level": "levels"},
    "people": {},
    "levels": {"deeper": "levels", "higher": "levels"},
    "nodes": {"parent": "nodes", "first_child": "nodes", "next": "nodes", "person": "people"},
}
"""Of each table the fields that are references (row + 1), and to which table."""


class _Split(NamedTuple):
    """The rows of one table that belong to the contents to pack, one content after another."""

    part: Part
    rows: Array
    """Where each of them is in the table."""
    starts: Array
    """Where each content's begin in `part`; one more at the end."""
    key_starts: Array
    """Where their keys begin."""


def packed_table() -> Packed:
    """An empty table for what `pack` makes."""
    return Packed(fingerprint(np.dtype([("c", CONTENT), ("n", NODE), ("p", PERSON), ("l", LEVEL)])))


def cold_contents(tables: Tables, now_ms: int) -> Array:
    """The rows of contents to pack now, rising; none while they are too small a part of all.

    One that has not been flushed since its last action waits for that; so does one with an open alert.
    """
    keys = tables.contents.arrays
    count = len(tables.contents)
    contents = keys.rows[:count]
    cold = (contents["clock"] < now_ms - COLD_MS) & (keys.touched[:count] == 0)
    cold &= contents["resolve_at"] == NEVER
    weights = contents["shares"].astype(np.int64) + 1
    if not cold.any() or weights[cold].sum() < COLD_PART * weights.sum():
        return np.zeros(0, np.int64)
    return np.flatnonzero(cold)


def pack(tables: Tables, packed: Packed, cold: Array, counters: Array) -> None:
    """Contents leave the tables (`cold`: their rows, rising); `counters` follow those that stay."""
    splits = {name: _split(getattr(tables, name), cold) for name in _OWNED}
    numbers = {name: _numbers_within(len(getattr(tables, name)), split) for name, split in splits.items()}
    contents = tables.contents.part(cold)
    _renumber("contents", contents.rows, numbers)
    for name, split in splits.items():
        _renumber(name, split.part.rows, numbers)
        split.part.rows["content"] = 0
    key_ends = np.cumsum(contents.lengths)
    for i, end in enumerate(key_ends):
        key = contents.keys[end - contents.lengths[i] : end].tobytes()
        pieces = [contents.rows[i : i + 1].tobytes()]
        for part, _, starts, key_starts in splits.values():
            own = slice(starts[i], starts[i + 1])
            lengths = part.lengths[own].astype("<u2")
            keys = part.keys[key_starts[i] : key_starts[i + 1]]
            pieces += [part.rows[own].tobytes(), lengths.tobytes(), keys.tobytes()]
        packed.put(key, lz4.frame.compress(msgspec.msgpack.encode(pieces)))
    gone = {name: split.rows for name, split in splits.items()}
    _compact(tables, {"contents": cold, **gone}, counters)


def unpack(tables: Tables, packed: Packed, key: bytes) -> None:
    """A content comes back to the end of the tables. Raises `KeyError` for one that is not packed."""
    pieces = msgspec.msgpack.decode(lz4.frame.decompress(packed.take(key)), type=list[bytes])
    contents = np.frombuffer(pieces[0], CONTENT).copy()
    bases = {name: len(getattr(tables, name)) for name in _OWNED}
    _shift("contents", contents, bases)
    for i, name in enumerate(_OWNED):
        table: KeyedTable = getattr(tables, name)
        rows, lengths, keys = pieces[3 * i + 1 : 3 * i + 4]
        part = Part(
            np.frombuffer(rows, table.dtype).copy(),
            np.frombuffer(lengths, "<u2").astype(np.int64),
            np.frombuffer(keys, np.uint8),
        )
        _shift(name, part.rows, bases)
        part.rows["content"] = len(tables.contents)
        table.append(part)
    tables.contents.append(Part(contents, np.array([len(key)]), np.frombuffer(key, np.uint8)))


def _split(table: KeyedTable, cold: Array) -> _Split:
    content = table.arrays.rows["content"][: len(table)]
    rows = np.flatnonzero(np.isin(content, cold))
    rows = rows[np.argsort(content[rows], kind="stable")]
    part = table.part(rows)
    starts = np.append(np.searchsorted(part.rows["content"], cold), len(rows))
    return _Split(part, rows, starts, np.append(0, np.cumsum(part.lengths))[starts])


def _numbers_within(count: int, split: _Split) -> Array:
    """Of each reference into a table, what it is within the content; 0 for rows that are of none of them."""
    numbers = np.zeros(count + 1, np.int64)
    numbers[split.rows + 1] = np.arange(1, len(split.rows) + 1) - np.repeat(
        split.starts[:-1], np.diff(split.starts)
    )
    return numbers


def _renumber(name: str, rows: Array, numbers: Mapping[str, Array]) -> None:
    """References in rows of a table become what `numbers` of the table they point to say."""
    for field, target in _LINKS[name].items():
        rows[field] = numbers[target][rows[field]]


def _shift(name: str, rows: Array, bases: Mapping[str, int]) -> None:
    """References within a content become references into tables to whose ends its rows go."""
    for field, target in _LINKS[name].items():
        rows[field] += np.where(rows[field] > 0, bases[target], 0).astype(rows[field].dtype)


def _compact(tables: Tables, gone: Mapping[str, Array], counters: Array) -> None:
    """Rows leave the tables; the others close up, and all references follow."""
    numbers = {}
    for name, rows in gone.items():
        table: KeyedTable = getattr(tables, name)
        stays = np.ones(len(table), bool)
        stays[rows] = False
        numbers[name] = np.append(0, np.where(stays, np.cumsum(stays), 0))
        table.keep(np.flatnonzero(stays))
    for name in gone:
        table = getattr(tables, name)
        rows = table.arrays.rows[: len(table)]
        _renumber(name, rows, numbers)
        if name == "contents":
            rows["next_in_hour"] = numbers["contents"][rows["next_in_hour"]]
        else:
            rows["content"] = numbers["contents"][rows["content"].astype(np.int64) + 1] - 1
    for counter in (HOUR_FIRST, HOUR_LAST):
        counters[counter] = numbers["contents"][counters[counter]]
