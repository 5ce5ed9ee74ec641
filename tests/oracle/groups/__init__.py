"""The oracle of the groups stage: memberships, groups and alerts, worked out again from all accepted events.

Plain Python, written from docs/groups.md, docs/silence.md and docs/churn.md and nothing else.

    groups = Groups(judge(records_of_events), rules, lambda community, group: final_clock_ms)
    assert not groups.differing(rows_of_table)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.rules import Rules
from tests.oracle.compare import compare
from tests.oracle.groups.group import Group
from tests.oracle.groups.rows import group_row, membership_rows
from tests.oracle.intake import Judged

Row = dict[str, Any]
GROUP = ("community_id", "group_id")


class Groups:
    """What must come of the accepted events of all partitions.

    `now` gives the clock, ms, up to which the stage partition of a group (community, group) has come; without
    it that is past the clocks of all source partitions.
    """

    def __init__(
        self, judged: Judged, rules: Rules | None = None, now: Callable[[str, str], int] | None = None
    ) -> None:
        rules = rules or Rules()
        final = max(judged.clock.values(), default=0) + 1
        self.groups: dict[tuple[str, str], Group] = {}
        actions = sorted(
            judged.with_clocks(),
            key=lambda one: (one[1], one[0]["source_partition"], one[0]["source_offset"]),
        )
        for event, clock in actions:
            place = event["community_id"], event["group_id"]
            if now is not None and clock >= now(*place):
                continue
            if place not in self.groups:
                self.groups[place] = Group(*place, rules.of(place[0]), clock)
            self.groups[place].settle(clock)
            self.groups[place].apply(event, clock)
        for place, group in self.groups.items():
            group.settle(final if now is None else now(*place))

    def rows(self, table: str) -> list[Row]:
        """The rows of `memberships`, `groups` or `alert_changes`; evidence as an object."""
        groups = self.groups.values()
        if table == "groups":
            return [group_row(group) for group in groups]
        if table == "memberships":
            return [row for group in groups for row in membership_rows(group)]
        if table == "alert_changes":
            return [row for group in groups for row in group.alerts.rows]
        raise ValueError(f"no table of groups: {table}")

    def differing(self, table: Callable[[str], Iterable[Mapping[str, Any]]]) -> dict[str, str]:
        """What differs from the rows of the stage, by table; only tables in which something does.

        The alerts of chains, in the same table, are left out.
        """
        alerts = [
            dict(row) | {"evidence": json.loads(row["evidence"])}
            for row in table("alert_changes")
            if row["rule"] != "explosive_content"
        ]
        problems = {
            "memberships": compare(self.rows("memberships"), table("memberships"), (*GROUP, "user_id")),
            "groups": compare(self.rows("groups"), table("groups"), GROUP),
            "alert_changes": compare(
                sorted(self.rows("alert_changes"), key=_order), sorted(alerts, key=_order), (*GROUP, "rule")
            ),
        }
        return {name: text for name, text in problems.items() if text}


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """A multiset has no order, so any that both sides have will do."""
    place = tuple(row[name] for name in (*GROUP, "rule", "at", "change", "opened_at"))
    return (*place, json.dumps(row["evidence"], sort_keys=True))
