"""The tree of a content: a share comes in, an orphan moves with all below it. See docs/chains.md, The tree.

Nothing recurses, and nothing looks at more than the ancestors of one node, the nodes that move, and the
levels of a tree in which some have moved.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.chains.credit import above, add, credit_of, credit_path, is_any, mark
from streams.chains.levels import count_at, greatest, level_at
from streams.chains.state import LEVEL_KEY, NODE_BLOCK, ChainState
from streams.columnar import Keyed, has_room
from streams.compiled import Integer, compiled

Content = Any
"""One row of `CONTENT`."""
Node = Any
"""One row of `NODE`."""


@compiled
def top_of(nodes: Keyed, row: Integer) -> Integer:
    """The row of the ancestor of a node, or itself, that is just under the root."""
    higher = above(nodes.rows[row])
    while higher >= 0:
        row, higher = higher, above(nodes.rows[higher])
    return row


@compiled
def levels_needed(state: ChainState, depth: Integer) -> Integer:
    """So many levels must be reserved before a share of this depth comes in; 0: there is room.

    One for itself; and an orphan's subtree is no deeper than the tree is, and goes down by `depth` at most.
    """
    return 0 if has_room(state.levels, depth + 1, (depth + 1) * LEVEL_KEY) else depth + 1


@compiled
def _take_orphans(nodes: Keyed, content: Content, row: Integer, clock: Integer, span: Integer) -> Integer:
    """Those who wait for a share are its children, if they did not wait for too long; nodes that move."""
    node = nodes.rows[row]
    moved = np.int64(0)
    waiting = np.int64(node["first_child"])
    node["first_child"] = 0
    while waiting:
        orphan = nodes.rows[waiting - 1]
        following = np.int64(orphan["next"])
        if clock - orphan["clock"] <= span:
            orphan["orphan"] = 0
            orphan["next"] = node["first_child"]
            node["first_child"] = waiting
            node["children"] += 1
            content["orphans"] -= 1
            moved += orphan["size"]
            add(node, credit_of(orphan))
        else:
            orphan["parent"] = 0
            orphan["next"] = 0
        nodes.dirty[(waiting - 1) // NODE_BLOCK] = 1
        waiting = following
    return moved


@compiled
def _is_topmost(nodes: Keyed, row: Integer) -> bool:
    """Whether no share of the same person is above a node."""
    person = nodes.rows[row]["person"]
    higher = above(nodes.rows[row])
    while higher >= 0:
        if nodes.rows[higher]["person"] == person:
            return False
        higher = above(nodes.rows[higher])
    return True


@compiled
def _set_above(state: ChainState, row: Integer, value: Integer) -> None:
    """Say of all who shared a node or an ancestor of it that they are above what moves, or (0) no longer."""
    while row >= 0:
        node = state.nodes.rows[row]
        state.people.rows[np.int64(node["person"]) - 1]["above"] = value
        row = above(node)


@compiled
def _move_down(state: ChainState, index: Integer, top: Integer, level: Integer) -> None:
    """All nodes of a subtree go down with `top`, from depth 1 to that below `level` (a row).

    Of who shared above it now, no node in it is the topmost any more.
    """
    nodes, levels = state.nodes, state.levels
    old = np.int64(state.contents.rows[index]["first_level"]) - 1
    depth = np.int64(nodes.rows[top]["depth"])
    by = np.int64(nodes.rows[np.int64(nodes.rows[top]["parent"]) - 1]["depth"]) + 1 - depth
    new = level
    row = top
    while True:
        node = nodes.rows[row]
        deeper = np.int64(levels.rows[new]["deeper"]) - 1
        new = deeper if deeper >= 0 else level_at(state, index, np.int64(node["depth"]) + by, new)
        count_at(levels, old, -1)
        count_at(levels, new, 1)
        node["depth"] += by
        if state.people.rows[np.int64(node["person"]) - 1]["above"]:
            node["topmost"] = 0
        mark(nodes, row)
        if node["first_child"]:
            row = np.int64(node["first_child"]) - 1
            old = np.int64(levels.rows[old]["deeper"]) - 1
            continue
        while row != top and not nodes.rows[row]["next"]:
            row = np.int64(nodes.rows[row]["parent"]) - 1
            old = np.int64(levels.rows[old]["higher"]) - 1
            new = np.int64(levels.rows[new]["higher"]) - 1
        if row == top:
            return
        row = np.int64(nodes.rows[row]["next"]) - 1
        new = np.int64(levels.rows[new]["higher"]) - 1


@compiled
def _grow(nodes: Keyed, content: Content, row: Integer, more: Integer) -> None:
    """So many more nodes are under a node and its ancestors."""
    while row >= 0:
        node = nodes.rows[row]
        size = np.int64(node["size"])
        node["size"] = size + more
        content["sum_of_sizes"] += more
        content["sum_of_squares"] += more * (2 * size + more)
        mark(nodes, row)
        row = above(node)


@compiled
def _link(state: ChainState, content: Content, row: Integer, parent: Integer) -> None:
    """Under its parent, if that has come; else among those who wait for it; -1: under the root for good."""
    nodes = state.nodes
    node = nodes.rows[row]
    if parent < 0:
        content["roots"] += 1
        return
    node["parent"] = parent + 1
    node["next"] = nodes.rows[parent]["first_child"]
    nodes.rows[parent]["first_child"] = row + 1
    nodes.dirty[parent // NODE_BLOCK] = 1
    if nodes.rows[parent]["known"]:
        nodes.rows[parent]["children"] += 1
    else:
        node["orphan"] = 1
        content["orphans"] += 1


@compiled
def come_in(
    state: ChainState, index: Integer, row: Integer, parent: Integer, at: Integer, clock: Integer,
    span: Integer, again: Integer,
) -> None:  # fmt: skip
    """A share that was not known is a node from now on.

    `span`: how long an orphan waits, ms; `again`: 1 if the person has shared this content before.
    """
    nodes, content = state.nodes, state.contents.rows[index]
    node = nodes.rows[row]
    moved = _take_orphans(nodes, content, row, clock, span)
    size = 1 + moved
    node["known"] = 1
    node["at"] = at
    node["clock"] = clock
    node["size"] = size
    _link(state, content, row, parent)
    higher = above(node)
    depth = np.int64(1) if higher < 0 else np.int64(nodes.rows[higher]["depth"]) + 1
    node["depth"] = depth
    node["topmost"] = not again or _is_topmost(nodes, row)
    content["shares"] += 1
    content["sum_of_sizes"] += 1 + size  # the root's is one more, and its own
    content["sum_of_squares"] += 2 * np.int64(content["shares"]) + 1 + size * size
    _grow(nodes, content, higher, size)
    credit = credit_of(node)
    if is_any(credit):
        credit_path(nodes, higher, credit)
    mark(nodes, row)
    _count_depths(state, index, row, moved)


@compiled
def _count_depths(state: ChainState, index: Integer, row: Integer, moved: Integer) -> None:
    """A node has come, and some under it: their depths, and how many there are of each."""
    nodes, levels, content = state.nodes, state.levels, state.contents.rows[index]
    node = nodes.rows[row]
    depth = np.int64(node["depth"])
    higher = np.int64(-1)
    if depth > 1 and depth > content["depth"]:
        higher = level_at(state, index, depth - 1, np.int64(-1))
    level = level_at(state, index, depth, higher)
    count = count_at(levels, level, 1)
    if moved == 0:
        content["max_breadth"] = max(np.int64(content["max_breadth"]), count)
        return
    _set_above(state, row, 1)
    child = np.int64(node["first_child"]) - 1
    while child >= 0:
        _move_down(state, index, child, level)
        child = np.int64(nodes.rows[child]["next"]) - 1
    _set_above(state, row, 0)
    content["max_breadth"] = greatest(levels, content)
