"""What ``groupbeat chain`` shows of a content, read from the tables in a few statements.

ClickHouse sums up (``streams/chain_queries.py``): no tree comes here whole. The pages are
``streams/chain_page.py`` (terminal) and ``streams/chain_picture.py`` (SVG).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.rules import load_rules
from streams import chain_queries as queries
from streams.alert_words import parsed
from streams.chain_picture import MOST_CHILDREN, MOST_DEPTH, MOST_NODES
from streams.page import NotFound, Row, asked, the_one
from streams.settings import Settings
from streams.users.standing import milliseconds

FIRST_GENERATIONS, LAST_GENERATIONS = 20, 3
PATH_ENDS = 6
"""A longest path of more than twice as many shares is told from both ends."""
MOST_SHARERS = 10
Z = 1.96
"""Of a 95 % interval."""


@dataclass(frozen=True)
class Branching:
    """How many shares came of a share within 24 h, of `nodes` that had so long."""

    nodes: int
    children: int
    squares: int
    """Sum of the squares of each node's children."""

    @property
    def mean(self) -> float | None:
        """Children a node; None without nodes."""
        return self.children / self.nodes if self.nodes else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the mean lies in 95 of 100 cases; None without nodes.

        Byar's approximation of the Poisson distribution, wider where the nodes differ more than that has it:
        docs/spread.md.
        """
        if not self.nodes:
            return None
        scatter = 1.0
        if self.children and self.nodes > 1:
            variance = (self.squares - self.children**2 / self.nodes) / (self.nodes - 1)
            scatter = max(1.0, variance / (self.children / self.nodes))
        low = self.children / scatter
        above = low + 1
        least = low * max(0.0, 1 - 1 / (9 * low) - Z / (3 * math.sqrt(low))) ** 3 if low else 0.0
        most = above * (1 - 1 / (9 * above) + Z / (3 * math.sqrt(above))) ** 3
        return least * scatter / self.nodes, most * scatter / self.nodes

    @property
    def regime(self) -> str:
        """dying, critical, growing; empty if unknown."""
        if not self.interval:
            return ""
        low, high = self.interval
        return "dying" if high < 1 else "growing" if low > 1 else "critical"


@dataclass(frozen=True)
class Generation:
    """The shares of one depth."""

    depth: int
    nodes: int
    branching: Branching


@dataclass(frozen=True)
class ChainReport:
    """All that the page of a content is made of. Moments are UTC."""

    row: Row
    """Its row of `contents`."""
    time_zone: str
    now: datetime | None
    """The clock of the stage chains; None if it has no receipt."""
    generations: list[Generation]
    """From depth 1; of a deep tree the first and the last."""
    generations_left_out: int
    shares_left_out: int
    """How many shares those have."""
    branching: Branching
    """Of the nodes whose 24 h ended within the 7 days before `now`."""
    cycle_time_s: float | None
    """Median time from a share to one below it."""
    shares_of_shares: int
    """How many it is the median of."""
    path: list[Row]
    """From the content to the deepest share; of a long one both ends."""
    path_left_out: int
    by_reach: list[Row]
    by_money: list[Row]
    open_alerts: list[Row]


def find_content(settings: Settings, content: str, community: str | None) -> Row:
    """The row of a content. Raises `NotFound` and `SinkError`."""
    found = asked(settings, queries.CONTENT, content=content)
    if not found:
        near = asked(settings, queries.NEAR, content=content, community=community or "")
        there = ", ".join(f"{row['content_id']!r} in {row['community_id']!r}" for row in near)
        raise NotFound(
            f"no content has the content_id {content!r}" + (f"; there is {there}" if there else "")
        )
    return the_one(found, content, community)


def read_chain(settings: Settings, row: Row) -> ChainReport:
    """Ask for everything about a content of `find_content`. Raises `SinkError` and `RulesError`."""
    of = {"community": row["community_id"], "content": row["content_id"]}
    [whole] = asked(settings, queries.WHOLE, **of)
    deepest = whole["deepest"]
    last = max(FIRST_GENERATIONS, deepest - LAST_GENERATIONS)
    found = asked(settings, queries.GENERATIONS, **of, first=FIRST_GENERATIONS, after=last)
    generations = [
        Generation(each["generation"], each["nodes"], _branching([each], "old"))
        for each in found
        if each["generation"]
    ]
    ids = _longest_path(settings, of, deepest, whole["deepest_share"])
    ends = ids if len(ids) <= 2 * PATH_ENDS else ids[:PATH_ENDS] + ids[-PATH_ENDS:]
    sharers = asked(settings, queries.SHARERS, **of, most=MOST_SHARERS)
    return ChainReport(
        row=row,
        time_zone=load_rules(settings.rules).of(row["community_id"]).time_zone,
        now=whole["clock"] if milliseconds(whole["clock"]) else None,
        generations=generations,
        generations_left_out=deepest - len(generations),
        shares_left_out=sum(each["nodes"] for each in found if not each["generation"]),
        branching=_branching(found, "recent"),
        cycle_time_s=whole["cycle_time_s"],
        shares_of_shares=whole["shares_of_shares"],
        path=asked(settings, queries.PATH, **of, ids=ends) if ends else [],
        path_left_out=len(ids) - len(ends),
        by_reach=_first(sharers, "rank_by_reach", "reach"),
        by_money=_first(sharers, "rank_by_money", "amount"),
        open_alerts=asked(settings, queries.OPEN_ALERTS, **of),
    )


def read_drawn(settings: Settings, row: Row) -> list[Row]:
    """The shares of a content that a picture may show. Raises `SinkError`."""
    of = {"community": row["community_id"], "content": row["content_id"]}
    return asked(
        settings, queries.DRAWN, **of, depth=MOST_DEPTH, children=MOST_CHILDREN, nodes=MOST_NODES - 1
    )


def _branching(found: list[Row], of: str) -> Branching:
    names = of, f"children_of_{of}", f"squares_of_{of}"
    return Branching(*(sum(row[name] for row in found) for name in names))


def _longest_path(settings: Settings, of: dict[str, str], deepest: int, share: str) -> list[str]:
    """The ids from the content down to a deepest share."""
    if not deepest:
        return []
    pointers = asked(settings, queries.POINTERS, **of, deepest=deepest, share=share)
    parents = {row["share_id"]: row["parent_share_id"] for row in pointers}
    path: list[str] = []
    # Rows of a moving subtree may not all be there yet: no more steps than there are depths.
    while share in parents and len(path) < deepest:
        path.append(share)
        share = parents[share]
    return path[::-1]


def _first(sharers: list[Row], rank: str, by: str) -> list[Row]:
    """The first by one rank, of those who are among the first by either."""
    found = sorted((row for row in sharers if row[by] > 0), key=lambda row: int(row[rank]))
    return [
        {name: value for name, value in row.items() if not name.startswith("rank_")}
        for row in found
        if row[rank] <= MOST_SHARERS
    ]


def chain_json(report: ChainReport) -> str:
    """The report as one JSON object. Moments are UTC, ISO 8601; one that never was is null."""
    branching = report.branching
    found: dict[str, Any] = {
        "time_zone": report.time_zone,
        "clock": report.now,
        "content": report.row,
        "generations": [
            {"depth": each.depth, "nodes": each.nodes, **_plain(each.branching)}
            for each in report.generations
        ],
        "generations_left_out": report.generations_left_out,
        "shares_left_out": report.shares_left_out,
        "regime": {"regime": branching.regime or None, **_plain(branching)},
        "cycle_time_s": report.cycle_time_s,
        "longest_path": report.path,
        "path_left_out": report.path_left_out,
        "by_reach": report.by_reach,
        "by_money": report.by_money,
        "open_alerts": [
            each | {"opened_evidence": parsed(each["opened_evidence"])} for each in report.open_alerts
        ],
    }
    return json.dumps(found, indent=2, allow_nan=False, default=_moment)


def _plain(of: Branching) -> dict[str, Any]:
    low, high = of.interval or (None, None)
    found = {"branching": of.mean, "branching_low": low, "branching_high": high}
    return {"old_enough": of.nodes, "children_within_24h": of.children, **found}


def _moment(value: object) -> str | None:
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is no moment")
    at = milliseconds(value)
    return f"{value:%Y-%m-%dT%H:%M:%S}.{at % 1000:03}Z" if at else None
