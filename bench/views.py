"""Each view over rows made in ClickHouse itself: how long its whole answer takes, parts merged or not."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client

from bench.view_rows import PEOPLE, fill, merge
from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from streams.settings import Settings

BEST_OF = 3

PARAMETERS = {
    "segments_on": "day = '2026-03-01'",
    "group_habit": "community = 'c1', group = 'g1', zone = 'Europe/Berlin'",
    "campaign_attainment": "community = 'c1', groups = [], contents = [], figure = 'active_people', "
    "from = '2026-02-01', to = '2026-03-01', goal = 1000",
    **dict.fromkeys(
        ("changes_between", "downgrades_between", "transitions_between"),
        "from = '2026-02-01', to = '2026-03-01'",
    ),
}
"""How each view with parameters is asked."""


@dataclass(frozen=True)
class Answered:
    """One view: the best time to its whole answer with parts unmerged and merged, and how long that is."""

    name: str
    unmerged_s: float
    merged_s: float
    rows: int


def measure(events: int, home: Path, people: int = PEOPLE) -> list[Answered]:
    """Fill an engine in `home` with so many events of so many people, and time each view."""
    shutil.rmtree(home, ignore_errors=True)
    client = connect(Settings(path=home / "clickhouse", clickhouse=None))
    try:
        migrate(client)
        names = create_views(client)
        fill(client, events, people)
        unmerged = {name: _best(client, name) for name in names}
        merge(client)
        merged = {name: _best(client, name) for name in names}
    finally:
        client.close()
    return [Answered(name, unmerged[name][0], merged[name][0], merged[name][1]) for name in names]


def _best(client: Client, name: str) -> tuple[float, int]:
    """The best time of some, in seconds, and the number of rows. Every column is worked out, none is sent."""
    asked = f"{name}({PARAMETERS[name]})" if name in PARAMETERS else name
    best = float("inf")
    for _ in range(BEST_OF):
        began = time.perf_counter()
        client.command(f"SELECT * FROM {asked} FORMAT Null")
        best = min(best, time.perf_counter() - began)
    return best, int(client.query(f"SELECT count() FROM {asked}").result_rows[0][0])
