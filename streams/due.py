"""When time alone has something to do: for each block of rows a moment before which none of it is due.

So whoever is not due is not looked at. Moments are ms; kernels lower what stands here as rows become due.
"""

from __future__ import annotations

import numpy as np

from streams.columnar import Array

NEVER = np.iinfo(np.int64).max


def room_for(block_due: Array, blocks: int) -> Array:
    """The same, with room for so many blocks; nothing is due in new ones."""
    if blocks <= len(block_due):
        return block_due
    grown = np.full(blocks, NEVER, np.int64)
    grown[: len(block_due)] = block_due
    return grown


def earliest_of(due: Array, blocks: int, block_rows: int) -> Array:
    """From when each row is due, those of so many blocks, each of so many rows."""
    block_due = np.full(blocks, NEVER, np.int64)
    firsts = np.arange(0, len(due), block_rows)
    if len(firsts):
        block_due[: len(firsts)] = np.minimum.reduceat(due, firsts)
    return block_due
