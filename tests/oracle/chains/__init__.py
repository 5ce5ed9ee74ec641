"""The oracle of the chains stage: contents, shares and alerts, worked out again from all accepted events.

Plain Python, written from docs/chains.md and nothing else.

    chains = Chains(judge(records_of_events), rules, lambda partition: final_clock_ms, partition_of)
    assert not chains.differing(rows_of_table)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.rules import Rules
from tests.oracle.chains.content import Content
from tests.oracle.chains.explosive import RULE, Explosion, alert_rows, explosion
from tests.oracle.chains.rows import content_row, refused_rows, share_rows
from tests.oracle.compare import compare
from tests.oracle.intake import Judged

Row = dict[str, Any]
CONTENT = ("community_id", "content_id")
ACTIONS = ("share", "view", "join", "purchase")


class Chains:
    """What must come of the accepted events of all partitions.

    `now` gives the clock, ms, up to which a partition of the stage has come; without it that is past the
    clocks of all source partitions. `partition_of` gives the partition of a content (community, content);
    without it there is only partition 0.
    """

    def __init__(
        self,
        judged: Judged,
        rules: Rules | None = None,
        now: Callable[[int], int] | None = None,
        partition_of: Callable[[str, str], int] | None = None,
    ) -> None:
        rules = rules or Rules()
        final = max(judged.clock.values(), default=0) + 1
        self._now = now or (lambda partition: final)
        self._partition_of = partition_of or (lambda community, content: 0)
        self.contents: dict[tuple[str, str], Content] = {}
        actions = sorted(
            judged.with_clocks(),
            key=lambda one: (one[1], one[0]["source_partition"], one[0]["source_offset"]),
        )
        for event, clock in actions:
            place = event["community_id"], event["content_id"]
            if event["action"] not in ACTIONS or not event["content_id"] or clock >= self._clock(place):
                continue
            if place not in self.contents:
                self.contents[place] = Content(*place, rules.of(place[0]).chains)
            self.contents[place].take(event, clock)
        self.explosions = self._explosions()

    def _clock(self, place: tuple[str, str]) -> int:
        """The clock of the partition in which a content is."""
        return self._now(self._partition_of(*place))

    def _explosions(self) -> dict[tuple[str, str], Explosion]:
        """The contents that are explosive; each is compared with its neighbours, alone in a community."""
        neighbours: dict[tuple[str, int], list[Content]] = {}
        for place, content in self.contents.items():
            neighbours.setdefault((place[0], self._partition_of(*place)), []).append(content)
        found = {
            place: explosion(content, neighbours[place[0], self._partition_of(*place)])
            for place, content in self.contents.items()
        }
        return {place: one for place, one in found.items() if one}

    def rows(self, table: str) -> list[Row]:
        """The rows of `contents`, `shares`, `refused_shares` or `alert_changes`; evidence as an object."""
        if table == "contents":
            found = self.explosions
            return [
                content_row(content, found[place].at if place in found else 0)
                for place, content in self.contents.items()
            ]
        if table == "shares":
            return [row for content in self.contents.values() for row in share_rows(content)]
        if table == "refused_shares":
            return [row for content in self.contents.values() for row in refused_rows(content)]
        if table == "alert_changes":
            return [
                row
                for place, one in self.explosions.items()
                for row in alert_rows(self.contents[place], one, self._clock(place))
            ]
        raise ValueError(f"no table of chains: {table}")

    def differing(self, table: Callable[[str], Iterable[Mapping[str, Any]]]) -> dict[str, str]:
        """What differs from the rows of the stage, by table; only tables in which something does.

        The alerts of other stages, in the same table, are left out.
        """
        alerts = [
            dict(row) | {"evidence": json.loads(row["evidence"])}
            for row in table("alert_changes")
            if row["rule"] == RULE
        ]
        logs = {"refused_shares": table("refused_shares"), "alert_changes": alerts}
        problems = {
            "contents": compare(self.rows("contents"), table("contents"), CONTENT),
            "shares": compare(self.rows("shares"), table("shares"), (*CONTENT, "share_id")),
            **{name: _compare_logs(self.rows(name), found) for name, found in logs.items()},
        }
        return {name: text for name, text in problems.items() if text}


def _compare_logs(expected: Iterable[Row], actual: Iterable[Mapping[str, Any]]) -> str:
    """As multisets: a multiset has no order, so any that both sides have will do."""
    return compare(sorted(expected, key=_order), sorted(actual, key=_order), CONTENT)


def _order(row: Mapping[str, Any]) -> str:
    own = {name: value for name, value in row.items() if not name.startswith("_")}
    return json.dumps(own, sort_keys=True)
