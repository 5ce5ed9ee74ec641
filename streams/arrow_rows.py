"""What all snapshots are made with: rows of a table from columns, rates, and so many at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from schemas.table import Table
from streams.columnar import Array, Keyed
from streams.text import key_column

ROWS_AT_ONCE = 20_000
"""Rows worked out at once: they take as much memory as what they are of."""


def in_pieces(rows: Array) -> Iterator[Array]:
    """The same, `ROWS_AT_ONCE` at a time."""
    for at in range(0, len(rows), ROWS_AT_ONCE):
        yield rows[at : at + ROWS_AT_ONCE]


def batch_of(table: Table, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """Rows of a table; `columns` has each column of its schema, in any order."""
    schema = table.arrow_schema
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def rate(part: Array, whole: Array, least: Array | int) -> pa.Array:
    """Part of whole, null where the whole is less than `least`."""
    return pa.array(part / np.maximum(whole, 1), pa.float64(), mask=whole < least)


def texts_of(keys: Keyed, references: Array) -> pa.Array:
    """The first pieces of the keys of rows; a reference is a row's number + 1, and 0 is an empty text."""
    given = references > 0
    if not given.any():
        return pa.repeat("", len(references))
    found = key_column(keys.arena, keys.starts, references[given].astype(np.int64) - 1, first=True)
    return found.take(pa.array(np.cumsum(given) - 1, mask=~given)).fill_null("")
