"""A real group's whole history: for any day the log of transitions gives exactly where everyone was."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from schemas.rules import Rules
from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from sinks.writer import Writer
from streams.intake.stage import IDLE_MS
from streams.packing import Rows
from streams.settings import Settings
from tests.generate import records
from tests.local_run import PARTITIONS, Run, actions
from tests.oracle import People, judge

FILE = Path(__file__).parent.parent / "data" / "slack-houstondatavis.ndjson.gz"
RULES = Rules.model_validate({"communities": {"hdv": {"time_zone": "America/Chicago"}}})
BEGINNINGS = {"pyramid": "general", "intent": "none", "closeness": "know", "level": "level_0"}
ACTIVE = {"new", "active", "core", "resurrected"}

History = dict[tuple[str, str], list[tuple[date, str]]]
"""By person and ladder: on which day to which segment, in order."""


@pytest.fixture(scope="module")
def history() -> tuple[Run, People]:
    values = gzip.decompress(FILE.read_bytes()).splitlines()
    log = list(records(values, partitions=PARTITIONS, timestamp_ms=1_790_000_000_000))
    run = Run(log, RULES)
    asyncio.run(run.finish())
    judged = judge(log, RULES)
    final = max(judged.clock.values()) + IDLE_MS
    return run, People(judged, actions(run.log), final, RULES)


@pytest.fixture(scope="module")
def client(history: tuple[Run, People], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    opened = connect(Settings(path=tmp_path_factory.mktemp("history") / "clickhouse"))
    migrate(opened)
    create_views(opened)
    log, writer = history[0].log, Writer(opened, epoch="history")
    for partition in range(PARTITIONS):
        end = log.end("rows", partition)
        writer.write([Rows.unpack(r.value or b"", r.headers) for r in log.read("rows", partition, 0, end)])
    yield opened
    opened.close()


def by_person(people: People) -> History:
    found: History = {}
    for row in people.transitions:
        found.setdefault((row["user_id"], row["ladder"]), []).append((row["day"], row["to_segment"]))
    return found


def on(found: History, day: date) -> dict[str, dict[str, str]]:
    """Where everybody known by then was at the end of a day, from the recompute."""
    result: dict[str, dict[str, str]] = {}
    for user, ladder in found:
        steps = [segment for when, segment in found[user, ladder] if when <= day]
        if steps:
            result.setdefault(user, dict(BEGINNINGS))[ladder] = steps[-1]
    return result


def test_any_day_is_told_exactly(history: tuple[Run, People], client: Client) -> None:
    found = by_person(history[1])
    days = sorted({when for steps in found.values() for when, _ in steps})
    for day in [*days[::17], days[-1], days[-1] + timedelta(days=400)]:
        answer = client.query("SELECT * FROM segments_on(day = {d:Date32})", parameters={"d": day})
        names = [name for name in answer.column_names if name not in ("community_id", "user_id")]
        told = {
            row[1]: dict(zip(names, row[2:], strict=True))
            for row in answer.result_rows
            if row[0] == "hdv"
        }  # fmt: skip
        assert told == {
            user: {name: at.get(name, "") for name in names} for user, at in on(found, day).items()
        }


def test_growth_balances_to_the_person(history: tuple[Run, People], client: Client) -> None:
    found = by_person(history[1])
    rows = client.query(
        "SELECT day, active_before, new, resurrected, gone, active FROM growth_accounting ORDER BY day"
    ).result_rows
    assert len(rows) > 300
    before: dict[str, dict[str, str]] = {}
    for day, active_before, new, resurrected, gone, active in rows:
        now = on(found, day)
        was = {user for user, at in before.items() if at.get("lifecycle", "") in ACTIVE}
        known = {user for user, at in before.items() if "lifecycle" in at}
        is_now = {user for user, at in now.items() if at.get("lifecycle", "") in ACTIVE}
        expected: tuple[Any, ...] = (
            len(was), len(is_now - known), len((is_now - was) & known), len(was - is_now), len(is_now)
        )  # fmt: skip
        assert (active_before, new, resurrected, gone, active) == expected, day
        assert active == active_before + new + resurrected - gone
        before = now


def test_the_last_day_is_what_users_says(history: tuple[Run, People], client: Client) -> None:
    rows = client.query("SELECT ladder, segment, people FROM people_by_segment").result_rows
    told = {(ladder, segment): people for ladder, segment, people in rows}
    users = list(history[1].users)
    columns = {"lifecycle": "segment", "pyramid": "pyramid", "intent": "intent", "closeness": "closeness"}
    expected = Counter((ladder, user[column]) for user in users for ladder, column in columns.items())
    expected.update(("level", f"level_{user['level']}") for user in users)
    assert told == dict(expected)
