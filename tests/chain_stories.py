"""Small stories of contents, and what the oracle makes of them: for examples that were worked out on paper.

Moments are hours since 2024-01-01T00:00:00Z. A line is made by `share`, `view`, `join` or `buy`; lines are in
the order in which they come, all of content "c" of the community "default" unless they say otherwise.
"""

from __future__ import annotations

from typing import Any

from schemas.rules import Rules
from tests.lives import HOUR_MS
from tests.oracle import judge
from tests.oracle.chains import Chains
from tests.oracle.intake import LogRecord
from tests.stories import BROKER_MS, message
from tests.strategies import START_MS

MILLI = 1 / HOUR_MS
"""A millisecond, in hours."""

Row = dict[str, Any]
Line = tuple[float, str, Row]


def ms(hour: float) -> int:
    """The moment of an hour, to the nearest millisecond."""
    return START_MS + round(hour * HOUR_MS)


def share(hour: float, share_id: str, parent: str | None = None, **fields: Any) -> Line:
    """A share, by default ann's."""
    return hour, "share", {"share_id": share_id, "parent_share_id": parent, **fields}


def view(hour: float, via: str | None = None, **fields: Any) -> Line:
    """A view, by default ann's."""
    return hour, "view", {"via_share_id": via, **fields}


def join(hour: float, via: str | None = None, **fields: Any) -> Line:
    """A join, by default ann's."""
    return hour, "join", {"via_share_id": via, "content_id": "c", **fields}


def buy(hour: float, via: str | None = None, amount: str = "1.50", **fields: Any) -> Line:
    """A purchase, by default ann's."""
    return hour, "purchase", {"via_share_id": via, "amount": amount, "content_id": "c", **fields}


class ChainStory:
    """A story, told until an hour, or past its end: what came before it, and all that was due by then.

    `from_partitions`: the source partition of each line; without it all are from one.
    """

    def __init__(
        self,
        *lines: Line,
        until: float | None = None,
        rules: Row | None = None,
        from_partitions: tuple[int, ...] | None = None,
        partition_of: dict[str, int] | None = None,
    ) -> None:
        records = []
        next_offset = dict[int, int]()
        for number, (hour, action, fields) in enumerate(lines):
            partition = from_partitions[number] if from_partitions else 0
            offset = next_offset.get(partition, 0)
            next_offset[partition] = offset + 1
            value = message(ms(hour), action, f"e{number}", **fields)
            records.append(LogRecord(partition, offset, BROKER_MS, value))
        thresholds = Rules.model_validate({"chains": rules or {}})
        judged = judge(records, thresholds)
        assert not judged.rejected
        of = partition_of or {}
        self.chains = Chains(
            judged,
            thresholds,
            None if until is None else lambda partition: ms(until),
            lambda community, content: of.get(content, 0),
        )

    def content(self, content_id: str = "c") -> Row:
        """Its row of `contents`."""
        (row,) = [row for row in self.chains.rows("contents") if row["content_id"] == content_id]
        return row

    def share(self, share_id: str) -> Row:
        """Its row of `shares`."""
        (row,) = [row for row in self.chains.rows("shares") if row["share_id"] == share_id]
        return row

    @property
    def parents(self) -> dict[str, str]:
        """Of each share the one above it; orphans have a question mark."""
        return {
            row["share_id"]: row["parent_share_id"] + "?" * row["orphan"]
            for row in self.chains.rows("shares")
        }

    @property
    def refused(self) -> list[tuple[str, str]]:
        """The shares that were refused, and why."""
        return [(row["share_id"], row["reason"]) for row in self.chains.rows("refused_shares")]

    @property
    def alerts(self) -> list[Row]:
        """Rows of `alert_changes`."""
        return self.chains.rows("alert_changes")
