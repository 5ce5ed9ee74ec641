"""One content: all that was done with it, and the tree of its shares."""

from __future__ import annotations

from typing import Any

from schemas.chain_rules import Chains as ChainRules
from tests.oracle.chains.tree import Node, Tree

Row = dict[str, Any]
Place = tuple[int, int]
"""A source partition and an offset in it."""
HOUR_MS = 3_600_000


class Content:
    """A content, as its actions are taken one by one."""

    def __init__(self, community_id: str, content_id: str, rules: ChainRules) -> None:
        self.who = {"community_id": community_id, "content_id": content_id}
        self.rules = rules
        self.actions: list[Row] = []
        """Its events, in the order in which they were taken."""
        self.tree = Tree(rules.orphan_hours * HOUR_MS)

    def take(self, event: Row, clock: int) -> None:
        """The next action."""
        self.actions.append(event)
        if event["action"] == "share":
            self.tree.take(event, clock)

    @property
    def group_id(self) -> str:
        """The group of its first action."""
        group: str = self.actions[0]["group_id"]
        return group

    @property
    def first_share(self) -> Node | None:
        """The first share that was taken into the tree."""
        return next(iter(self.tree.nodes.values()), None)

    @property
    def first_hour(self) -> list[Node]:
        """The shares less than an hour after the first, by the clock, in the order in which they came."""
        nodes = self.tree.nodes.values()
        return [node for node in nodes if self.first_share and node.clock < self.first_share.clock + HOUR_MS]

    def hour_is_over(self, clock: int) -> bool:
        """Whether its first hour is over for an action at this clock."""
        return self.first_share is not None and self.first_share.clock + HOUR_MS <= clock

    @property
    def first_purchases(self) -> set[Place]:
        """Of each buyer the first purchase."""
        found: dict[str, Place] = {}
        for event in self.actions:
            if event["action"] == "purchase":
                found.setdefault(event["user_id"], place_of(event))
        return set(found.values())


def place_of(event: Row) -> Place:
    """Which event it is."""
    return event["source_partition"], event["source_offset"]
