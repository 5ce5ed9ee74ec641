"""What the chains stage keeps: contents, the nodes of their trees, people; and what kernels give.

The definition of all of it is docs/chains.md. Moments are ms since 1970. A reference to a row of a table is
its number + 1, and 0 is none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from schemas.rules import DAY_MS, HOUR_MS, Rules
from streams.columnar import Array, Bytes, Keyed, KeyedTable
from streams.compiled import codes
from streams.names import names_table

NEVER = np.iinfo(np.int64).max
FIRST_HOUR_MS = HOUR_MS
COLD_MS = 30 * DAY_MS
"""A content without an action for so long is packed."""
CLASSES = 32 + 16 * 27
"""Classes of counts of shares."""

CHAIN_RULES = np.dtype(
    [("orphan", "i8"), ("part", "f8"), ("shares", "i8"), ("contents", "i8"), ("explosive", "i8")]
)
"""Thresholds as numbers, one row a set of rules; spans in ms."""

CONTENT = np.dtype(
    [
        ("community", "u4"),  # row in `communities`
        ("serial", "u4"),  # stands in the keys of its nodes, people and levels; never given twice
        ("group", "u4"),  # of its first action: row in `names` + 1
        ("first_at", "i8"),
        ("last_at", "i8"),
        ("clock", "i8"),  # of its latest action
        ("first_share_at", "i8"),
        ("first_share_clock", "i8"),
        ("views", "i8"),
        ("joins", "i8"),
        ("purchases", "i8"),
        ("units", "i8"),  # of what was paid, whole ones
        ("millionths", "u4"),  # beyond them
        ("buyers", "u4"),
        ("shares", "u4"),
        ("sharers", "u4"),
        ("roots", "u4"),
        ("orphans", "u4"),
        ("refused", "u4"),
        ("depth", "u4"),
        ("max_breadth", "u4"),
        ("sum_of_sizes", "i8"),  # of all subtrees, that of the root included
        ("sum_of_squares", "i8"),
        ("first_level", "u4"),  # depth 1: row in `levels` + 1
        ("hour_shares", "u4"),  # of the first hour
        ("next_in_hour", "u4"),  # the content whose hour ends next: row + 1
        ("explosive_at", "i8"),
        ("resolve_at", "i8"),  # NEVER: no alert is open
    ]
)
"""Found by (community_id, content_id)."""

NODE = np.dtype(
    [
        ("content", "u4"),  # row in `contents`
        ("known", "u1"),  # 0: something names it, but it has not come
        ("orphan", "u1"),
        ("topmost", "u1"),  # 1: no share of the same person is above it
        ("group", "u4"),  # row in `names` + 1
        ("channel", "u4"),
        ("person", "u4"),  # who shared: row in `people` + 1
        ("parent", "u4"),  # row + 1; of an orphan that whose coming it waits for
        ("first_child", "u4"),  # row + 1; of one that has not come those who wait for it
        ("next", "u4"),  # among the children of one parent
        ("depth", "u4"),
        ("size", "u4"),  # of its subtree, as all that follows
        ("children", "u4"),
        ("views", "u4"),
        ("joins", "u4"),
        ("purchases", "u4"),
        ("buyers", "u4"),
        ("millionths", "u4"),
        ("units", "i8"),
        ("at", "i8"),
        ("clock", "i8"),
    ]
)
"""A share, found by its id, 0xFF and the serial of its content in 4 bytes."""

PERSON = np.dtype([("content", "u4"), ("shared", "u1"), ("bought", "u1"), ("above", "u1")])
"""Somebody who shared or bought a content, found by the user_id, 0xFF and the serial of the content.

`above` is 1 for those who shared above nodes that are just moving, and 0 but for that."""

LEVEL = np.dtype([("content", "u4"), ("count", "u4"), ("deeper", "u4"), ("higher", "u4")])
"""How many nodes of one depth there are, found by the serial of the content and the depth in 4 bytes each."""

COMMUNITY = np.dtype([("finished", "u4"), ("classes", "u4", (CLASSES,))])
"""Contents whose first hour is over, by how many shares it had. Found by the community_id and 0xFF."""

CONTENT_BLOCK, NODE_BLOCK, PERSON_BLOCK, LEVEL_BLOCK, COMMUNITY_BLOCK = 128, 512, 1024, 1024, 16

SERIAL_BYTES = 4
LEVEL_KEY = 2 * SERIAL_BYTES

ALERT = np.dtype(
    [
        ("row", "i8"),
        ("position", "u8"),
        ("at", "i8"),
        ("shares", "i8"),
        ("contents", "i8"),
        ("as_many", "i8"),
    ]
)
"""An alert that opened."""
REFUSED = np.dtype([("action", "i8"), ("reason", "i8"), ("position", "u8")])
"""A share that was refused: number of the action, code of the reason."""

KNOWN_SHARE, OWN_PARENT, OWN_ANCESTOR = codes(3)
SERIALS, HOUR_FIRST, HOUR_LAST = codes(3)
ALERTS, REFUSALS, ALERT_ROWS, REFUSED_ROWS, LEVELS_NEEDED = codes(5)


class Moves(NamedTuple):
    """What kernels give."""

    alerts: Array
    """Of `ALERT`, filled from the front."""
    refused: Array
    """Of `REFUSED`, filled from the front."""
    cursor: Array
    """int64: [ALERTS], [REFUSALS] how many; [ALERT_ROWS], [REFUSED_ROWS] of the current message so far;
    [LEVELS_NEEDED]: so many more rows of `levels` before going on."""


class ChainState(NamedTuple):
    """The arrays of the chains stage, as its kernels take them."""

    contents: Keyed
    nodes: Keyed
    people: Keyed
    levels: Keyed
    communities: Keyed
    names: Keyed
    counters: Array
    """int64: [SERIALS] given so far; contents in their first hour, [HOUR_FIRST] to [HOUR_LAST], row + 1."""
    rules: Array
    """Of `CHAIN_RULES`, numbered as `Rules.sets`."""
    scratch: Bytes
    """Where keys are put together."""
    moves: Moves


class Tables(NamedTuple):
    """The tables of one partition of chains."""

    contents: KeyedTable
    nodes: KeyedTable
    people: KeyedTable
    levels: KeyedTable
    communities: KeyedTable
    names: KeyedTable

    @classmethod
    def empty(cls) -> Tables:
        """With nothing in them."""
        return cls(
            KeyedTable("contents", CONTENT, CONTENT_BLOCK, flushed=True),
            KeyedTable("nodes", NODE, NODE_BLOCK, flushed=True),
            KeyedTable("people", PERSON, PERSON_BLOCK),
            KeyedTable("levels", LEVEL, LEVEL_BLOCK),
            KeyedTable("communities", COMMUNITY, COMMUNITY_BLOCK),
            names_table(),
        )


def rule_rows(rules: Rules) -> Array:
    """The thresholds of each set of rules, of `CHAIN_RULES`."""
    found = [one.chains for one in rules.sets]
    return np.array(
        [
            (
                one.orphan_hours * HOUR_MS, one.explosive_part, one.explosive_shares, one.explosive_contents,
                one.explosive_hours * HOUR_MS,
            )
            for one in found
        ],
        CHAIN_RULES,
    )  # fmt: skip
