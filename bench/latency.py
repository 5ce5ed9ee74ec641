"""Events emitted alone: from the send to the moment when event and person are both in ClickHouse."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from sinks.access import read_access
from streams.pipeline import Pipeline
from streams.sending import EventSender, events_partitions
from streams.settings import Settings
from streams.topics import init

LIMIT_S = 30.0
POLL_S = 0.01


def latency(settings: Settings, count: int, folder: Path) -> list[float]:
    """Seconds for each of `count` events, sent 0.2 to 1.5 s after the one before had arrived."""
    init(settings)
    pipeline = Pipeline(settings.model_copy(update={"path": folder / "clickhouse"}), folder)
    try:
        pipeline.start()
        pipeline.wait_ready()
        access = read_access(pipeline.settings.path)
        if access is None:
            raise RuntimeError("the sink does not say where it answers")
        client = clickhouse_connect.get_client(
            host=access.host, port=access.port, username=access.user, password=access.password,
            database=access.database, autogenerate_session_id=False,
        )  # fmt: skip
        return asyncio.run(_measure(pipeline.settings, client, count))
    finally:
        pipeline.stop()


async def _measure(settings: Settings, client: Client, count: int) -> list[float]:
    gaps = random.Random(1)
    found = []
    async with EventSender(settings, events_partitions(settings)) as sender:
        for number in range(-5, count):  # the first ones load what is loaded once
            await asyncio.sleep(gaps.uniform(0.2, 1.5))
            seconds = await _one(sender, client, f"lone-{number}")
            if number >= 0:
                found.append(seconds)
    return found


async def _one(sender: EventSender, client: Client, name: str) -> float:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    value = (
        f'{{"event_id":"{name}","action":"post","group_id":"g","user_id":"{name}","occurred_at":"{now}"}}'
    ).encode()
    key = name.encode()
    began = time.monotonic()
    await sender.send(sender.partition_of(key), key, value)
    await sender.flush()
    sql = (
        "SELECT (SELECT count() FROM events WHERE event_id = {id:String}) "
        "+ (SELECT count() FROM users WHERE user_id = {id:String})"
    )
    while time.monotonic() - began < LIMIT_S:
        answer = await asyncio.to_thread(client.query, sql, parameters={"id": name})
        if answer.result_rows[0][0] == 2:
            return time.monotonic() - began
        await asyncio.sleep(POLL_S)
    raise TimeoutError(f"{name} did not arrive within {LIMIT_S:.0f} s")
