"""The two logs under one contract: each can start a stage, end it cleanly or as a crash does, and trim."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from schemas.rules import Rules
from streams.flow import Context
from streams.kafka_stage import KafkaStage
from streams.local import LocalLog, LocalState, LocalWorker
from streams.metrics import WorkerMetrics
from streams.settings import Settings
from streams.stage import Input, Log, StageRunner
from tests.contract.recorder import Recorders, SeenBlocks

PARTITIONS = 2
PATIENCE_S = 60.0


class Running(Protocol):
    """A stage at work."""

    recorders: Recorders
    blocks: SeenBlocks
    log: Log
    source: Input
    runner: StageRunner

    async def until(self, condition: Callable[[], bool]) -> None:
        """Work until that is true. Raises `TimeoutError`."""
        ...

    async def stop(self) -> None:
        """Checkpoint and end."""
        ...

    async def crash(self) -> None:
        """End without saving anything."""
        ...


class LogUnderTest(Protocol):
    """What outlives a stage."""

    async def start(self) -> Running:
        """A stage over what is there."""
        ...

    async def end(self) -> None:
        """End what still runs."""
        ...

    async def trim(self, partition: int, before: int) -> None:
        """Delete the records of `events` before an offset, as retention does."""
        ...


class _Running:
    ended = False

    def __init__(self, recorders: Recorders, runner: StageRunner) -> None:
        self.recorders = recorders
        self.runner = runner
        self.log: Log = runner._log
        self.source: Input = runner._source
        self.blocks = SeenBlocks(runner._blocks)
        runner._blocks = self.blocks


class LocalRunning(_Running):
    """A stage over the in-process log."""

    def __init__(self, recorders: Recorders, worker: LocalWorker) -> None:
        super().__init__(recorders, worker.inputs[0][1])
        self._worker = worker

    async def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(10):
            if condition():
                return
            await self._worker.tick()
            await self._worker.step(100)
        raise TimeoutError

    async def stop(self) -> None:
        await self.runner.release()

    async def crash(self) -> None:
        pass


class InProcess:
    """See `streams.local`."""

    def __init__(self) -> None:
        self._log = LocalLog(PARTITIONS, lambda: int(time.time() * 1000))
        self._state = LocalState()

    async def start(self) -> LocalRunning:
        recorders = Recorders()
        context = Context(Rules(), lambda _: PARTITIONS)
        worker = LocalWorker(self._log, self._state, context, wall_s=time.time, stages=[recorders.stage])
        running = LocalRunning(recorders, worker)
        await worker.tick()
        return running

    async def end(self) -> None:
        pass

    async def trim(self, partition: int, before: int) -> None:
        self._log.trim("events", partition, before)


class KafkaRunning(_Running):
    """A stage over Kafka."""

    def __init__(self, recorders: Recorders, stage: KafkaStage, failures: list[BaseException]) -> None:
        super().__init__(recorders, stage.runner)
        self._stage = stage
        self._failures = failures

    async def until(self, condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + patience_s
        while not condition():
            if self._failures:
                raise self._failures[0]
            if time.monotonic() > deadline:
                raise TimeoutError(self._state())
            await asyncio.sleep(0.02)

    def _state(self) -> str:
        app: Any = self._stage.app
        consumer = app.consumer._thread._consumer
        assignment, paused = consumer._subscription.subscription.assignment, consumer.paused()
        places = [
            f"{tp.topic}/{tp.partition} reads on from {assignment.state_value(tp)._position}, "
            f"paused: {tp in paused}, end: {self.source.end_offset(tp.partition)}"
            for tp in consumer.assignment()
        ]
        stands = {number: part.next_offset for number, part in self.runner._partitions.items()}
        return (
            f"the stage stands at {stands}; consumer: {places}; rebalancing: {app.rebalancing}, in recovery: "
            f"{app.in_recovery}, flow: {app.consumer.flow_active}, generation: {app.consumer_generation_id}"
        )

    async def stop(self) -> None:
        self.ended = True
        await self._stage.stop()

    async def crash(self) -> None:
        if self.ended:
            return
        self.ended = True

        async def nothing() -> None:
            pass

        self.runner.release = nothing  # type: ignore[method-assign]
        await self._stage.stop()


class Kafka:
    """See `streams.kafka_stage`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._started: list[KafkaRunning] = []

    async def start(self) -> KafkaRunning:
        recorders = Recorders()
        failures: list[BaseException] = []
        counts = {"events": PARTITIONS, "rows": PARTITIONS}
        stage = KafkaStage(
            recorders.stage,
            self._settings,
            Context(Rules(), counts.__getitem__),
            WorkerMetrics().stage("intake"),
            counts=counts,
            wall_s=time.time,
            fail=failures.append,
        )
        running = KafkaRunning(recorders, stage, failures)
        self._started.append(running)
        await stage.start()
        await running.until(lambda: len(recorders.made) == PARTITIONS)
        return running

    async def end(self) -> None:
        for running in self._started:
            await running.crash()

    async def trim(self, partition: int, before: int) -> None:
        await asyncio.to_thread(self._trim, partition, before)

    def _trim(self, partition: int, before: int) -> None:
        from kafka import TopicPartition

        from streams.connection import connected_admin

        with connected_admin(self._settings) as admin:
            admin.delete_records({TopicPartition(self._settings.topic("events"), partition): before})

    @property
    def topic(self) -> str:
        """The topic of events."""
        return self._settings.topic("events")

    def transactions(self) -> AIOKafkaProducer:
        """A producer that writes in transactions, as stream processors before us do."""
        return AIOKafkaProducer(bootstrap_servers=self._settings.servers, transactional_id="contract")
