"""What came through a share counts at it and at all above it. See docs/chains.md."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from streams.chains.state import NODE_BLOCK
from streams.columnar import Keyed, touch
from streams.compiled import Integer, compiled

MILLION = 1_000_000
Row = Any
"""One row of `NODE` or `CONTENT`."""


class Credit(NamedTuple):
    """What came through shares: counts, and an amount in whole units and millionths (0 to 999,999)."""

    views: Integer
    joins: Integer
    purchases: Integer
    buyers: Integer
    units: Integer
    millionths: Integer


@compiled
def add(row: Row, credit: Credit) -> None:
    """Count it in one row."""
    row["views"] += credit.views
    row["joins"] += credit.joins
    row["purchases"] += credit.purchases
    row["buyers"] += credit.buyers
    millionths = np.int64(row["millionths"]) + credit.millionths
    row["units"] += credit.units + millionths // MILLION
    row["millionths"] = millionths % MILLION


@compiled
def credit_of(node: Row) -> Credit:
    """What has come through a node and all below it so far."""
    return Credit(
        np.int64(node["views"]),
        np.int64(node["joins"]),
        np.int64(node["purchases"]),
        np.int64(node["buyers"]),
        np.int64(node["units"]),
        np.int64(node["millionths"]),
    )


@compiled
def is_any(credit: Credit) -> bool:
    """Whether anything came."""
    return bool(credit.views + credit.joins + credit.purchases > 0)


@compiled
def mark(nodes: Keyed, row: Integer) -> None:
    """A node has changed. One that has not come yet is in the checkpoint, but no row of `shares`."""
    nodes.dirty[row // NODE_BLOCK] = 1
    if nodes.rows[row]["known"]:
        touch(nodes, row, NODE_BLOCK)


@compiled
def above(node: Row) -> Integer:
    """The row above a node in the tree; -1 for the root."""
    return np.int64(-1) if node["orphan"] else np.int64(node["parent"]) - 1


@compiled
def credit_path(nodes: Keyed, row: Integer, credit: Credit) -> None:
    """Count it at a node and at each of its ancestors."""
    while row >= 0:
        node = nodes.rows[row]
        add(node, credit)
        mark(nodes, row)
        row = above(node)
