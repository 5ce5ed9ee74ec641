"""Which alerts of a group are open, and the rows that say when each opened and resolved."""

from __future__ import annotations

from typing import Any

from schemas.group_tables import ALERT_RULES

Row = dict[str, Any]


class Alerts:
    """The alerts of one group."""

    def __init__(self, community_id: str, group_id: str) -> None:
        self.rows: list[Row] = []
        """Rows of `alert_changes`, in the order in which they came."""
        self._who = {"community_id": community_id, "group_id": group_id}
        self._opened_at: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        """The rules of those that are open, in the order of the table."""
        return [rule for rule in ALERT_RULES if rule in self._opened_at]

    def is_open(self, rule: str) -> bool:
        """Whether the alert of this rule is open."""
        return rule in self._opened_at

    def open(self, rule: str, at: int, evidence: Row) -> None:
        """It opens, unless it is open."""
        if rule not in self._opened_at:
            self._opened_at[rule] = at
            self._tell(rule, "opened", at, at, evidence)

    def resolve(self, rule: str, at: int, evidence: Row) -> None:
        """It resolves, if it is open."""
        if rule in self._opened_at:
            self._tell(rule, "resolved", at, self._opened_at.pop(rule), evidence)

    def _tell(self, rule: str, change: str, at: int, opened_at: int, evidence: Row) -> None:
        self.rows.append(
            {
                **self._who,
                "rule": rule,
                "severity": ALERT_RULES[rule],
                "change": change,
                "at": at,
                "opened_at": opened_at,
                "evidence": evidence,
                "content_id": "",
            }
        )
