"""Bring a database to this version: numbered migrations once each, then the views anew.

`python -m sinks.migrate` writes the migration files of tables in `schemas.tables` that have none yet.
"""

from __future__ import annotations

import re
from pathlib import Path

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_migrations.connection import ClickhouseConnectConnection
from clickhouse_migrations.exceptions import MigrationException
from clickhouse_migrations.migration import MigrationStorage
from clickhouse_migrations.migrator import Migrator

from schemas.tables import TABLES
from sinks.errors import SinkError, classify, explain

MIGRATIONS = Path(__file__).parent / "migrations"
VIEWS = Path(__file__).parent / "views"


class _Connection(ClickhouseConnectConnection):  # type: ignore[misc]
    """Makes CREATE TABLE repeatable: a crash before the record of it must not block the next start."""

    def command(self, statement: str, log_statement: str | None = None) -> None:
        super().command(
            re.sub(r"\ACREATE TABLE (?!IF )", "CREATE TABLE IF NOT EXISTS ", statement), log_statement
        )


def migrate(client: Client, folder: Path = MIGRATIONS) -> list[int]:
    """Apply the migrations that this database has not had, in order; give their numbers.

    What was applied stands in the table `schema_versions`. Raises `SinkError` when an applied file was edited
    or is gone, or when the server refuses one.
    """
    migrator = Migrator(_Connection(client))
    try:
        migrator.init_schema()
        applied = migrator.apply_migration(MigrationStorage(folder).migrations(), multi_statement=False)
    except MigrationException as error:
        raise SinkError(
            f"migrations of database {client.database}: {error} -- take the files of the version that was "
            "applied, and put changes into a new file"
        ) from error
    except ClickHouseError as error:
        if classify(error) == "stop":
            raise explain(error, f"can't migrate the database {client.database}") from error
        raise
    return [int(migration.version) for migration in applied]


def create_views(client: Client, folder: Path = VIEWS) -> list[str]:
    """Make every view of `folder` as its file says, replacing the one there; give their names."""
    names = []
    for file in sorted(folder.glob("*.sql")):
        try:
            client.command(
                f"CREATE OR REPLACE VIEW {file.stem} AS\n{file.read_text(encoding='utf-8').strip()}"
            )
        except ClickHouseError as error:
            if classify(error) == "stop":
                raise explain(error, f"can't create the view {file.stem}") from error
            raise
        names.append(file.stem)
    return names


def identity_check(client: Client, identity: dict[str, str]) -> None:
    """Hold the Kafka log that fills this database against the one that filled it before.

    `identity` is name -> identity (a cluster's id, a topic's id). Names seen for the first time are recorded.
    Raises `SinkError` for another identity: positions are offsets of that log, so the rows of another one
    would be taken for rows that are there already.
    """
    found = client.query("SELECT name, identity FROM log_identity").result_rows
    known = {str(name): str(value) for name, value in found}
    for name, value in sorted(identity.items()):
        if name in known and known[name] != value:
            raise SinkError(
                f"the database {client.database} was filled from another Kafka log: {name} was "
                f"{known[name]!r} and is {value!r} now (the cluster or the topic was made anew). Its "
                "positions say nothing about this log, and new rows would be taken for old ones. Use a new "
                "database (GROUPBEAT_DATABASE) or a new folder (GROUPBEAT_PATH), or delete the old one if "
                "its data is not needed"
            )
    fresh = [[name, value] for name, value in sorted(identity.items()) if name not in known]
    if fresh:
        client.insert("log_identity", fresh, column_names=["name", "identity"], settings={"async_insert": 0})


def is_empty(client: Client) -> bool:
    """Whether no log table has a row yet."""
    logs = [table.name for table in TABLES.values() if table.kind == "log"]
    counts = " + ".join(f"(SELECT count() FROM {name})" for name in logs)  # noqa: S608 our own names
    return bool(client.query(f"SELECT {counts}").result_rows[0][0] == 0)


def write_migrations(folder: Path = MIGRATIONS) -> list[Path]:
    """Write a migration for each table of `schemas.tables` that no file creates yet; give the new files."""
    storage = MigrationStorage(folder)
    there = {path.stem.partition("_")[2] for path in storage.filenames()}
    made = []
    for table in TABLES.values():
        if table.name not in there:
            file = folder / f"{storage.next_version():03d}_{table.name}.sql"
            file.write_text(table.ddl() + "\n", encoding="utf-8")
            made.append(file)
    return made


if __name__ == "__main__":
    for path in write_migrations():
        print(path.name)
