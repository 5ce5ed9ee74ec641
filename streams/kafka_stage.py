"""One stage over Kafka: a Faust app with one agent, and what the harness needs of it.

Each stage is an app, so a consumer group, of its own: workers may run all stages or some, and be added and
taken away, in any mixture. Faust brings the group, the assignment and the recovery of the changelog; the
harness decides what is durable when (`streams.stage`).
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import faust
from faust.types import TP

from streams.checkpoint import Item
from streams.connection import faust_credentials
from streams.flow import Context, Stage
from streams.metrics import StageMetrics
from streams.packing import Message, Record
from streams.settings import Settings
from streams.stage import StageRunner
from streams.transport import BATCH_TOPICS, BatchSchema

logger = logging.getLogger(__name__)

TICK_S = 0.1
SESSION_S = 10
FETCH_BYTES = 4 * 1024 * 1024
POLL_RECORDS = 20_000
QUEUED_BATCHES = 4
WAITING_BATCHES = 1
"""So many of a partition wait beside the one that is absorbed, before those of others wait, too."""
BATCH_BYTES = 1024 * 1024
"""Of messages that wait for the same partition: the blocks of a checkpoint are many and small."""
SEND_TIMEOUT_S = 300


class KafkaLog:
    """Sends through a Faust app's producer. See `streams.stage.Log`."""

    def __init__(self, app: faust.App, settings: Settings, counts: Mapping[str, int]) -> None:
        self._app = app
        self._settings = settings
        self._counts = counts

    def partitions(self, topic: str) -> int:
        """See `Log`."""
        return self._counts[topic]

    async def send(self, messages: Sequence[Message]) -> None:
        """See `Log`. Of two messages for one partition the second leaves when the first is durable."""
        waiting = list(messages)
        while waiting:
            now: dict[tuple[str, int], Message] = {}
            later = []
            for message in waiting:
                place = (message.topic, message.partition)
                if place in now:
                    later.append(message)
                else:
                    now[place] = message
            futures = [
                await self._app.producer.send(
                    self._settings.topic(m.topic), m.key, m.value, m.partition, None, list(m.headers)
                )
                for m in now.values()
            ]
            await asyncio.gather(*futures)
            waiting = later


class ChangelogBlocks:
    """Blocks in the changelog of a Faust table. See `streams.checkpoint.BlockStore`."""

    def __init__(self, table: Any) -> None:
        self._table = table

    async def put(self, partition: int, items: Sequence[Item]) -> None:
        """See `BlockStore`. Keys carry the partition: the recovered table holds all of them."""
        prefix = b"%d|" % partition
        futures = [self._table.send_changelog(partition, prefix + key, value) for key, value in items]
        await asyncio.gather(*futures)

    def take(self, partition: int) -> dict[bytes, bytes]:
        """See `BlockStore`."""
        prefix = b"%d|" % partition
        store = self._table.data
        keys = [key for key in store.data if key.startswith(prefix)]
        return {key[len(prefix) :]: value for key in keys if (value := store.data.pop(key)) is not None}

    def forget(self) -> None:
        """Drop whatever recovery found and nobody took."""
        self._table.data.data.clear()


class KafkaInput:
    """The input topic of a stage. See `streams.stage.Input`."""

    def __init__(self, app: faust.App, topic: str) -> None:
        self._app = app
        self._topic = topic

    async def acknowledge(self, partition: int, next_offset: int) -> bool:
        """See `Input`."""
        consumer: Any = self._app.consumer
        committed: bool = await consumer.commit_offset(TP(self._topic, partition), next_offset)
        return committed

    async def rewind(self, partition: int, next_offset: int) -> None:
        """See `Input`."""
        logger.info("%s/%d: reading again from offset %d", self._topic, partition, next_offset)
        await self._app.consumer.seek(TP(self._topic, partition), next_offset)

    @property
    def is_settled(self) -> bool:
        """Whether it is known what is ours, and checkpoints were read."""
        app: Any = self._app
        return not (app.rebalancing or app.in_recovery) and app.tables.recovery.completed.is_set()

    def assigned(self) -> Sequence[int]:
        """See `Input`."""
        app: Any = self._app
        if not self.is_settled:
            return ()
        return sorted(tp.partition for tp in app.consumer.assignment() if tp.topic == self._topic)

    async def first_offset(self, partition: int) -> int:
        """See `Input`."""
        tp = TP(self._topic, partition)
        found = await self._app.consumer.earliest_offsets(tp)
        return found[tp]

    def end_offset(self, partition: int) -> int | None:
        """See `Input`."""
        consumer: Any = self._app.consumer
        end: int | None = consumer.end_offset(TP(self._topic, partition))
        return end


class KafkaStage:
    """A stage of this worker: its Faust app and its runner."""

    def __init__(
        self,
        stage: Stage,
        settings: Settings,
        context: Context,
        metrics: StageMetrics,
        *,
        counts: Mapping[str, int],
        wall_s: Callable[[], float],
        fail: Callable[[BaseException], None],
    ) -> None:
        self.stage = stage
        self._fail = fail
        self._closing = False
        self.app = app = _faust_app(stage, settings)
        topic = settings.topic(stage.input)
        setattr(app, BATCH_TOPICS, frozenset({topic}))
        table = app.Table(
            "checkpoints", key_type=bytes, value_type=bytes, partitions=counts[stage.input],
            help=f"Checkpoints of the stage {stage.name}",
        )  # fmt: skip
        self._blocks = ChangelogBlocks(table)
        self._input = KafkaInput(app, topic)
        self.runner = StageRunner(
            stage.name,
            lambda partition: stage.make(context, partition),
            log=KafkaLog(app, settings, counts),
            source=self._input,
            blocks=self._blocks,
            metrics=metrics,
            wall_s=wall_s,
            flush_s=settings.flush_s,
            checkpoint_s=settings.checkpoint_s,
        )
        app.agent(app.topic(topic, schema=BatchSchema()), name=stage.name, concurrency=1)(self._agent)
        app.on_partitions_revoked.connect(self._revoked)  # type: ignore[arg-type]
        self._ticking: asyncio.Task[None] | None = None
        self._lanes: dict[int, asyncio.Queue[Sequence[Record]]] = {}
        self._absorbing: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Join the group and recover; returns when the stage is at work."""
        await self.app.start()
        self._ticking = asyncio.create_task(self._tick())

    async def stop(self) -> None:
        """Checkpoint, then leave. What is going on is let end: half a checkpoint is worse than none."""
        self._closing = True
        if self._ticking:
            await self._ticking
        await self.runner.release()
        for task in self._absorbing:
            task.cancel()
        await self.app.stop()

    async def _agent(self, stream: Any) -> None:
        async for event in stream.noack().events():
            if self._closing:
                continue
            await self._lane(event.message.partition).put(event.value)

    def _lane(self, partition: int) -> asyncio.Queue[Sequence[Record]]:
        """Where the batches of a partition wait: each partition is absorbed on its own."""
        if partition not in self._lanes:
            self._lanes[partition] = asyncio.Queue(WAITING_BATCHES)
            self._absorbing.append(asyncio.create_task(self._absorb(partition)))
        return self._lanes[partition]

    async def _absorb(self, partition: int) -> None:
        lane = self._lanes[partition]
        while not self._closing:
            records = await lane.get()
            # The first batch may be here before it is known whose it is.
            while not (self._input.is_settled or self._closing):  # noqa: ASYNC110 Faust has no event for it
                await asyncio.sleep(TICK_S)
            if self._closing:
                return
            try:
                await self.runner.absorb(partition, records)
            except Exception as error:
                # Going on would leave the batch out.
                self._fail(error)
                return

    async def _tick(self) -> None:
        while not self._closing:
            await asyncio.sleep(TICK_S)
            try:
                await self.runner.tick()
            except Exception as error:
                self._fail(error)
                return

    async def _revoked(self, app: Any, revoked: set[TP], **_: Any) -> None:
        """A rebalance takes every partition away; those that come back are restored anew.

        Faust would read a changelog on from where it was; we have dropped what it read then, so it must
        read all of it again.
        """
        try:
            await self.runner.release()
        except Exception as error:
            self._fail(error)
            return
        self._blocks.forget()
        tables: Any = self.app.tables
        for tp in revoked:
            tables.recovery.revoke(tp)


def _faust_app(stage: Stage, settings: Settings) -> faust.App:
    options: dict[str, Any] = {}
    if credentials := faust_credentials(settings):
        options["broker_credentials"] = credentials
    return faust.App(
        settings.topic(stage.name),
        broker=[f"groupbeat://{server}" for server in settings.servers],
        autodiscover=False,
        datadir=Path(tempfile.gettempdir()) / "groupbeat-faust",  # nothing is kept in it
        store="memory://",
        web_enabled=False,
        worker_redirect_stdouts=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        reply_create_topic=False,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"{settings.instance_id}-{stage.name}",
        consumer_max_fetch_size=FETCH_BYTES,
        broker_max_poll_records=POLL_RECORDS,
        broker_check_crcs=False,
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=3,
        stream_buffer_maxsize=QUEUED_BATCHES,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        producer_acks=-1,
        producer_compression_type=None,  # see `packing.pack_batch`
        producer_linger=0,
        producer_max_batch_size=BATCH_BYTES,
        producer_max_request_size=16 * 1024 * 1024,
        producer_request_timeout=SEND_TIMEOUT_S,
        **options,
    )
