"""What is really in the topic of events, and what ClickHouse has: both sides of an equality test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.actions import BY_USER
from schemas.tables import TABLES
from sinks.query import query
from streams.pipeline import Pipeline
from streams.settings import Settings
from tests.oracle import LogRecord, People, differing, judge, listed, read
from tests.oracle.chains import ACTIONS as CONTENT_ACTIONS
from tests.oracle.chains import Chains
from tests.oracle.groups import Groups
from tests.oracle.intake import Judged
from tests.partitions import partition_among

Row = dict[str, Any]


def read_log(settings: Settings, topic: str = "events") -> list[LogRecord]:
    """Every record of a topic, in the order of its partitions and offsets."""

    async def read() -> list[LogRecord]:
        consumer = AIOKafkaConsumer(bootstrap_servers=settings.servers, enable_auto_commit=False)
        await consumer.start()
        try:
            name = settings.topic(topic)
            parts = [TopicPartition(name, p) for p in range(settings.partitions)]
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            ends = await consumer.end_offsets(parts)
            found: list[LogRecord] = []
            while [p for p in parts if await consumer.position(p) < ends[p]]:
                for part, batch in (await consumer.getmany(timeout_ms=1000)).items():
                    found += [
                        LogRecord(part.partition, r.offset, r.timestamp, r.value, r.key, tuple(r.headers))
                        for r in batch
                    ]
            return sorted(found, key=lambda r: (r.partition, r.offset))
        finally:
            await consumer.stop()

    return asyncio.run(read())


def table(settings: Settings, name: str) -> list[Row]:
    """Every row of a table, with moments as milliseconds, as the batch recompute has them."""
    columns = [c for c in TABLES[name].all_columns if c.name != "_version"]
    wanted = ", ".join(
        f"toUnixTimestamp64Milli({c.name}) AS {c.name}_" if c.clickhouse.startswith("DateTime64")
        else f"base64Encode({c.name}) AS {c.name}_" if c.name in ("payload", "key")
        else f"{c.name} AS {c.name}_"
        for c in columns
    )  # fmt: skip
    names, rows = query(settings, f"SELECT {wanted} FROM {name}")
    plain = [n.removesuffix("_") for n in names]
    found = [dict(zip(plain, row, strict=True)) for row in rows]
    if name == "rejected":
        import base64

        for row in found:
            row["payload"], row["key"] = base64.b64decode(row["payload"]), base64.b64decode(row["key"])
    return found


def stop_worker(pipeline: Pipeline, timeout_s: float = 120.0) -> None:
    """End the worker of a drained pipeline, and wait until the sink has its last rows: where time stopped."""
    pipeline.worker.stop()
    assert pipeline.worker.exit_code == 0, pipeline.worker.tail()
    deadline = time.monotonic() + timeout_s
    level = 0
    while level < 4:
        lags = [s.value for s in pipeline.sink.metrics() if s.name == "groupbeat_sink_lag"]
        level = level + 1 if lags and not any(lags) else 0
        assert time.monotonic() < deadline, pipeline.sink.tail()
        time.sleep(0.5)


def differences(settings: Settings, log: Sequence[LogRecord], *, max_event_bytes: int = 65_536) -> str:
    """What differs between ClickHouse and the batch recompute of the log; empty for nothing.

    The worker has ended (`stop_worker`), at some time in the quarter of an hour after the newest event.
    """
    judged = judge(log, max_event_bytes=max_event_bytes)
    final = max(judged.clock.values(), default=0)
    messages = read_log(settings, BY_USER.topic)
    logs = {p: read(m for m in messages if m.partition == p) for p in range(settings.partitions)}
    people = People(judged, logs, final)
    now = len(people.transitions)
    people.settle_all(final + 900_000)
    after = people.transitions[now:]
    assert not after, f"choose a log in which nothing falls due right after its end ({final}): {after[:3]}"

    def rows(name: str) -> list[Row]:
        found = table(settings, name)
        return sorted(found, key=_in_order) if TABLES[name].kind == "log" else found

    parts = differing(judged, people, logs, rows)
    clocks: dict[tuple[str, int], int] = {
        (r["stage"], r["partition"]): r["clock"] for r in table(settings, "receipts")
    }
    home = partition_among(settings.partitions)
    groups = Groups(judged, None, lambda community, group: clocks["groups", home(community, group)])
    parts |= groups.differing(rows)
    parts |= Chains(judged, None, lambda partition: clocks["chains", partition], home).differing(rows)
    parts["receipts"] = _receipts(judged, table(settings, "receipts"))
    parts["positions"] = _doubles(settings)
    return listed(parts)


def _in_order(row: Mapping[str, Any]) -> tuple[str, int]:
    return row["_partition"], row["_position"]


def _receipts(judged: Judged, rows: list[Row]) -> str:
    """Intake's receipts are those of the recompute, and what it accepted is what the others consumed."""
    counts = judged.counts
    problems = []
    for row in rows:
        if row["consumed"] != row["accepted"] + row["rejected"] + row["duplicate"]:
            problems.append(f"does not balance: {row}")
        if row["stage"] == "intake":
            want = counts[row["partition"]]
            for name in ("consumed", "accepted", "rejected", "duplicate"):
                if row[name] != getattr(want, name):
                    problems.append(
                        f"intake/{row['partition']} {name}: {row[name]}, not {getattr(want, name)}"
                    )
    accepted = sum(c.accepted for c in counts.values())
    of_contents = sum(
        1 for event, _ in judged.with_clocks() if event["action"] in CONTENT_ACTIONS and event["content_id"]
    )
    for stage, wanted in (("users", accepted), ("groups", accepted), ("chains", of_contents)):
        consumed = sum(row["consumed"] for row in rows if row["stage"] == stage)
        if wanted != consumed:
            problems.append(f"{stage} consumed {consumed}, intake accepted {wanted} for it")
    return "\n".join(problems)


def _doubles(settings: Settings) -> str:
    problems = []
    for name, found in TABLES.items():
        if found.kind == "log":
            sql = f"SELECT count(), uniqExact(_partition, _position) FROM {name}"
            ((rows, different),) = query(settings, sql)[1]
            if rows != different:
                problems.append(f"{name}: {rows} rows, {different} positions")
    return "\n".join(problems)
