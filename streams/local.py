"""The in-process log: the same stages with no broker, for replays, tests and laptops.

A `LocalLog` keeps topics in memory; a `LocalWorker` runs stages over it. Dropping a worker and making another
over the same log and blocks is what a crash and a restart are.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from streams.checkpoint import MemoryBlocks
from streams.flow import STAGES, Context, Stage
from streams.hashing import murmur3_128
from streams.intake.stage import IDLE_MS
from streams.metrics import WorkerMetrics
from streams.packing import Message, Record, Rows
from streams.stage import StageRunner


class LocalLog:
    """Topics of records in memory. See `streams.stage.Log`."""

    def __init__(self, partitions: int, wall_ms: Callable[[], int]) -> None:
        self._partitions = partitions
        self._wall_ms = wall_ms
        self._records: dict[tuple[str, int], list[Record]] = defaultdict(list)
        self._trimmed: dict[tuple[str, int], int] = defaultdict(int)

    def partitions(self, topic: str) -> int:
        """All topics have the same number."""
        return self._partitions

    async def send(self, messages: Sequence[Message]) -> None:
        """See `streams.stage.Log`."""
        for message in messages:
            self.append(message)

    def append(self, message: Message) -> None:
        """Add one message at the end of its partition."""
        place = (message.topic, message.partition)
        record = Record(self.end(*place), self._wall_ms(), message.value, message.key, message.headers)
        self._records[place].append(record)

    def end(self, topic: str, partition: int) -> int:
        """The offset that the next record gets."""
        return self._trimmed[topic, partition] + len(self._records[topic, partition])

    def start(self, topic: str, partition: int) -> int:
        """The oldest offset that is still there."""
        return self._trimmed[topic, partition]

    def read(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[Record]:
        """Up to `limit` records from an offset on."""
        at = max(0, offset - self._trimmed[topic, partition])
        return self._records[topic, partition][at : at + limit]

    def trim(self, topic: str, partition: int, before: int) -> None:
        """Forget records before an offset, as retention does."""
        place = (topic, partition)
        count = before - self._trimmed[place]
        if count > 0:
            del self._records[place][:count]
            self._trimmed[place] += count


class LocalInput:
    """One stage's reading of a topic. See `streams.stage.Input`. `committed` outlives a worker."""

    def __init__(self, log: LocalLog, topic: str, committed: dict[int, int]) -> None:
        self.topic = topic
        self.committed = committed
        self._log = log
        self.next = {p: committed.get(p, 0) for p in range(log.partitions(topic))}

    async def acknowledge(self, partition: int, next_offset: int) -> bool:
        """See `Input`."""
        self.committed[partition] = next_offset
        return True

    async def rewind(self, partition: int, next_offset: int) -> None:
        """See `Input`."""
        self.next[partition] = next_offset

    def assigned(self) -> Sequence[int]:
        """See `Input`."""
        return list(self.next)

    async def first_offset(self, partition: int) -> int:
        """See `Input`."""
        return self._log.start(self.topic, partition)

    def end_offset(self, partition: int) -> int | None:
        """See `Input`."""
        return self._log.end(self.topic, partition)

    def read(self, partition: int, limit: int) -> Sequence[Record]:
        """The next batch, and on."""
        records = self._log.read(self.topic, partition, self.next[partition], limit)
        if records:
            self.next[partition] = records[-1].offset + 1
        return records


class LocalState:
    """What outlives a worker: the blocks and the committed offsets of each stage."""

    def __init__(self) -> None:
        self.blocks: dict[str, MemoryBlocks] = defaultdict(MemoryBlocks)
        self.committed: dict[str, dict[int, int]] = defaultdict(dict)


class LocalWorker:
    """Stages over a `LocalLog`."""

    def __init__(
        self,
        log: LocalLog,
        state: LocalState,
        context: Context,
        *,
        wall_s: Callable[[], float],
        stages: Sequence[Stage] = STAGES,
        flush_s: float = 1.0,
        checkpoint_s: float = 10.0,
    ) -> None:
        metrics = WorkerMetrics()
        self.log = log
        self.inputs: list[tuple[LocalInput, StageRunner]] = []
        for stage in stages:
            source = LocalInput(log, stage.input, state.committed[stage.name])
            runner = StageRunner(
                stage.name,
                lambda partition, stage=stage: stage.make(context, partition),  # type: ignore[misc]
                log=log,
                source=source,
                blocks=state.blocks[stage.name],
                metrics=metrics.stage(stage.name),
                wall_s=wall_s,
                flush_s=flush_s,
                checkpoint_s=checkpoint_s,
            )
            self.inputs.append((source, runner))

    async def step(self, limit: int) -> int:
        """Let every stage absorb up to `limit` records of each partition; how many there were."""
        done = 0
        for source, runner in self.inputs:
            for partition in source.assigned():
                records = source.read(partition, limit)
                if records:
                    await runner.absorb(partition, records)
                    done += len(records)
        return done

    async def drain(self, limit: int = 20_000) -> None:
        """Absorb until nothing is left."""
        while await self.step(limit):
            pass

    async def tick(self) -> None:
        """What time makes due, in every stage."""
        for _, runner in self.inputs:
            await runner.tick()

    async def checkpoint(self) -> None:
        """Flush and checkpoint every stage."""
        for _, runner in self.inputs:
            await runner.checkpoint()

    def trim(self) -> None:
        """Forget what every stage has absorbed and saved."""
        for source, _ in self.inputs:
            for partition, offset in source.committed.items():
                self.log.trim(source.topic, partition, offset)


def partition_of(key: bytes, partitions: int) -> int:
    """Where the in-process emitter puts a key."""
    data = np.frombuffer(key, np.uint8) if key else np.zeros(0, np.uint8)
    return int(murmur3_128(data, len(key))[0]) % partitions


def feed(log: LocalLog, events: Iterable[tuple[bytes, bytes]]) -> int:
    """Put events (key, value) into the log; how many."""
    count = 0
    for key, value in events:
        count += 1
        log.append(Message("events", partition_of(key, log.partitions("events")), value, (), key))
    return count


async def replay(
    events: Iterable[tuple[bytes, bytes]],
    context: Context,
    write: Callable[[list[Rows]], None],
    *,
    wall_ms: Callable[[], int],
    chunk: int = 20_000,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Run events through all stages into `write`, a chunk at a time; memory does not grow with their number.

    At the end all source partitions become idle, so time stands 5 s after the newest event.
    """
    started_ms = wall_ms()
    now_s = 0.0
    log = LocalLog(context.partitions("events"), lambda: started_ms)
    worker = LocalWorker(
        log, LocalState(), context, wall_s=lambda: now_s, flush_s=float("inf"), checkpoint_s=float("inf")
    )
    iterator = iter(events)
    taken = 0
    while count := feed(log, itertools.islice(iterator, chunk)):
        await worker.drain()
        taken += count
        if taken // (10 * chunk) != (taken - count) // (10 * chunk):
            await worker.checkpoint()
        _pass_on(log, write)
        worker.trim()
        progress(count)
    for at_ms in (started_ms, started_ms + IDLE_MS):
        now_s = at_ms / 1000
        await worker.tick()
    await worker.drain()
    await worker.checkpoint()
    _pass_on(log, write)


def _pass_on(log: LocalLog, write: Callable[[list[Rows]], None]) -> None:
    """Everything in the topic of rows to the sink's writer."""
    for partition in range(log.partitions("rows")):
        start, end = log.start("rows", partition), log.end("rows", partition)
        records = log.read("rows", partition, start, end - start)
        if records:
            write([Rows.unpack(record.value or b"", record.headers) for record in records])
            log.trim("rows", partition, end)
