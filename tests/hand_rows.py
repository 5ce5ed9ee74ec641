"""Rows made by hand for the tables, for tests of what is read from them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.client import Client

from schemas.table import Column
from schemas.tables import TABLES

_numbers = itertools.count(1)


def moment(text: str) -> datetime:
    """As `2026-01-31 09:30`, UTC; a date alone is its midnight."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def insert(client: Client, name: str, *rows: dict[str, Any]) -> None:
    """Insert rows: columns that one leaves out are empty or 0, `day` is the UTC day of `at`.

    Moments are texts as `moment` takes them, or datetimes. Rows count as written one after another.
    """
    table = TABLES[name]
    arrays = []
    number = [next(_numbers) for _ in rows]
    for column in table.all_columns:
        values = [_value(column, row, n) for row, n in zip(rows, number, strict=True)]
        arrays.append(pa.array(values, column.arrow))
    made = pa.Table.from_arrays(arrays, names=[column.name for column in table.all_columns])
    client.insert_arrow(table.stored_as, made, settings={"async_insert": 0})


def clear(client: Client) -> None:
    """Empty every table."""
    for table in TABLES.values():
        client.command(f"TRUNCATE TABLE {table.stored_as}")


def _value(column: Column, row: dict[str, Any], number: int) -> Any:
    if column.name in row:
        value = row[column.name]
        is_text = isinstance(value, str) and pa.types.is_timestamp(column.arrow)
        return moment(value) if is_text else value
    if column.name in ("_position", "_version"):
        return number
    if column.name == "day":
        at = row["at"]
        return (moment(at) if isinstance(at, str) else at).date()
    if column.clickhouse.startswith("Nullable"):
        return None
    if pa.types.is_list(column.arrow):
        return []
    if pa.types.is_string(column.arrow):
        return ""
    return b"" if pa.types.is_binary(column.arrow) else 0
