"""How many nodes of each depth a tree has, and the most of them. Levels of a tree are linked, by depth."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.chains.state import LEVEL_BLOCK, LEVEL_KEY, SERIAL_BYTES, ChainState
from streams.columnar import Bytes, Keyed, find_or_add
from streams.compiled import Integer, compiled

Content = Any
"""One row of `CONTENT`."""


@compiled
def write_number(scratch: Bytes, start: Integer, number: Integer) -> Integer:
    """Write a number in four bytes; where they end."""
    for k in range(SERIAL_BYTES):
        scratch[start + k] = (np.int64(number) >> (8 * k)) & 0xFF
    return start + SERIAL_BYTES


@compiled
def level_at(state: ChainState, index: Integer, depth: Integer, higher: Integer) -> Integer:
    """The row of a level of a content's tree. A new one goes under `higher` (row; -1: it is the first)."""
    content, levels = state.contents.rows[index], state.levels
    write_number(state.scratch, write_number(state.scratch, 0, content["serial"]), depth)
    row, new = find_or_add(levels, state.scratch, LEVEL_KEY)
    if new:
        level = levels.rows[row]
        level["content"] = index
        level["higher"] = higher + 1
        if higher < 0:
            content["first_level"] = row + 1
        else:
            levels.rows[higher]["deeper"] = row + 1
            levels.dirty[higher // LEVEL_BLOCK] = 1
        content["depth"] = depth
    return row


@compiled
def count_at(levels: Keyed, row: Integer, more: Integer) -> Integer:
    """So many more nodes at a level; how many there are now."""
    level = levels.rows[row]
    level["count"] += more
    levels.dirty[row // LEVEL_BLOCK] = 1
    return np.int64(level["count"])


@compiled
def greatest(levels: Keyed, content: Content) -> Integer:
    """The most nodes of one depth, the root's 1 included."""
    most = np.int64(1)
    row = np.int64(content["first_level"]) - 1
    while row >= 0:
        most = max(most, np.int64(levels.rows[row]["count"]))
        row = np.int64(levels.rows[row]["deeper"]) - 1
    return most
