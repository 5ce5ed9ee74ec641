"""Texts that many rows name, as channels: each once, rows have its number."""

from __future__ import annotations

import numpy as np

from streams.columnar import Bytes, Keyed, KeyedTable, find_or_add
from streams.compiled import Integer, compiled
from streams.text import Text, is_given, write_text

NAME = np.dtype([("unused", "u1")])
"""Found by the text and 0xFF."""
NAME_BLOCK = 1024


def names_table() -> KeyedTable:
    """With nothing in it."""
    return KeyedTable("names", NAME, NAME_BLOCK)


@compiled
def number_of(names: Keyed, scratch: Bytes, text: Text, i: Integer) -> Integer:
    """The number of element i: its row in `names` + 1; 0 for an empty one."""
    if not is_given(text, i):
        return np.int64(0)
    n = write_text(scratch, 0, text, i)
    scratch[n] = 0xFF
    row, new = find_or_add(names, scratch, n + 1)
    if new:
        names.dirty[row // NAME_BLOCK] = 1
    return row + 1
