"""A rebuild in this process: what comes of it, what it leaves alone, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from typer.testing import CliRunner

from schemas.actions import NOTES_HEADER
from schemas.rules import Rules
from schemas.table import position
from sinks.clickhouse import connect
from sinks.errors import SinkError
from sinks.query import query
from streams.cli import app
from streams.packing import Stamp, unpack_batch
from streams.rebuild import past
from streams.rebuild.run import rebuild, run_rebuild
from streams.rebuild.shadow import Shadow
from streams.settings import Settings
from tests.kafka_log import table
from tests.oracle import People, differing, judge, listed, read
from tests.rebuild_runs import (
    PARTITIONS,
    KeptLog,
    everything,
    fill,
    lives,
    log_of,
    other_rules,
    plain,
    rebuilt,
)
from tests.sink_server import WRITER, Server

RECEIPT = "SELECT toUnixTimestamp64Milli(max(clock)) FROM receipts WHERE stage = 'users'"
LEFT = "SELECT name FROM system.tables WHERE name LIKE '%\\_rebuilt' OR name LIKE 'events\\_by%clock'"
DEFINED = "SELECT name, replaceRegexpAll(create_table_query, '_rebuilt', '') FROM system.tables ORDER BY name"


@pytest.fixture
def settings(clean_environment: None, tmp_path: Path) -> Settings:
    """Without a broker: an engine's folder, and any port."""
    return Settings(path=tmp_path / "clickhouse", http_port=0)


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    return other_rules(tmp_path)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[KeptLog]]:
    """The logs of every rebuild."""
    monkeypatch.setattr("streams.rebuild.recompute.LocalLog", KeptLog)
    KeptLog.made.clear()
    yield KeptLog.made
    KeptLog.made.clear()


def in_order(settings: Settings, name: str) -> list[dict[str, object]]:
    rows = table(settings, name)
    return sorted(rows, key=lambda r: (r["_partition"], r["_position"])) if "_position" in rows[0] else rows


@pytest.mark.parametrize(("seed", "page", "chunk", "least"), [(1, 100_000, 20_000, 256), (2, 37, 10, 3)])
def test_every_row_is_that_of_the_batch_recompute_under_the_new_rules(
    settings: Settings, rules: Rules, kept: list[KeptLog], monkeypatch: pytest.MonkeyPatch,
    seed: int, page: int, chunk: int, least: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(past, "PAGE_ROWS", page)
    monkeypatch.setattr(past, "CHUNK_ROWS", chunk)
    monkeypatch.setattr(past, "DAY_ROWS", least)
    values = lives(seed)
    fill(settings, values, Rules())
    before = everything(settings)
    done = rebuilt(settings, rules)
    log = log_of(values)
    judged = judge(log, rules)
    assert done.events == len(judged.accepted)
    logs = {number: read(records) for number, records in kept[0].actions().items()}
    people = People(judged, logs, query(settings, RECEIPT)[1][0][0], rules)
    assert listed(differing(judged, people, logs, lambda name: in_order(settings, name))) == ""
    assert plain(everything(settings)) != plain(before)
    notes = [entry for entries in logs.values() for entry in entries if hasattr(entry, "note")]
    assert len(notes) > 100


def test_actions_are_those_that_intake_sent(
    settings: Settings, kept: list[KeptLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.local.LocalLog", KeptLog)
    fill(settings, lives(13, 2_000), Rules())
    rebuilt(settings, Rules())
    sent, again = (actions_in(log) for log in kept)
    assert sent == again
    assert len(sent) == query(settings, "SELECT count() FROM events")[1][0][0] > 1_500


def actions_in(log: KeptLog) -> dict[tuple[int, int], tuple[int, dict[str, Any]]]:
    """(source, offset) -> partition of the people stage, columns."""
    found = {}
    for number, records in log.actions().items():
        for record in records:
            headers = dict(record.headers)
            if record.value and NOTES_HEADER not in headers:
                stamp = Stamp.of(headers)
                rows = unpack_batch(record.value).to_pylist()
                assert rows[-1]["source_offset"] == stamp.offset and rows[-1]["clock"] == stamp.clock_ms
                for row in rows:
                    found[stamp.source, row["source_offset"]] = number, row
    return found


def test_it_gives_what_a_replay_under_the_new_rules_gives(
    settings: Settings, rules: Rules, tmp_path: Path
) -> None:
    values = lives(3, 4_000)
    fill(settings, values, Rules())
    rebuilt(settings, rules)
    anew = settings.model_copy(update={"path": tmp_path / "anew"})
    fill(anew, values, rules)
    wanted, found = everything(anew), everything(settings)
    assert plain(found) == plain(wanted)
    # What hangs on notes is there all the same: only when it came may differ.
    names = ("invites", "invites_stayed", "points_invite", "user_id", "community_id")
    assert [[row[name] for name in names] for row in sorted(found["users"], key=_who)] == [
        [row[name] for name in names] for row in sorted(wanted["users"], key=_who)
    ]
    assert sum(row["invites_stayed"] for row in found["users"]) > 10


def _who(row: dict[str, object]) -> tuple[str, str]:
    return str(row["community_id"]), str(row["user_id"])


def test_the_same_rules_change_nothing_and_a_second_run_changes_nothing_at_all(settings: Settings) -> None:
    fill(settings, lives(4), Rules())
    before = everything(settings)
    tables = query(settings, DEFINED)[1]
    receipts = query(settings, "SELECT * FROM receipts ORDER BY stage, partition")[1]
    rebuilt(settings, Rules())
    once = everything(settings)
    assert plain(once) == plain(before)
    rebuilt(settings, Rules())
    assert everything(settings) == once
    assert query(settings, DEFINED)[1] == tables
    assert query(settings, "SELECT * FROM receipts ORDER BY stage, partition")[1] == receipts


def pairs(settings: Settings, sql: str) -> dict[Any, Any]:
    rows: Any = query(settings, sql)[1]
    return dict(rows)


def test_positions_and_versions_stand_between_what_was_and_what_will_be(
    settings: Settings, rules: Rules
) -> None:
    fill(settings, lives(5), Rules())
    names = ("segment_transitions", "medals")
    sql = "SELECT _partition, max(_position) FROM {} GROUP BY _partition"
    old = {name: pairs(settings, sql.format(name)) for name in names}
    rebuilt(settings, rules)
    ends = pairs(settings, "SELECT partition, next_offset FROM receipts WHERE stage = 'users'")
    assert len(ends) == PARTITIONS
    for name in names:
        rows = query(
            settings,
            "SELECT _partition, count(), uniqExact(_position), min(_position), max(_position), "
            f"countIf(_position < {10**6}) FROM {name} GROUP BY _partition",
        )[1]
        assert len(rows) == PARTITIONS
        for partition, count, different, least, most, low in rows:
            assert count == different == low + 1 and least == 0
            assert most == position(ends[int(partition.partition("/")[2])]) - 1
            assert most >= old[name][partition]
    versions = query(
        settings,
        "SELECT bitShiftRight(_version, 24), count() FROM users_snapshots GROUP BY _version",
    )[1]
    assert {offset for offset, _ in versions} == set(ends.values())
    # When the broker took what caused them: here everything at one moment.
    ((moments,),) = query(settings, "SELECT uniqExact(_ingested_at) FROM segment_transitions")[1]
    assert moments == 1


def test_a_crash_before_the_switch_leaves_the_old_rows_and_the_next_run_clears_up(
    settings: Settings, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settings, lives(6), Rules())
    before = everything(settings)
    with monkeypatch.context() as broken:
        broken.setattr(Shadow, "switch", _crash)
        broken.setattr(Shadow, "drop", lambda shadow: None)  # killed: it had no time for it
        with pytest.raises(RuntimeError, match="killed"):
            rebuilt(settings, rules)
    assert everything(settings) == before
    assert len(query(settings, LEFT)[1]) == 3
    rebuilt(settings, rules)
    assert plain(everything(settings)) != plain(before)
    assert query(settings, LEFT)[1] == []


def _crash(shadow: Shadow) -> None:
    raise RuntimeError("killed")


def test_a_crash_in_the_middle_of_the_switch_is_mended_by_the_next_run(
    settings: Settings, rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settings, lives(7), Rules())
    whole = settings.model_copy(update={"path": settings.path.parent / "whole"})
    fill(whole, lives(7), Rules())
    rebuilt(whole, rules)
    wanted = everything(whole)
    with monkeypatch.context() as broken:
        broken.setattr("streams.rebuild.shadow.crash_point", lambda name: _crash(None))  # type: ignore[arg-type]
        broken.setattr(Shadow, "drop", lambda shadow: None)
        with pytest.raises(RuntimeError, match="killed"):
            rebuilt(settings, rules)
    half = everything(settings)
    assert sum(half[name] == wanted[name] for name in wanted) == 1
    rebuilt(settings, rules)
    assert everything(settings) == wanted


def test_readers_have_the_old_rows_until_the_switch(settings: Settings, rules: Rules) -> None:
    fill(settings, lives(8), Rules())
    before = everything(settings)
    seen = []

    def look(done: int, total: int) -> None:
        seen.append((done, total))
        if len(seen) == 2:
            # Over HTTP: the folder itself is taken.
            assert everything(settings) == before

    done = asyncio.run(run_rebuild(settings.model_copy(update={"rules": _file(settings)}), look))
    assert seen[-1] == (done.events, done.events)
    assert len(seen) > 2
    assert plain(everything(settings)) != plain(before)
    assert done.people == len(before["users"]) and not done.with_state


def _file(settings: Settings) -> Path:
    return settings.path.parent / "rules.toml"


def test_over_a_server(settings: Settings, rules: Rules) -> None:
    values = lives(9, 1_500)
    fill(settings, values, Rules())
    alone = settings.model_copy(update={"path": settings.path.parent / "alone"})
    fill(alone, values, Rules())
    rebuilt(alone, rules)
    wanted = everything(alone)
    with Server(settings.path) as server:
        remote = Settings(
            clickhouse=f"http://127.0.0.1:{server.port}", clickhouse_user="writer", clickhouse_password=WRITER
        )
        rebuilt(remote, rules)
        assert everything(remote) == wanted


def test_it_refuses_what_is_not_drained(settings: Settings, rules: Rules) -> None:
    fill(settings, lives(10, 300), Rules())
    client = connect(settings)
    change_receipts(client, "accepted + 1 AS accepted")
    with pytest.raises(SinkError, match=r"not everything is in the database: of intake/\d the receipt says"):
        rebuild(settings, client, rules)
    client.close()


def test_it_changes_nothing_when_somebody_was_at_work(settings: Settings, rules: Rules) -> None:
    fill(settings, lives(11, 300), Rules())
    before = everything(settings)
    client = connect(settings)
    with pytest.raises(SinkError, match="at work meanwhile"):
        rebuild(settings, client, rules, lambda *_: change_receipts(client, "next_offset + 1 AS next_offset"))
    assert client.query(LEFT).result_rows == []
    client.close()
    assert everything(settings) == before


def change_receipts(client: Client, change: str) -> None:
    client.command(
        f"INSERT INTO receipts_snapshots SELECT * REPLACE ({change}, _version + 1 AS _version) "
        "FROM receipts_snapshots FINAL"
    )


def test_told_to_stop_it_changes_nothing(settings: Settings, rules: Rules) -> None:
    fill(settings, lives(12, 300), Rules())
    before = everything(settings)
    client = connect(settings)
    asked = iter([False] * 6)
    with pytest.raises(SinkError, match="stopped before anything was changed"):
        rebuild(settings, client, rules, should_stop=lambda: next(asked, True))
    client.close()
    assert everything(settings) == before


def test_there_must_be_something_to_rebuild(settings: Settings) -> None:
    with pytest.raises(SinkError, match="no database yet"):
        asyncio.run(run_rebuild(settings))
    fill(settings, [b"no event"], Rules())
    with pytest.raises(SinkError, match="no events yet"):
        rebuilt(settings, Rules())


def test_the_command(settings: Settings, rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(settings, lives(14, 300), Rules())
    monkeypatch.setenv("GROUPBEAT_HTTP_PORT", "0")
    flags = ["rebuild", "--path", str(settings.path), "--rules", str(_file(settings))]
    ran = CliRunner().invoke(app, flags)
    assert ran.exit_code == 1 and "--from-events" in ran.stderr
    ran = CliRunner().invoke(app, [*flags, "--from-events"])
    people, events = (query(settings, f"SELECT count() FROM {name}")[1][0][0] for name in ("users", "events"))
    assert ran.exit_code == 0, ran.output
    assert f"{people} people rebuilt from {events} events" in ran.output
    _file(settings).write_text("[lifecycle]\nsilent_days = 0\n")
    ran = CliRunner().invoke(app, [*flags, "--from-events"])
    assert ran.exit_code == 1 and "silent_days" in ran.stderr
