"""From the topic of rows into ClickHouse: fetch, insert, commit, in that order.

What exactly-once rests on is in the tables (`sinks.writer`). A committed offset only says from where to read
again: it is never ahead of what was inserted, and may be behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.errors import KafkaError as AioKafkaError
from aiokafka.structs import TopicPartition
from clickhouse_connect.driver.client import Client

from sinks.access import Access, remove_access, write_access
from sinks.buffer import Buffer
from sinks.clickhouse import connect, place
from sinks.errors import SinkError, classify
from sinks.http import make_app, serve
from sinks.metrics import SinkMetrics
from sinks.migrate import create_views, identity_check, is_empty, migrate
from sinks.status import make_status_app
from sinks.writer import Writer, WriterStopped
from streams.settings import Settings
from streams.topics import aiokafka_config, log_identity

log = logging.getLogger(__name__)

FETCH_BYTES = 16 << 20
DAY_MS = 86_400_000
POLL_S = 0.2
"""How long a look for messages may last before the stop signal is looked at; a message ends it at once."""


class Sink(ConsumerRebalanceListener):  # type: ignore[misc]
    """The loop: one consumer, one writer, one buffer."""

    def __init__(
        self, settings: Settings, consumer: Any, writer: Writer, metrics: SinkMetrics, *, from_start: bool
    ) -> None:
        self._settings = settings
        # An empty database needs every row, whatever was committed for the one that is gone.
        self._from_start = from_start
        self._consumer = consumer
        self._writer = writer
        self._metrics = metrics
        self._buffer = Buffer(settings.insert_rows, settings.insert_s)
        self._expected: dict[TopicPartition, int] = {}
        self._sought: dict[TopicPartition, int] = {}
        self._lag = 0
        self._turn = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; then what is buffered is inserted and committed. Raises `SinkError`."""
        with contextlib.suppress(WriterStopped):
            while not stop.is_set():
                wait_s = self._buffer.wait_s(time.monotonic())
                if wait_s == 0.0:
                    await self._flush()
                    continue
                timeout_s = POLL_S if wait_s is None else min(POLL_S, wait_s)
                fetched = await self._consumer.getmany(timeout_ms=max(1, int(timeout_s * 1000)))
                async with self._turn:
                    await self._take(fetched)
            await self._flush()

    def health(self) -> dict[str, Any]:
        """What /health says: state, messages not inserted yet, retries since the start, the last error."""
        return {
            "state": self._metrics.state,
            "lag": self._lag,
            "buffered_rows": self._buffer.rows,
            "retries": self._writer.retries,
            "last_error": self._writer.last_error,
        }

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        """Wait for the insert that is going on, forget the rest: whoever gets them reads it again."""
        async with self._turn:
            self._buffer.clear()

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Someone else may have inserted meanwhile: what we know of positions is void."""
        async with self._turn:
            self._buffer.clear()
            self._writer.forget_positions()
            self._expected, self._sought = {}, {}
            for partition in assigned:
                committed = await self._consumer.committed(partition)
                if committed is None or self._from_start:
                    self._expected[partition] = await self._log_start(partition)
                    self._consumer.seek(partition, self._expected[partition])
                else:
                    self._expected[partition] = committed

    async def _take(self, fetched: dict[TopicPartition, list[Any]]) -> None:
        """Buffer what was fetched if it goes on where the last left off: a gap is never filled later."""
        for partition, records in fetched.items():
            expected = self._expected.get(partition)
            if not records or expected is None or partition not in self._consumer.assignment():
                continue
            if records[0].offset > expected and not await self._is_true_gap(
                partition, expected, records[0].offset
            ):
                self._consumer.seek(partition, expected)
                continue
            self._buffer.add(partition, records)
            self._expected[partition] = records[-1].offset + 1
        self._measure_lag()

    async def _is_true_gap(self, partition: TopicPartition, expected: int, found: int) -> bool:
        """Whether the log itself has nothing between these offsets.

        It has when we dropped what was fetched before a rebalance, and when the fetch began before one.
        """
        start = await self._log_start(partition)
        if start > expected:
            self._metrics.lost.labels(str(partition.partition)).inc(min(start, found) - expected)
            log.error(
                "offsets %d to %d of %s partition %d were deleted by retention before they were read: their "
                "rows are lost; rebuild them with a replay of the log of events",
                expected, min(start, found) - 1, partition.topic, partition.partition,
            )  # fmt: skip
            return start >= found
        # Sought once and found the same again: markers of transactions take offsets, too.
        again = self._sought.get(partition) == found
        self._sought[partition] = found
        return again

    async def _log_start(self, partition: TopicPartition) -> int:
        return int((await self._consumer.beginning_offsets([partition]))[partition])

    async def _flush(self) -> None:
        """Insert, then commit. The order is the contract: an offset says that its rows are in."""
        async with self._turn:
            if self._buffer.next_offsets and await self._is_still_ours():
                await asyncio.to_thread(self._writer.write, self._buffer.batches)
                self._metrics.set_state("ok")
                self._from_start = False
                offsets = dict(self._buffer.next_offsets)
                self._buffer.clear()
                await self._commit(offsets)
            self._buffer.flushed_at = time.monotonic()
            self._measure_lag()

    async def _is_still_ours(self) -> bool:
        """Whether we may insert: on a server another sink may have got our partitions while we were held up.

        Committing again the offsets at which the buffer starts asks the group just that. What is left is the
        time between this answer and the insert.
        """
        if self._settings.clickhouse is None:
            return True  # the folder has one owner
        try:
            await self._consumer.commit(self._buffer.first_offsets)
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("another sink has our partitions, leaving these rows to it: %s", error)
            self._buffer.clear()
            return False
        except AioKafkaError as error:
            log.warning("Kafka does not say whether the partitions are still ours, waiting: %s", error)
            await asyncio.sleep(POLL_S)
            return False
        return True

    async def _commit(self, offsets: dict[TopicPartition, int]) -> None:
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions are no longer ours. The rows are in, and the next owner finds their positions.
            log.warning("offsets were not committed, the rows are inserted all the same: %s", error)
        except AioKafkaError as error:
            log.warning("offsets were not committed, the next commit covers them: %s", error)

    def _measure_lag(self) -> None:
        lag = 0
        for partition in self._consumer.assignment():
            end = self._consumer.highwater(partition)
            if end is not None and partition in self._expected:
                lag += max(0, end - self._expected[partition])
        self._lag = lag + len(self._buffer.batches)
        self._metrics.lag.set(self._lag)


async def run_sink(
    settings: Settings,
    *,
    stop: asyncio.Event,
    metrics: SinkMetrics | None = None,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Run the sink until `stop` is set. Raises `SinkError` for what a person has to mend.

    `on_ready` is called once the database is up to date and the consumer is started.
    """
    metrics = metrics or SinkMetrics()
    health: dict[str, Any] = {"state": "starting", "last_error": None}
    current: list[Sink] = []

    def told() -> dict[str, Any]:
        return current[0].health() if current else {**health, "state": metrics.state}

    async with contextlib.AsyncExitStack() as stack:
        status, _ = await serve(make_status_app(metrics.registry, told), settings.host, settings.sink_port)
        stack.push_async_callback(status.cleanup)
        client = await _prepared(settings, stop, health)
        if client is None:
            return
        stack.push_async_callback(asyncio.to_thread, client.close)
        await stack.enter_async_context(_http_interface(settings))
        writer = Writer(client, epoch=uuid.uuid4().hex, hooks=metrics, should_stop=stop.is_set)
        consumer = AIOKafkaConsumer(**_consumer_config(settings))
        empty = await asyncio.to_thread(is_empty, client)
        sink = Sink(settings, consumer, writer, metrics, from_start=empty)
        consumer.subscribe([settings.topic("rows")], listener=sink)
        await consumer.start()
        stack.push_async_callback(consumer.stop)
        current.append(sink)
        metrics.set_state("ok")
        on_ready()
        try:
            await sink.run(stop)
        except BaseException:
            metrics.set_state("failed")
            raise
        metrics.set_state("stopped")


def _consumer_config(settings: Settings) -> dict[str, Any]:
    # Static membership: started again, the sink has its partitions at once, not when the session of the one
    # that died runs out. Only where the engine's folder has one owner: of two members of one name the older
    # goes on for a while, and both would insert (measured: 100 of 1200 rows twice).
    name = f"{settings.worker_id or socket.gethostname()}-sink"
    return {
        **aiokafka_config(settings),
        "group_instance_id": name if settings.clickhouse is None else None,
        "client_id": "groupbeat-sink",
        "group_id": f"{settings.topic_prefix}sink",
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "fetch_max_bytes": 4 * FETCH_BYTES,
        "max_partition_fetch_bytes": FETCH_BYTES,
        "check_crcs": False,
        # While ClickHouse is away we hold on to our partitions: nobody else could insert either.
        "max_poll_interval_ms": DAY_MS,
        "session_timeout_ms": 10_000,
        "heartbeat_interval_ms": 3_000,
    }


async def _prepared(settings: Settings, stop: asyncio.Event, health: dict[str, Any]) -> Client | None:
    """A client of a database that is up to date and filled from this log; None when told to stop before."""
    identity = await asyncio.to_thread(log_identity, settings)
    pause_s = 0.5
    while not stop.is_set():
        try:
            return await asyncio.to_thread(_prepare, settings, identity)
        except Exception as error:
            if classify(error) == "stop":
                raise
            health["last_error"] = str(error)[:1000]
            log.warning(
                "ClickHouse at %s is not ready, trying again in %.1f s: %s", place(settings), pause_s, error
            )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s)
        pause_s = min(30.0, pause_s * 2)
    return None


def _prepare(settings: Settings, identity: dict[str, str]) -> Client:
    client = connect(settings)
    try:
        applied = migrate(client)
        create_views(client)
        identity_check(client, identity)
    except BaseException:
        client.close()
        raise
    if applied:
        log.info("applied migrations %s", applied)
    return client


@contextlib.asynccontextmanager
async def _http_interface(settings: Settings) -> AsyncIterator[None]:
    """ClickHouse's HTTP interface over the embedded engine, and the file that says where it is."""
    if settings.clickhouse is not None:
        yield
        return
    password = (
        settings.http_password.get_secret_value() if settings.http_password else secrets.token_urlsafe(24)
    )
    path = Path(os.path.realpath(settings.path))
    # Nobody is told the writer's password: the sink itself inserts without HTTP.
    app = await asyncio.to_thread(make_app, path, settings.database, password, secrets.token_urlsafe(32))
    try:
        runner, port = await serve(app, settings.host, settings.http_port)
    except OSError as error:
        raise SinkError(
            f"can't answer on {settings.host}:{settings.http_port} ({error.strerror}): "
            "set GROUPBEAT_HTTP_PORT to a free port"
        ) from error
    try:
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "") else settings.host  # noqa: S104 compared, not bound
        write_access(settings.path, Access(host, port, "reader", password, settings.database, os.getpid()))
        log.info("ClickHouse HTTP interface on %s:%d, user reader", settings.host, port)
        yield
    finally:
        remove_access(settings.path)
        await runner.cleanup()


async def serve_engine(settings: Settings) -> None:
    """The HTTP interface alone, over the folder of a sink that is not running, until SIGTERM or SIGINT."""
    if settings.clickhouse is not None:
        raise SinkError("a server answers for itself: `groupbeat serve` is for the embedded engine")
    if not (settings.path / "metadata").is_dir():
        raise SinkError(f"no database yet in {settings.path}: start `groupbeat sink`, or set GROUPBEAT_PATH")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    client = await asyncio.to_thread(connect, settings)  # takes the folder, or says who has it
    try:
        async with _http_interface(settings):
            await stop.wait()
    finally:
        client.close()


async def main(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; then insert what is buffered, commit and close."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run_sink(settings, stop=stop)
