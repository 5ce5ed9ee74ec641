"""What a ClickHouse table of ours is: its columns, their types, and how rows get in exactly once.

Two kinds of table:

* A **log** has a row for each thing that happened. `_position` is a UInt64 made of the input offset that
  caused the row and the row's number within that input message (`position`), the same however often the
  input is replayed and however it is batched. The sink inserts only rows above the highest position in the
  table for their `_partition` (which stage and which of its input partitions wrote them).
* An **entity** table has the newest snapshot of each entity; `_version` grows with the input offset, so a
  repeat or a stale snapshot changes nothing. It is stored as ``NAME_snapshots`` and read through the view
  ``NAME``.

The Arrow schema between the stages and the sink and the DDL both come from here. The numbered files in
``sinks/migrations/`` are what was applied when; a test holds them against this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

POSITION_ROW_BITS = 24
"""How many of the 64 bits of a position count rows within one input message (16.7 million)."""


def position(offset: int, row: int = 0) -> int:
    """The `_position` of row number `row` caused by the input message at `offset`."""
    return (offset << POSITION_ROW_BITS) | row


@dataclass(frozen=True)
class Column:
    """One column: its name, its ClickHouse type, its Arrow type on the way there, and what it means."""

    name: str
    clickhouse: str
    arrow: pa.DataType
    doc: str


@dataclass(frozen=True)
class Table:
    """One table. `order_by` is also the key of an entity."""

    name: str
    kind: Literal["log", "entity"]
    doc: str
    columns: tuple[Column, ...]
    order_by: tuple[str, ...]

    @property
    def stored_as(self) -> str:
        """The name of the table that is inserted into."""
        return f"{self.name}_snapshots" if self.kind == "entity" else self.name

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The table's own columns and those that the sink's exactly-once rests on."""
        return self.columns + (LOG_COLUMNS if self.kind == "log" else ENTITY_COLUMNS)

    @property
    def arrow_schema(self) -> pa.Schema:
        """The schema of a `rows` message: every column but `_partition`, which its headers carry."""
        return pa.schema([pa.field(c.name, c.arrow) for c in self.all_columns if c.name != PARTITION.name])

    def ddl(self) -> str:
        """The CREATE TABLE statement."""
        width = max(len(c.name) for c in self.all_columns)
        lines = [
            f"    {c.name:<{width}} {c.clickhouse} COMMENT '{c.doc}'".replace("\\", "\\\\")
            for c in self.all_columns
        ]
        order = ", ".join(self.order_by)
        if self.kind == "log":
            lines.append("    PROJECTION positions (SELECT _partition, max(_position) GROUP BY _partition)")
            engine = (
                "ENGINE = MergeTree\n"
                "PARTITION BY toYYYYMM(_ingested_at)\n"
                f"ORDER BY ({order})\n"
                "SETTINGS non_replicated_deduplication_window = 1000"
            )
        else:
            engine = (
                "ENGINE = ReplacingMergeTree(_version)\n"
                f"ORDER BY ({order})\n"
                "SETTINGS min_age_to_force_merge_seconds = 60, non_replicated_deduplication_window = 1000"
            )
        body = ",\n".join(lines)
        return f"CREATE TABLE {self.stored_as}\n(\n{body}\n)\n{engine}\nCOMMENT '{self.doc}'"


TEXT = pa.string()
MOMENT = pa.timestamp("ms", tz="UTC")
MONEY = pa.decimal128(18, 6)

PARTITION = Column(
    "_partition", "LowCardinality(String)", TEXT, "Stage and input partition that wrote the row"
)
LOG_COLUMNS = (
    PARTITION,
    Column("_position", "UInt64", pa.uint64(), "Input offset and row within it: unique in _partition"),
    Column("_ingested_at", "DateTime64(3, 'UTC')", MOMENT, "When the broker took the message behind the row"),
)
ENTITY_COLUMNS = (Column("_version", "UInt64", pa.uint64(), "Grows with the input offset"),)


def text(name: str, doc: str) -> Column:
    """A column of texts, mostly different."""
    return Column(name, "String", TEXT, doc)


def word(name: str, doc: str) -> Column:
    """A column of few different texts."""
    return Column(name, "LowCardinality(String)", TEXT, doc)


def moment(name: str, doc: str) -> Column:
    """A column of moments, to the millisecond."""
    return Column(name, "DateTime64(3, 'UTC')", MOMENT, doc)


def count(name: str, doc: str) -> Column:
    """A column of counts of what one entity did."""
    return Column(name, "UInt32", pa.uint32(), doc)


def total(name: str, doc: str) -> Column:
    """A column of counts without a bound."""
    return Column(name, "UInt64", pa.uint64(), doc)


def number(name: str, doc: str) -> Column:
    """A column of floating-point numbers."""
    return Column(name, "Float64", pa.float64(), doc)


def rate(name: str, doc: str) -> Column:
    """A column of numbers that may be unknown."""
    return Column(name, "Nullable(Float64)", pa.float64(), doc)


def flag(name: str, doc: str) -> Column:
    """A column of 0 and 1."""
    return Column(name, "UInt8", pa.uint8(), doc)


def names(name: str, doc: str) -> Column:
    """A column of lists of few different texts."""
    return Column(name, "Array(LowCardinality(String))", pa.list_(TEXT), doc)
