"""Rows into ClickHouse, each exactly once: the highest position in the table decides, and nothing else.

After a start, a rebalance, and any insert whose answer is unknown, the writer reads max(_position) of each
_partition and inserts only rows above it. A token for deduplication is only good for repeats below us within
one life of the engine, so every attempt has its own, with an epoch that changes at every start.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import pyarrow as pa
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.table import Table
from schemas.tables import TABLES
from sinks.errors import ACCESS_DENIED, SinkError, classify, error_code, explain, kind_of
from sinks.plan import Insert, check_schema, plan_entity, plan_log
from streams.crashpoints import crash_point
from streams.packing import Rows

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 30.0
SETTLE_POLL_S = 0.5
STOP_POLL_S = 0.1
INSERT_SETTINGS = {"async_insert": 0, "max_threads": 1, "optimize_on_insert": 0}
"""Blocks as we send them, never gathered by the server; one thread each: less CPU in all. Nor need it look
for an entity that is in a block twice: there hardly ever is one, and that is a fifth of an insert."""


class WriterStopped(Exception):
    """`should_stop` said so while an insert was being retried: these rows are not known to be in."""


class Hooks(Protocol):
    """What a writer tells about its work. See `sinks.metrics`."""

    def inserted(self, table: str, rows: int, seconds: float) -> None:
        """An insert of `rows` rows was answered after `seconds`."""

    def skipped(self, table: str, rows: int) -> None:
        """Rows that were in the table already."""

    def retried(self, kind: str) -> None:
        """An attempt failed in a way that can pass."""

    def position(self, table: str, partition: str, position: int) -> None:
        """The highest position of a `_partition` in a table is now this."""


class NoHooks:
    """Tells nobody."""

    def inserted(self, table: str, rows: int, seconds: float) -> None:
        """Ignored."""

    def skipped(self, table: str, rows: int) -> None:
        """Ignored."""

    def retried(self, kind: str) -> None:
        """Ignored."""

    def position(self, table: str, partition: str, position: int) -> None:
        """Ignored."""


class Writer:
    """Inserts batches synchronously; run `write` in a thread. One writer a database at a time.

    `epoch` must never have been used on this database before. `state`, `retries` (since the start) and
    `last_error` can be read from any thread.
    """

    def __init__(
        self,
        client: Client,
        *,
        epoch: str,
        hooks: Hooks | None = None,
        should_stop: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], None] = time.sleep,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self.state: Literal["ok", "retrying"] = "ok"
        self.retries = 0
        self.last_error: str | None = None
        self._client = client
        self._epoch = epoch
        self._hooks: Hooks = hooks or NoHooks()
        self._should_stop = should_stop
        self._sleep = sleep
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._attempts = 0
        self._positions: dict[str, dict[str, int]] = {}
        self._unanswered: str | None = None

    def write(self, batches: Sequence[Rows]) -> None:
        """Insert `batches`, given in the order in which they were consumed; return once all are in.

        Raises `SinkError` for what a person has to mend, `WriterStopped` when told to stop while retrying.
        After either, writing the same batches again (here or in another process) completes them.
        """
        by_table: dict[str, list[Rows]] = {}
        for rows in batches:
            check_schema(_table(rows), rows.batch)
            by_table.setdefault(rows.table, []).append(rows)
        for name, of_table in by_table.items():
            self._until_done(TABLES[name], of_table)

    def forget_positions(self) -> None:
        """Read the positions again before the next insert: someone else may have written since."""
        self._positions.clear()

    def positions(self, table: str) -> dict[str, int]:
        """The highest position of each `_partition` in a log table, read if not known."""
        found = self._positions.get(table)
        if found is None:
            self._settle()
            sql = f"SELECT _partition, max(_position) FROM {table} GROUP BY _partition"  # noqa: S608 our own names
            answer = self._client.query(sql)
            found = {str(partition): int(highest) for partition, highest in answer.result_rows}
            self._positions[table] = found
            for partition, highest in found.items():
                self._hooks.position(table, partition, highest)
        return found

    def _until_done(self, table: Table, batches: list[Rows]) -> None:
        """Plan from what is in the table and insert; after any failure read what is in it and plan again."""
        failures = 0
        while True:
            try:
                if table.kind == "log":
                    self._write_log(table, batches)
                else:
                    self._write_entity(table, batches)
            except Exception as error:
                self._positions.pop(table.name, None)
                failures += 1
                self._pause_or_raise(error, table, failures)
            else:
                self.state = "ok"
                return

    def _write_log(self, table: Table, batches: list[Rows]) -> None:
        highest = self.positions(table.name)
        inserts, skipped = plan_log(batches, highest)
        for insert in inserts:
            crash_point("sink.before_insert")
            self._insert(table, insert)
            crash_point("sink.after_insert")
            highest.update(insert.highest)
            for partition, position in insert.highest.items():
                self._hooks.position(table.name, partition, position)
        if skipped:
            self._hooks.skipped(table.name, sum(skipped.values()))

    def _write_entity(self, table: Table, batches: list[Rows]) -> None:
        for insert in plan_entity(batches):
            crash_point("sink.before_insert")
            self._insert(table, insert)
            crash_point("sink.after_insert")

    def _insert(self, table: Table, insert: Insert) -> None:
        self._attempts += 1
        token = f"{table.name}-{self._epoch}-{self._attempts}"
        started = time.monotonic()
        self._unanswered = token
        self._client.insert_arrow(
            table.stored_as,
            _as_table(insert.batch),
            settings={"insert_deduplication_token": token, "query_id": token, **INSERT_SETTINGS},
        )
        self._unanswered = None
        self._hooks.inserted(table.name, insert.batch.num_rows, time.monotonic() - started)

    def _settle(self) -> None:
        """Wait until an insert whose answer we never got is over: until then the positions can still move."""
        while self._unanswered is not None and self._is_running(self._unanswered):
            self._stop_if_told()
            self._sleep(SETTLE_POLL_S)
        self._unanswered = None

    def _is_running(self, query_id: str) -> bool:
        try:
            answer = self._client.query(
                "SELECT count() FROM system.processes WHERE query_id = {id:String}",
                parameters={"id": query_id},
            )
        except ClickHouseError as error:
            if error_code(error) == ACCESS_DENIED:
                return False  # not granted, then a late insert can't be seen
            raise
        return bool(answer.result_rows[0][0])

    def _pause_or_raise(self, error: Exception, table: Table, failures: int) -> None:
        """Wait longer after each failure, or raise what stops us."""
        if isinstance(error, WriterStopped):
            raise error
        self.last_error = f"{type(error).__name__}: {error}"[:1000]
        if classify(error) == "stop":
            raise explain(error, f"inserting into {table.stored_as}") from error
        self.state = "retrying"
        self.retries += 1
        log.warning(
            "inserting into %s failed %d times, trying again: %s", table.stored_as, failures, self.last_error
        )
        self._hooks.retried(kind_of(error))
        pause = min(self._longest_pause_s, self._first_pause_s * 2 ** min(failures - 1, 16))
        left = pause * random.uniform(0.5, 1.0)  # noqa: S311 jitter, no secret
        while left > 0:
            self._stop_if_told()
            self._sleep(min(left, STOP_POLL_S))
            left -= STOP_POLL_S
        self._stop_if_told()

    def _stop_if_told(self) -> None:
        if self._should_stop():
            raise WriterStopped(f"told to stop while retrying; the last error was: {self.last_error}")


def _table(rows: Rows) -> Table:
    table = TABLES.get(rows.table)
    if table is None:
        raise SinkError(
            f"rows of {rows.partition} are for the table {rows.table!r}, which this groupbeat doesn't know; "
            "run the same version of groupbeat for the stages and the sink"
        )
    return table


def _as_table(batch: pa.RecordBatch) -> pa.Table:
    """The client wants a table; of one batch, so that it stays one block."""
    return pa.Table.from_batches([batch])
