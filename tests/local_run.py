"""Run the stages over the in-process log, and read what they gave as ClickHouse would have it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from schemas.actions import BY_USER
from schemas.rules import Rules
from schemas.tables import TABLES
from streams.flow import STAGES, Context, Stage
from streams.intake.stage import IDLE_MS
from streams.local import LocalLog, LocalState, LocalWorker
from streams.packing import Message, Rows
from tests.oracle import Entry, LogRecord, People, differing, judge, listed, read
from tests.oracle.chains import Chains
from tests.oracle.groups import Groups
from tests.partitions import partition_among

PARTITIONS = 3
NULLABLE = {c.name for t in TABLES.values() for c in t.columns if c.clickhouse.startswith("Nullable")}

Row = dict[str, Any]


class Store:
    """Tables as the sink keeps them: log rows once by position, the newest snapshot of each entity."""

    def __init__(self, log: LocalLog) -> None:
        self.log = log
        self.logs: dict[str, list[Row]] = {name: [] for name, t in TABLES.items() if t.kind == "log"}
        self.entities: dict[str, dict[tuple[Any, ...], Row]] = {
            name: {} for name, t in TABLES.items() if t.kind == "entity"
        }
        self._positions: dict[tuple[str, str], int] = {}
        self._next = dict.fromkeys(range(PARTITIONS), 0)

    def catch_up(self) -> None:
        """Insert everything that is new in the topic of rows."""
        for partition, start in self._next.items():
            end = self.log.end("rows", partition)
            for record in self.log.read("rows", partition, start, end - start):
                self.write(Rows.unpack(record.value or b"", record.headers))
            self._next[partition] = end

    def table(self, name: str) -> list[Row]:
        """The rows of a table."""
        return self.logs[name] if name in self.logs else list(self.entities[name].values())

    def write(self, rows: Rows) -> None:
        """Insert with the sink's rules."""
        table = TABLES[rows.table]
        assert rows.batch.schema == table.arrow_schema
        for row in map(plain, rows.batch.to_pylist()):
            if table.kind == "log":
                place = (rows.table, rows.partition)
                if row["_position"] > self._positions.get(place, -1):
                    self._positions[place] = row["_position"]
                    row["_partition"] = rows.partition
                    self.logs[rows.table].append(row)
            else:
                key = tuple(row[name] for name in table.order_by)
                known = self.entities[rows.table].get(key)
                if known is None or row["_version"] >= known["_version"]:
                    self.entities[rows.table][key] = row


def plain(row: Row) -> Row:
    """A row with moments as ms and absent values as ClickHouse's defaults, as the oracle has them."""
    result = {}
    for name, value in row.items():
        if isinstance(value, datetime):
            value = round(value.timestamp() * 1000)
        elif value is None and name == "amount":
            value = Decimal(0)
        elif value is None and name not in NULLABLE:
            value = ""
        result[name] = value
    return result


def context(rules: Rules | None = None) -> Context:
    """Reducers' context with `PARTITIONS` of every topic."""
    return Context(rules or Rules(), lambda _: PARTITIONS)


class Run:
    """A log with events in it, and stages that can be crashed and started again."""

    def __init__(
        self, records: Sequence[LogRecord], rules: Rules | None = None, stages: Sequence[Stage] = STAGES
    ) -> None:
        self.records = records
        self._stages = stages
        self.rules = rules
        self.wall_ms = max((r.timestamp_ms for r in records), default=0)
        self.log = LocalLog(PARTITIONS, lambda: self.wall_ms)
        for record in records:
            self.log.append(Message("events", record.partition, record.value, record.headers, record.key))
        self.state = LocalState()
        self.store = Store(self.log)
        self.worker = self.start()

    def start(self) -> LocalWorker:
        """A new worker over what the one before left behind."""
        self.worker = LocalWorker(
            self.log, self.state, context(self.rules), wall_s=lambda: self.wall_ms / 1000,
            stages=self._stages, flush_s=float("inf"), checkpoint_s=float("inf"),
        )  # fmt: skip
        return self.worker

    def pass_rows(self) -> None:
        """Everything in the topic of rows into the store."""
        self.store.catch_up()

    async def finish(self, batch: int = 1000) -> Store:
        """Absorb all, let every partition fall idle, flush."""
        await self.worker.drain(batch)
        await self.worker.tick()
        self.wall_ms += IDLE_MS
        await self.worker.tick()
        await self.worker.drain(batch)
        await self.worker.checkpoint()
        self.pass_rows()
        return self.store


def actions(log: LocalLog) -> dict[int, list[Entry]]:
    """The entries of each partition of the topic of actions."""
    topic = BY_USER.topic
    return {p: read(log.read(topic, p, 0, log.end(topic, p))) for p in range(PARTITIONS)}


def differences(store: Store, records: Sequence[LogRecord], rules: Rules | None = None) -> str:
    """What differs between what the stages gave and the batch recompute; empty for nothing.

    Time stands 5 s after the newest event.
    """
    judged, logs = judge(records, rules), actions(store.log)
    final = max(judged.clock.values(), default=0) + IDLE_MS
    parts = differing(judged, People(judged, logs, final, rules), logs, store.table)
    parts |= Groups(judged, rules, lambda community, group: final).differing(store.table)
    home = partition_among(PARTITIONS)
    parts |= Chains(judged, rules, lambda partition: final, home).differing(store.table)
    for row in store.entities["receipts"].values():
        if row["consumed"] != row["accepted"] + row["rejected"] + row["duplicate"]:
            parts[f"receipt {row}"] = "does not balance"
    return listed(parts)


def run(action: Callable[[], Any]) -> Any:
    """Run a coroutine function to its end."""
    return asyncio.run(action())
