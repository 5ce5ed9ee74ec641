"""K on invented communities of which it is known: how many of 100 intervals hold it.

Every day some people begin to share. Who shares does so once or more within an evening, and brings
Poisson(K) people through these shares within a week. Of those some share in their turn, so they are sharers
as well. Beside these there are joins that K does not count: people who come more than a week after the share,
and people who join once more, through another share. The view `k_by_community` is read once for all
communities of a K.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from rich.console import Console

from schemas.tables import TABLES
from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from streams.report import as_table
from streams.settings import Settings

TRUE_K = (0.5, 1.0, 1.5)
RUNS = 100
"""Communities of each K; their seeds are (K, 0) to (K, 99)."""
BAR = 0.93
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 70
NEW_A_DAY = 3.0
"""People who begin to share without having come through a share."""
AGAIN = 0.3
"""The part of those who were brought that share in their turn."""
DECOYS = 0.2
"""Joins that don't count, for each that does; of each kind half."""
WEEK = timedelta(days=7)
Row = dict[str, Any]


@dataclass
class Community:
    """Rows of one community, as the stages would write them up to its last day."""

    name: str
    shares: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)

    def shared(self, user: str, at: datetime, parent: Row | None) -> Row:
        """A share under another one, or under the content."""
        row = {
            "community_id": self.name, "content_id": "content", "share_id": f"s{len(self.shares)}",
            "group_id": "group", "user_id": user, "at": at, "channel": "chat",
            "parent_share_id": parent["share_id"] if parent else "",
            "depth": parent["depth"] + 1 if parent else 1,
        }  # fmt: skip
        self.shares.append(row)
        return row

    def joined(self, user: str, share: Row, at: datetime) -> None:
        """A join through a share."""
        self.events.append(
            {
                "community_id": self.name,
                "group_id": "group",
                "user_id": user,
                "action": "join",
                "occurred_at": at,
                "content_id": "content",
                "via_share_id": share["share_id"],
                "source_offset": len(self.events),
            }
        )

    def known(self, user: str, at: datetime, share: Row | None) -> None:
        """A person, and the share that brought them."""
        via = share["share_id"] if share else ""
        self.users.append({"community_id": self.name, "user_id": user, "joined_at": at, "via_share_id": via})


def invent(true_k: float, seed: int) -> Community:
    """A community of `DAYS` days in which each person who shares brings `true_k` others, on average."""
    rng = np.random.default_rng((int(10 * true_k), seed))
    made = Community(f"k{true_k:g}-{seed}")
    end = START + timedelta(days=DAYS)
    begins = np.sort(rng.uniform(0, DAYS, rng.poisson(NEW_A_DAY * DAYS)))
    waiting: list[tuple[str, datetime, Row | None]] = []
    for number, day in enumerate(begins):
        waiting.append((f"new{number}", START + timedelta(days=float(day)), None))
        made.known(*waiting[-1])
    while waiting:
        user, at, parent = waiting.pop()
        moments = [at + timedelta(hours=float(hours)) for hours in rng.uniform(0, 4, rng.poisson(1.0))]
        own = [made.shared(user, moment, parent) for moment in [at, *moments] if moment < end]
        for _ in range(rng.poisson(true_k)):
            share = own[rng.integers(len(own))]
            came = share["at"] + WEEK * float(rng.beta(1, 3))
            guest = f"guest{len(made.users)}"
            if came >= end:
                continue
            made.joined(guest, share, came)
            made.known(guest, came, share)
            if rng.random() < AGAIN and (later := came + timedelta(days=float(rng.exponential(2)))) < end:
                waiting.append((guest, later, share))
            if rng.random() < DECOYS:
                _decoy(made, rng, guest, came, end)
    return made


def _decoy(made: Community, rng: np.random.Generator, guest: str, came: datetime, end: datetime) -> None:
    """A join that K does not count: of the same guest once more, or of somebody after the week."""
    share = made.shares[rng.integers(len(made.shares))]
    if rng.random() < 0.5:
        at, user = max(came, share["at"]) + timedelta(days=1), guest
    else:
        at, user = share["at"] + WEEK + timedelta(days=float(rng.uniform(0, 7))), f"late{len(made.events)}"
    if at < end:
        made.joined(user, share, at)


def insert(client: Client, name: str, rows: list[Row]) -> None:
    """Rows into a table; columns that they don't have are empty."""
    table = TABLES[name]
    columns = {column.name: column for column in table.columns if column.name in rows[0]}
    arrays = [pa.array([row[key] for row in rows], column.arrow) for key, column in columns.items()]
    made = pa.Table.from_arrays(arrays, names=list(columns))
    client.insert_arrow(table.stored_as, made, settings={"async_insert": 0})


def read(client: Client, communities: list[Community]) -> list[Row]:
    """What `k_by_community` says of each, in order; the tables are filled with these alone."""
    for table in TABLES.values():
        client.command(f"TRUNCATE TABLE {table.stored_as}")
    for name in ("shares", "events", "users"):
        insert(client, name, [row for community in communities for row in getattr(community, name)])
    insert(client, "receipts", [{"stage": "chains", "partition": 0, "clock": START + timedelta(days=DAYS)}])
    found = {row["community_id"]: row for row in client.query("SELECT * FROM k_by_community").named_results()}
    return [found[community.name] for community in communities]


def measure(client: Client, true_k: float, runs: int) -> tuple[int, list[Row]]:
    """In how many of so many communities the interval holds the true K; and all rows."""
    found = read(client, [invent(true_k, seed) for seed in range(runs)])
    return sum(row["k_low"] <= true_k <= row["k_high"] for row in found), found


@contextmanager
def engine() -> Iterator[Client]:
    """The embedded engine with all tables and views, for a while."""
    with tempfile.TemporaryDirectory() as folder:
        client = connect(Settings(path=Path(folder) / "clickhouse"))
        migrate(client)
        create_views(client)
        try:
            yield client
        finally:
            client.close()


def report(console: Console, runs: int = RUNS) -> bool:
    """Print the table; whether the bar is met for each K."""
    rows = []
    with engine() as client:
        for true_k in TRUE_K:
            holding, found = measure(client, true_k, runs)
            k, sharers, joins, low, high = (
                f"{np.mean([row[name] for row in found]):.3g}"
                for name in ("k", "sharers", "joins", "k_low", "k_high")
            )
            met = "yes" if holding >= BAR * runs else "NO"
            rows.append((f"{true_k:g}", k, low, high, sharers, joins, f"{holding} of {runs}", met))
    names = (
        "true K",
        "mean k",
        "k_low",
        "k_high",
        "sharers",
        "joins",
        "intervals hold it",
        f"bar ({BAR}) met",
    )
    console.print(as_table(names, rows, f"K of {runs} invented communities each, 95 % intervals; means"))
    return all(row[-1] == "yes" for row in rows)
