"""The tables of the people stage made anew beside the old ones, and then put in their place.

Rows of logs are numbered from 0 in each `_partition`, and the last one gets the *fence*: the highest position
before the one that the live stage writes next. So the sink takes no row of the old rules for a new one, and
every row that the stage will write for one.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.table import position
from schemas.tables import TABLES
from sinks.errors import SinkError
from sinks.plan import Insert, check_schema, plan_entity, plan_log
from sinks.writer import INSERT_SETTINGS
from streams.crashpoints import crash_point
from streams.packing import Rows
from streams.rebuild.standing import REBUILT

BUFFER_ROWS = 100_000


class Shadow:
    """Those tables; `next_offsets` is from where the live stage goes on in each partition."""

    def __init__(self, client: Client, next_offsets: Mapping[int, int]) -> None:
        self._client = client
        self._next_offsets = next_offsets
        self._epoch = uuid.uuid4().hex
        self._inserts = 0
        self._numbers: dict[tuple[str, str], int] = {}
        self._held: dict[tuple[str, str], pa.RecordBatch] = {}
        """The last row of each table and `_partition`: it may be the one that gets the fence."""
        self._ready: dict[str, list[Rows]] = {name: [] for name in REBUILT}
        self._waiting = dict.fromkeys(REBUILT, 0)

    def create(self) -> None:
        """Make them, empty, after what a run before this one left behind."""
        self.drop()
        for name in REBUILT:
            stored = TABLES[name].stored_as
            self._client.command(f"CREATE TABLE {_beside(stored)} AS {stored}")

    def drop(self) -> None:
        """Remove whatever stands beside the tables: half a rebuild, or the old rows."""
        for name in REBUILT:
            self._client.command(f"DROP TABLE IF EXISTS {_beside(TABLES[name].stored_as)}")

    def write(self, batches: Sequence[Rows]) -> None:
        """Insert rows: of logs in the order in which they came."""
        for rows in batches:
            table = TABLES[rows.table]
            check_schema(table, rows.batch)
            self._ready[rows.table] += self._numbered(rows) if table.kind == "log" else [rows]
            self._waiting[rows.table] += rows.batch.num_rows
            if self._waiting[rows.table] >= BUFFER_ROWS:
                self._insert(rows.table)

    def close(self) -> None:
        """Insert what is left, with the fences."""
        for (name, partition), last in self._held.items():
            fence = position(self._next_offsets.get(int(partition.rpartition("/")[2]), 0)) - 1
            if fence < self._numbers.get((name, partition), 0):
                raise SinkError(f"{name}: more rows of {partition} than its log has positions for")
            self._ready[name].append(Rows(name, partition, _with_positions(last, fence)))
        self._held = {}
        for name in REBUILT:
            self._insert(name)

    def switch(self) -> None:
        """Put them in the place of the old ones, which stand beside them then."""
        for name in REBUILT:
            stored = TABLES[name].stored_as
            self._client.command(f"EXCHANGE TABLES {stored} AND {_beside(stored)}")
            crash_point("rebuild.exchanged")

    def _numbered(self, rows: Rows) -> list[Rows]:
        """All rows but the last, which is held back, with their positions."""
        place = rows.table, rows.partition
        batch = pa.concat_batches([self._held[place], rows.batch]) if place in self._held else rows.batch
        if not batch.num_rows:
            return []
        count = batch.num_rows - 1
        self._held[place] = batch.slice(count)
        first = self._numbers.get(place, 0)
        self._numbers[place] = first + count
        return [Rows(*place, _with_positions(batch.slice(0, count), first))] if count else []

    def _insert(self, name: str) -> None:
        table, batches = TABLES[name], self._ready[name]
        self._ready[name], self._waiting[name] = [], 0
        inserts: list[Insert] = plan_log(batches, {})[0] if table.kind == "log" else plan_entity(batches)
        for insert in inserts:
            self._inserts += 1
            token = f"{name}-{self._epoch}-{self._inserts}"
            try:
                self._client.insert_arrow(
                    _beside(table.stored_as),
                    pa.Table.from_batches([insert.batch]),
                    settings={"insert_deduplication_token": token, **INSERT_SETTINGS},
                )
            except ClickHouseError as error:
                raise SinkError(
                    f"inserting into {_beside(table.stored_as)}: {error} -- nothing was changed, run it again"
                ) from error


def _beside(stored: str) -> str:
    return f"{stored}_rebuilt"


def _with_positions(batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
    at = batch.schema.get_field_index("_position")
    numbers = np.arange(batch.num_rows, dtype=np.uint64) + np.uint64(first)
    return batch.set_column(at, batch.schema.field(at), pa.array(numbers))
