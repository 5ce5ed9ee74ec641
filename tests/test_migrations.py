"""Migrations make exactly the tables of schemas.tables, once, and hold the log's identity."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from schemas.tables import TABLES
from sinks.clickhouse import connect
from sinks.errors import SinkError
from sinks.migrate import MIGRATIONS, VIEWS, create_views, identity_check, migrate, write_migrations
from streams.settings import Settings


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    opened = connect(Settings(path=tmp_path / "clickhouse"))
    yield opened
    opened.close()


def test_every_table_of_the_module_has_a_file_that_creates_it() -> None:
    assert write_migrations() == [], "commit the new migrations with the table"
    statements = [path.read_text(encoding="utf-8") for path in MIGRATIONS.glob("*.sql")]
    created = {text.split()[2] for text in statements if text.startswith("CREATE TABLE ")}
    assert created == {"log_identity", *(table.stored_as for table in TABLES.values())}


def test_missing_files_are_written(tmp_path: Path) -> None:
    assert [path.name for path in write_migrations(tmp_path)] == [
        f"{number:03d}_{name}.sql" for number, name in enumerate(TABLES, start=1)
    ]
    assert write_migrations(tmp_path) == []


ASKED = {
    "columns": "SELECT name, type, comment, default_kind, default_expression, is_in_primary_key, "
    "is_in_sorting_key FROM system.columns WHERE database = 'groupbeat' AND table = {t:String} "
    "ORDER BY position",
    "table": "SELECT engine_full, sorting_key, primary_key, partition_key, comment "
    "FROM system.tables WHERE database = 'groupbeat' AND name = {t:String}",
    "projections": "SELECT name, type, sorting_key, query FROM system.projections "
    "WHERE database = 'groupbeat' AND table = {t:String}",
}
FOR_ROWS_FROM_BEFORE = {
    ("segment_transitions", "day"): "toDate32(at)",
    ("users_snapshots", "pyramid"): "'general'",
    ("users_snapshots", "intent"): "'none'",
    ("users_snapshots", "closeness"): "'know'",
    ("shares_snapshots", "topmost"): "1",
}
"""What columns that came later say of rows written before them: our inserts name every column."""


def assert_tables_are_those_of_the_module(client: Client) -> None:
    """Hold what the migrations made against what the module would make at once."""
    for table in TABLES.values():
        client.command(table.ddl().replace(f"CREATE TABLE {table.stored_as}", "CREATE TABLE wanted"))
        for sql in ASKED.values():
            found, wanted = (
                list(client.query(sql, parameters={"t": name}).named_results())
                for name in (table.stored_as, "wanted")
            )
            for row in wanted:
                if default := FOR_ROWS_FROM_BEFORE.get((table.stored_as, row.get("name", ""))):
                    row |= {"default_kind": "DEFAULT", "default_expression": default}
            assert found == wanted, f"{table.stored_as}: add a migration that alters it"
        client.command("DROP TABLE wanted SYNC")


def test_an_empty_database_gets_the_tables_of_the_module(client: Client) -> None:
    assert migrate(client) == list(range(1, 19))
    assert_tables_are_those_of_the_module(client)


def test_a_database_of_the_first_release_keeps_its_rows(client: Client, tmp_path: Path) -> None:
    released = tmp_path / "released"
    released.mkdir()
    for file in MIGRATIONS.glob("00[1-6]_*.sql"):
        shutil.copy(file, released)
    assert migrate(client, released) == list(range(1, 7))
    client.command(
        "INSERT INTO segment_transitions (community_id, user_id, ladder, to_segment, at, _partition, "
        "_position) VALUES ('c', 'ann', 'lifecycle', 'new', '2026-01-31 23:59:59.999', 'users/0', 7)"
    )
    client.command(
        "INSERT INTO users_snapshots (community_id, user_id, segment, joins, role, _version) "
        "VALUES ('c', 'ann', 'new', 3, 'member', 7)"
    )
    assert migrate(client) == list(range(7, 19))
    assert_tables_are_those_of_the_module(client)
    create_views(client)
    client.command(
        "INSERT INTO segment_transitions (community_id, user_id, ladder, to_segment, at, day, _partition, "
        "_position) VALUES ('c', 'bob', 'lifecycle', 'new', '2026-01-31 23:59:59.999', '2026-02-01', "
        "'users/0', 8)"
    )
    found = "SELECT user_id, day, _position FROM segment_transitions ORDER BY user_id"
    for _ in range(2):
        assert client.query(found).result_rows == [
            ("ann", date(2026, 1, 31), 7),
            ("bob", date(2026, 2, 1), 8),
        ]
        client.command("OPTIMIZE TABLE segment_transitions FINAL")
    [ann] = client.query("SELECT * FROM users").named_results()
    assert {name: ann[name] for name in ("segment", "joins", "pyramid", "intent", "closeness", "level")} == {
        "segment": "new", "joins": 3, "pyramid": "general", "intent": "none", "closeness": "know", "level": 0,
    }  # fmt: skip
    last = "SELECT _partition, max(_position) FROM segment_transitions GROUP BY _partition"
    answer = client.query(last, settings={"force_optimize_projection": 1}).result_rows
    assert answer == [("users/0", 8)]


def test_twice_does_nothing(client: Client) -> None:
    migrate(client)
    assert migrate(client) == []


@pytest.mark.parametrize("version", range(1, 19))
def test_a_crash_before_the_record_of_a_migration_does_not_block_the_next_start(
    client: Client, version: int
) -> None:
    migrate(client)
    client.command(
        f"ALTER TABLE schema_versions DELETE WHERE version = {version} SETTINGS mutations_sync = 2"
    )
    assert migrate(client) == [version]
    assert_tables_are_those_of_the_module(client)


def test_an_edited_or_missing_file_is_refused(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    migrate(client, folder)
    file = folder / "002_events.sql"
    text = file.read_text()
    file.write_text(text.replace("once", "twice"))
    with pytest.raises(SinkError, match="md5 is not equal"):
        migrate(client, folder)
    file.write_text(text)
    (folder / "006_receipts.sql").unlink()
    with pytest.raises(SinkError, match="gone missing"):
        migrate(client, folder)


def test_views_say_what_they_are(client: Client) -> None:
    migrate(client)
    for _ in range(2):
        names = create_views(client)
    assert {"users", "receipts", "growth_accounting", "segments_on"} <= set(names)
    for name in names:
        opening = (VIEWS / f"{name}.sql").read_text().splitlines()[:3]
        assert [line.split(":")[0] for line in opening] == ["-- Question", "-- Grain", "-- Columns"], name
    for name, table in TABLES.items():
        if table.kind == "entity":
            columns = client.query(f"SELECT * FROM {name} LIMIT 0").column_names
            assert list(columns) == [c.name for c in table.columns]


def test_another_log_is_refused(client: Client) -> None:
    migrate(client)
    identity_check(client, {"cluster": "one"})
    identity_check(client, {"cluster": "one", "events": "e1"})
    identity_check(client, {"cluster": "one", "events": "e1"})
    with pytest.raises(SinkError, match=r"another Kafka log: events was 'e1' and is 'e2'.*GROUPBEAT_PATH"):
        identity_check(client, {"cluster": "one", "events": "e2"})
    assert client.command("SELECT count() FROM log_identity") == 2
