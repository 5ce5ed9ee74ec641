"""The tree of shares of one content. See docs/chains.md, The tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

ROOT = ""
"""The content itself, where the id of a share would stand."""


@dataclass
class Node:
    """A share in the tree."""

    event: Row
    clock: int
    parent: str
    """The share above it, or `ROOT`."""
    orphan: bool

    def waits_for(self, share_id: str) -> bool:
        """Whether it is an orphan that waits for this share, which has not been taken yet."""
        return self.orphan and bool(self.event["parent_share_id"] == share_id)


class Tree:
    """Shares, as they are taken one by one."""

    def __init__(self, orphan_ms: int) -> None:
        self.nodes: dict[str, Node] = {}
        """By share id, in the order in which they were taken."""
        self.refused: list[tuple[Row, str]] = []
        """Shares that were not taken, each with the reason."""
        self._orphan_ms = orphan_ms

    def take(self, event: Row, clock: int) -> None:
        """A share comes: it enters the tree, or is refused."""
        share_id, named = event["share_id"], event["parent_share_id"]
        if reason := self._refusal(share_id, named, clock):
            self.refused.append((event, reason))
            return
        found = named in self.nodes
        orphan = named != ROOT and not found
        # A share that came too late for an orphan can't be taken again, so the orphan waits no longer.
        for node in self.nodes.values():
            if node.waits_for(share_id) and clock - node.clock <= self._orphan_ms:
                node.parent, node.orphan = share_id, False
        self.nodes[share_id] = Node(event, clock, named if found else ROOT, orphan)
        self.path(share_id)  # no node is its own ancestor

    def _refusal(self, share_id: str, named: str, clock: int) -> str:
        """Why it is not taken; empty when it is."""
        if share_id in self.nodes:
            return "known_share"
        if named == share_id:
            return "own_parent"
        if named in self.nodes:
            top = self.nodes[self.path(named)[-1]]
            if top.waits_for(share_id) and clock - top.clock <= self._orphan_ms:
                return "own_ancestor"
        return ""

    def path(self, share_id: str) -> list[str]:
        """A node, the one above it, and so on, to the one just under the root."""
        ids = [share_id]
        while (above := self.nodes[ids[-1]].parent) != ROOT:
            ids.append(above)
            assert len(ids) <= len(self.nodes), "a cycle"
        return ids

    def depth(self, share_id: str) -> int:
        """How deep a node is."""
        return len(self.path(share_id))

    def children(self) -> dict[str, list[str]]:
        """The nodes just under each node, and under the root."""
        found: dict[str, list[str]] = {ROOT: [], **{share_id: [] for share_id in self.nodes}}
        for share_id, node in self.nodes.items():
            found[node.parent].append(share_id)
        return found

    def subtrees(self) -> Iterator[tuple[str, list[str]]]:
        """Each node with all nodes of its subtree, itself the first."""
        children = self.children()
        for share_id in self.nodes:
            subtree = [share_id]
            for found in subtree:  # it grows while it is walked
                subtree += children[found]
            yield share_id, subtree
