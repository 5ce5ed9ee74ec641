"""What tests of the views of chains share: random trees as rows of `shares`, and how views are read."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client

from tests.hand_rows import moment

NOW = moment("2026-03-01")
"""The clock of the stage in these tests."""
SETTINGS = ("", " SETTINGS join_use_nulls = 1", " SETTINGS prefer_column_name_to_alias = 1")


def rows(client: Client, sql: str) -> list[dict[str, Any]]:
    """The same under settings that readers may have."""
    found = [list(client.query(sql + setting).named_results()) for setting in SETTINGS]
    if "ORDER BY" not in sql:
        found = [sorted(some, key=lambda row: str(list(row.values()))) for some in found]
    assert found[0] == found[1] == found[2]
    return found[0]


def byar(count: float) -> tuple[float, float]:
    """The interval of a count, as in docs/spread.md."""
    upper = count + 1
    low = count * max(0.0, 1 - 1 / (9 * count) - 1.96 / (3 * math.sqrt(count))) ** 3 if count else 0.0
    return low, upper * (1 - 1 / (9 * upper) + 1.96 / (3 * math.sqrt(upper))) ** 3


@dataclass
class Node:
    """A share, with what came through it alone."""

    share_id: str
    user_id: str
    at: datetime
    parent: Node | None
    views: int
    joins: int
    buyers: int
    amount: float
    children: list[Node] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """1 just under the content."""
        return 1 if self.parent is None else self.parent.depth + 1

    @property
    def delay_s(self) -> float | None:
        """Since the share above it."""
        return None if self.parent is None else max(0.0, (self.at - self.parent.at).total_seconds())

    @property
    def topmost(self) -> bool:
        """Whether no share of the same person is above it."""
        above = self.parent
        while above and above.user_id != self.user_id:
            above = above.parent
        return above is None

    def below(self) -> list[Node]:
        """Itself and all below it."""
        return [self] + [node for child in self.children for node in child.below()]

    def row(self, content_id: str) -> dict[str, Any]:
        """As the stage writes it."""
        below = self.below()
        return {
            "community_id": "c", "content_id": content_id, "share_id": self.share_id, "group_id": "g",
            "user_id": self.user_id, "at": self.at, "depth": self.depth, "delay_s": self.delay_s,
            "parent_share_id": self.parent.share_id if self.parent else "", "size": len(below),
            "direct_shares": len(self.children), "reach": sum(node.views for node in below),
            "joins": sum(node.joins for node in below), "buyers": sum(node.buyers for node in below),
            "amount": sum(node.amount for node in below), "topmost": int(self.topmost),
        }  # fmt: skip


def random_tree(rng: random.Random) -> list[Node]:
    """Up to 40 shares of six people, up to ten days before `NOW`; some at the same moment, or on a bound."""
    nodes: list[Node] = []
    hours = rng.choice((20, 60, 240))
    for number in range(rng.randint(1, 40)):
        parent = rng.choice(nodes) if nodes and rng.random() < 0.8 else None
        at = NOW - timedelta(hours=rng.randrange(1, hours))
        if parent and rng.random() < 0.8:
            at = min(NOW, parent.at + timedelta(hours=rng.choice((0, 1, 23, 24, 25))))
        figures = (rng.randrange(4), rng.randrange(3), rng.randrange(2), rng.randrange(8) / 4)
        node = Node(f"s{number}", f"u{rng.randrange(6)}", at, parent, *figures)
        nodes.append(node)
        if parent:
            parent.children.append(node)
    return nodes
