"""Migrations make exactly the tables of schemas.tables, once, and hold the log's identity."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
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


def test_every_file_is_the_ddl_of_its_table() -> None:
    files = {path.stem.partition("_")[2]: path for path in MIGRATIONS.glob("*.sql")}
    assert set(files) == {"log_identity", *TABLES}
    for name, table in TABLES.items():
        assert files[name].read_text(encoding="utf-8") == table.ddl() + "\n", (
            f"{files[name].name} differs from schemas/tables.py: a released file is never edited, add a "
            "migration that alters the table, and hold the result against the module here"
        )


def test_missing_files_are_written(tmp_path: Path) -> None:
    assert [path.name for path in write_migrations(tmp_path)] == [
        f"{number:03d}_{name}.sql" for number, name in enumerate(TABLES, start=1)
    ]
    assert write_migrations(tmp_path) == []


def test_an_empty_database_gets_the_tables_of_the_module(client: Client) -> None:
    assert migrate(client) == [1, 2, 3, 4, 5, 6]
    for table in TABLES.values():
        found = client.query(
            "SELECT name, type, comment FROM system.columns "
            "WHERE database = 'groupbeat' AND table = {t:String} ORDER BY position",
            parameters={"t": table.stored_as},
        ).result_rows
        assert found == [(c.name, c.clickhouse, c.doc.replace("''", "'")) for c in table.all_columns]


def test_twice_does_nothing(client: Client) -> None:
    migrate(client)
    assert migrate(client) == []


def test_a_crash_before_the_record_of_a_migration_does_not_block_the_next_start(client: Client) -> None:
    migrate(client)
    client.command("ALTER TABLE schema_versions DELETE WHERE version = 4 SETTINGS mutations_sync = 2")
    assert migrate(client) == [4]


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


def test_views_say_what_they_are_and_can_be_asked(client: Client) -> None:
    migrate(client)
    for _ in range(2):
        names = create_views(client)
    assert {"users", "receipts", "people_by_segment", "last_transitions", "events_by_day"} <= set(names)
    for name in names:
        assert client.query(f"SELECT * FROM {name}").result_rows == []
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
