"""Small stories of one group, and what the oracle makes of them: for examples that were worked out on paper.

Moments are days since Monday 2024-01-01T00:00:00Z (day 0). A line is ``(day, action, user)`` or
``(day, action, user, {field: value})``; lines are in the order in which they come, all in g1 of "default".
"""

from __future__ import annotations

from typing import Any

from schemas.rules import Rules
from tests.lives import DAY_MS
from tests.oracle import judge
from tests.oracle.groups import Groups
from tests.stories import log, message, ms

HOUR, MINUTE = 1 / 24, 1 / 1440
"""In days."""

Row = dict[str, Any]
Line = tuple[float, str, str] | tuple[float, str, str, Row]
AD: Row = {"kind": "ad"}
STAFF: Row = {"role": "operator"}
BENEFIT: Row = {"role": "operator", "kind": "benefit"}


class GroupStory:
    """A story, told until a day: what came before it, and all that was due by then."""

    def __init__(self, *lines: Line, until: float, rules: Row | None = None) -> None:
        values = []
        for number, (day, action, user, *rest) in enumerate(lines):
            fields = dict(rest[0]) if rest else {}
            values.append(message(ms(day), action, f"e{number}", user_id=user, **fields))
        thresholds = Rules.model_validate(rules or {})
        self.groups = Groups(judge(log(*values), thresholds), thresholds, lambda *_: ms(until))

    @property
    def group(self) -> Row:
        """Its row of `groups`."""
        (row,) = self.groups.rows("groups")
        return row

    def member(self, user: str) -> Row:
        """Their row of `memberships`."""
        (row,) = [row for row in self.groups.rows("memberships") if row["user_id"] == user]
        return row

    def alerts(self, rule: str) -> list[Row]:
        """What became of one alert."""
        return [row for row in self.groups.rows("alert_changes") if row["rule"] == rule]

    def changes(self, rule: str) -> list[tuple[str, float]]:
        """When it opened and resolved, in days."""
        return [(row["change"], (row["at"] - ms(0)) / DAY_MS) for row in self.alerts(rule)]


def question(day: float, user: str, name: str) -> Line:
    """A question under a content_id."""
    return (day, "post", user, {"kind": "question", "content_id": name})


def reply(day: float, user: str, name: str, **fields: Any) -> Line:
    """A reply to it."""
    return (day, "post", user, {"reply_to": name, **fields})
