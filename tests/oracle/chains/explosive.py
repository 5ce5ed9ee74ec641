"""Which contents are explosive, and the alerts about them. See docs/chains.md, Explosive content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.oracle.chains.content import HOUR_MS, Content

Row = dict[str, Any]
RULE = "explosive_content"


@dataclass(frozen=True)
class Explosion:
    """A content was found explosive."""

    at: int
    evidence: Row


def class_of(count: int) -> int:
    """The class of a count: itself up to 31; above, 16 classes an octave."""
    if count <= 31:
        return count
    octave = count.bit_length() - 1
    return 32 + (octave - 5) * 16 + (count // (1 << (octave - 4))) % 16


def explosion(content: Content, neighbours: list[Content]) -> Explosion | None:
    """The first share at which it is explosive.

    `neighbours` are the contents of its community in its partition of the stage; it may be among them.
    """
    rules = content.rules
    for shares, node in enumerate(content.first_hour, start=1):
        if shares < rules.explosive_shares:
            continue
        finished = [len(other.first_hour) for other in neighbours if other.hour_is_over(node.clock)]
        as_many = sum(class_of(count) >= class_of(shares) for count in finished)
        enough = len(finished) >= rules.explosive_contents
        if enough and as_many < rules.explosive_part * float(len(finished)):
            return Explosion(node.clock, {"shares": shares, "contents": len(finished), "as_many": as_many})
    return None


def alert_rows(content: Content, found: Explosion, now: int) -> list[Row]:
    """Rows of `alert_changes` of one content, up to the clock `now`."""
    ends = found.at + content.rules.explosive_hours * HOUR_MS
    at_the_end = {"shares_first_hour": len(content.first_hour)}
    changes = [("opened", found.at, found.evidence), ("resolved", ends, at_the_end)]
    return [
        {
            **content.who,
            "group_id": content.group_id,
            "rule": RULE,
            "severity": "info",
            "change": change,
            "at": at,
            "opened_at": found.at,
            "evidence": evidence,
        }
        for change, at, evidence in changes
        if change == "opened" or at <= now
    ]
