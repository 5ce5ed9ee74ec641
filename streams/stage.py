"""The harness of all stages: from a batch of a log to rows, messages, checkpoint and acknowledgement.

A stage is a pure `Reducer` for each input partition; `StageRunner` owns them and does everything that touches
the world. The order of its effects is what exactly-once rests on, and stands in one place,
`StageRunner._checkpoint`: rows durable, blocks durable, manifest durable, acknowledgement, deletions.

Rows and messages of one batch are durable before the next batch is absorbed. So what a receiver has from us
never has a hole, and after a crash it only has to skip what it had before.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import pyarrow as pa

from schemas.table import position
from schemas.tables import RECEIPTS
from streams.checkpoint import BlockStore, Checkpoints
from streams.columnar import StateError, StateTable
from streams.metrics import StageMetrics
from streams.packing import Message, Record, Rows
from streams.records import Records

logger = logging.getLogger(__name__)

BEHIND_S = 2.0
"""A partition that was not level for so long is behind."""
LIVE_S, QUIET_TICKS = 60.0, 10
"""Level is what was read to its end, if its clock is not older than this, or so many ticks brought nothing
more and nothing is held back: a stage that keeps pace with another one's backlog is behind, too."""
FLUSHES_BEHIND = 15
"""Who is behind waits so many times longer between flushes."""
UPKEEP = 0.1
"""Checkpoints take at most this part of the time, as long as they need not be further apart for it than
`MOST_APART_S`: large state that changes all over is not written again and again."""
MOST_APART_S = 30.0

READ_AGAIN_S = 15.0
"""Records that are in the log, and of which none has come for so long, were lost on the way: read again. A
rebalance can do that, and where nothing follows nobody would notice."""

T = TypeVar("T")

MESSAGE_BYTES = 4 * 1024 * 1024
"""Rows are cut so that a message stays about this small before compression."""


@dataclass
class Receipt:
    """What was done with an input partition: consumed = accepted + rejected + duplicate."""

    consumed: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0
    skipped: int = 0


@dataclass
class Output:
    """What absorbing a batch gives: rows for ClickHouse, messages for other stages."""

    rows: list[Rows] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


class Reducer(Protocol):
    """The pure part of a stage, for one input partition: state, and a function of the log."""

    tables: Sequence[StateTable]
    receipt: Receipt

    @property
    def clock_ms(self) -> int:
        """The clock that the partition has come to; below 0 when there is none yet."""
        ...

    @property
    def held(self) -> int:
        """How many actions wait in memory until all that come before them are here."""
        ...

    @property
    def held_from(self) -> int | None:
        """The oldest input offset that must be read again after a restart, if anything is held back."""
        ...

    def absorb(self, records: Records) -> Output:
        """Take records in, in the order of their offsets."""
        ...

    def snapshots(self, version: int) -> Iterable[Rows]:
        """A row for each entity changed since the last call, with that `_version`, in pieces, to the end."""
        ...

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Message]:
        """What to tell the stages behind when there is nothing else to tell them. Called often."""
        ...

    def meta(self) -> bytes:
        """The few figures that are not in `tables`, for the manifest."""
        ...

    def restore_meta(self, meta: bytes) -> None:
        """Put them back."""
        ...


class Log(Protocol):
    """Where messages go."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Send; durable on return, in order within each partition. An error: some may be missing."""
        ...

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has (its name without the prefix)."""
        ...


class Input(Protocol):
    """The input log of a stage, as far as the harness steers it."""

    async def acknowledge(self, partition: int, next_offset: int) -> bool:
        """Resume from there after a restart. False: the partition is no longer ours."""
        ...

    async def rewind(self, partition: int, next_offset: int) -> None:
        """Read on from there now."""
        ...

    def assigned(self) -> Sequence[int]:
        """The partitions that are ours now and whose checkpoints were read."""
        ...

    async def first_offset(self, partition: int) -> int:
        """The oldest offset still in the log."""
        ...

    def end_offset(self, partition: int) -> int | None:
        """The offset that the next record written would get, as of the last fetch; None if unknown."""
        ...


class _Partition:
    """One input partition of a stage: its reducer and where it stands."""

    def __init__(self, number: int, reducer: Reducer, checkpoints: Checkpoints) -> None:
        self.number = number
        self.reducer = reducer
        self.checkpoints = checkpoints
        self.next_offset = 0
        self.saved_offset = 0
        self.flushed_at = 0.0
        self.level_at = 0.0
        """When it was last seen to be level."""
        self.quiet_ticks = 0
        """So many ticks ago it last absorbed anything."""
        self.stood_at = 0
        """The offset at which it stands since `stood_since`, with more in the log."""
        self.stood_since = 0.0
        self.saved_at = 0.0
        self.save_took = 0.0
        self.receipt_sent: Receipt | None = None


class StageRunner:
    """One stage of one worker, with all input partitions that it is assigned."""

    def __init__(
        self,
        name: str,
        make_reducer: Callable[[int], Reducer],
        *,
        log: Log,
        source: Input,
        blocks: BlockStore,
        metrics: StageMetrics,
        wall_s: Callable[[], float],
        flush_s: float = 1.0,
        checkpoint_s: float = 10.0,
    ) -> None:
        self.name = name
        self._make_reducer = make_reducer
        self._log = log
        self._source = source
        self._blocks = blocks
        self._metrics = metrics
        self._wall_s = wall_s
        self._flush_s = flush_s
        self._checkpoint_s = checkpoint_s
        self._partitions: dict[int, _Partition] = {}
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Of each partition: one thing at a time, from reading to durable."""
        self._state_locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Of each partition: held while a thread works on its state."""

    async def absorb(self, partition: int, records: Sequence[Record]) -> None:
        """Absorb a batch and make what it gives durable. Those of other partitions can go on meanwhile.

        A batch of a partition that is no longer ours is dropped: its owner reads it again.
        """
        async with self._locks[partition]:
            part = self._ours(partition)
            if part is None:
                return
            batch = await self._expected(part, Records.of(records))
            if batch:
                consumed = part.reducer.receipt.consumed
                output = await self._aside(part, part.reducer.absorb, batch)
                if part.reducer.receipt.consumed > consumed:
                    part.quiet_ticks = 0
                await self._send(part, output)
                self._metrics.absorbed(partition, len(batch), part.reducer)
            part.next_offset = max(part.next_offset, batch.end)
            await self._flush_if_due(part)

    async def tick(self) -> None:
        """Do what is due by the wall clock: ticks, flushes, checkpoints. Call it several times a second."""
        numbers = {*self._partitions, *self._source.assigned()}
        await asyncio.gather(*map(self._tick, sorted(numbers)))
        for number in list(self._partitions):  # one after the other: what they take adds up
            async with self._locks[number]:
                part = self._partitions.get(number)
                if part and self._is_checkpoint_due(part):
                    await self._checkpoint(part)

    async def _tick(self, number: int) -> None:
        async with self._locks[number]:
            part = self._ours(number)
            if part is None:
                return
            end = self._source.end_offset(number)
            caught_up = end is not None and part.next_offset >= end
            part.quiet_ticks += 1
            await self._read_again_if_lost(part, caught_up=end is None or caught_up)
            await self._log.send(part.reducer.tick(int(self._wall_s() * 1000), caught_up=caught_up))
            await self._flush_if_due(part)
            self._metrics.ticked(number, end, part.next_offset, part.reducer, self._wall_s())

    async def _read_again_if_lost(self, part: _Partition, *, caught_up: bool) -> None:
        now = time.monotonic()
        if caught_up or part.next_offset != part.stood_at:
            part.stood_at, part.stood_since = part.next_offset, now
        elif now - part.stood_since >= READ_AGAIN_S:
            part.stood_since = now
            logger.warning(
                "%s/%d: nothing came for %.0f s though the log goes on behind offset %d",
                self.name, part.number, READ_AGAIN_S, part.next_offset,
            )  # fmt: skip
            await self._source.rewind(part.number, part.next_offset)

    def _is_checkpoint_due(self, part: _Partition) -> bool:
        return (
            time.monotonic() - part.saved_at >= self._checkpoint_every()
            and part.next_offset > part.saved_offset
        )

    def _checkpoint_every(self) -> float:
        """Seconds between checkpoints of a partition."""
        took = sum(part.save_took for part in self._partitions.values())
        return max(self._checkpoint_s, min(took / UPKEEP, MOST_APART_S))

    async def checkpoint(self) -> None:
        """Checkpoint every partition now."""
        async with self._all_of(self._locks):
            for part in list(self._partitions.values()):
                await self._checkpoint(part)

    async def release(self) -> None:
        """Checkpoint every partition and forget it, for whoever owns it next."""
        async with self._all_of(self._locks):
            for part in list(self._partitions.values()):
                await self._checkpoint(part, final=True)
            for number in self._partitions:
                self._metrics.dropped(number)
            self._partitions.clear()

    def still(self) -> AbstractAsyncContextManager[None]:
        """Within it no thread works on any state: for who looks at it from outside."""
        return self._all_of(self._state_locks)

    @asynccontextmanager
    async def _all_of(self, locks: Mapping[int, asyncio.Lock]) -> AsyncIterator[None]:
        async with AsyncExitStack() as held:
            for number in sorted(locks):
                await held.enter_async_context(locks[number])
            yield

    def _ours(self, number: int) -> _Partition | None:
        """A partition, restored if it has just come; None if it has gone since somebody asked for it."""
        part = self._partitions.get(number)
        if part is None and number in self._source.assigned():
            part = self._restore(number)
        return part

    def _restore(self, number: int) -> _Partition:
        reducer = self._make_reducer(number)
        checkpoints = Checkpoints(self._blocks, number, reducer.tables)
        part = _Partition(number, reducer, checkpoints)
        began = time.monotonic()
        restored = checkpoints.restore()
        if restored:
            reducer.restore_meta(restored.meta)
            part.next_offset = part.saved_offset = restored.next_offset
        part.flushed_at = part.saved_at = part.level_at = part.stood_since = time.monotonic()
        self._partitions[number] = part
        self._metrics.restored(number, reducer, time.monotonic() - began)
        logger.info("%s/%d: goes on from offset %d", self.name, number, part.next_offset)
        return part

    async def _expected(self, part: _Partition, records: Records) -> Records:
        """The records not absorbed yet. Rewinds when some are missing; stops when they can't be had."""
        end = self._source.end_offset(part.number)
        if end is not None and end < part.next_offset:
            raise StateError(
                f"{self.name}/{part.number}: the checkpoint stands at offset {part.next_offset}, but the "
                f"input ends at {end}: was its topic made anew? Then the checkpoint topic must be, too; or "
                "restore the log"
            )
        first = records.start
        if first > part.next_offset:
            oldest = await self._source.first_offset(part.number)
            if oldest > part.next_offset:
                logger.error(
                    "%s/%d: offsets %d to %d left the log (its retention) before they were read: going on",
                    self.name, part.number, part.next_offset, oldest - 1,
                )  # fmt: skip
                self._metrics.lost(part.number, oldest - part.next_offset)
                part.next_offset = oldest
            if first > part.next_offset:
                await self._source.rewind(part.number, part.next_offset)
                return Records(part.next_offset, part.next_offset, ())
        return records.since(part.next_offset)

    async def _aside(self, part: _Partition, work: Callable[..., T], *args: object) -> T:
        """Let a thread do it, so that partitions and stages share the cores and the worker goes on answering.

        State is never left while it is worked on: who is cancelled waits for the end.
        """
        async with self._state_locks[part.number]:
            done = asyncio.ensure_future(asyncio.to_thread(work, *args))
            try:
                return await asyncio.shield(done)
            finally:
                if not done.done():
                    await asyncio.wait([done])

    async def _send(self, part: _Partition, output: Output) -> None:
        if output.rows:
            await self._log.send(await self._aside(part, self._messages, output))
        else:
            await self._log.send(output.messages)

    def _messages(self, output: Output) -> list[Message]:
        messages = list(output.messages)
        for rows in output.rows:
            messages += self._packed(rows)
        return messages

    def _packed(self, rows: Rows) -> list[Message]:
        """The messages of some rows, cut to size."""
        number = int(rows.partition.rpartition("/")[2])
        target = number % self._log.partitions("rows")
        pieces = max(1, -(-rows.batch.nbytes // MESSAGE_BYTES))
        step = max(1, -(-rows.batch.num_rows // pieces))
        return [
            Rows(rows.table, rows.partition, rows.batch.slice(at, step)).pack("rows", target)
            for at in range(0, rows.batch.num_rows, step)
        ]

    async def _flush_if_due(self, part: _Partition) -> None:
        """Every `flush_s`; less often while behind: snapshots of a moment long past help nobody."""
        now = time.monotonic()
        if self._is_level(part):
            part.level_at = now
        times = FLUSHES_BEHIND if now - part.level_at > BEHIND_S else 1
        if now - part.flushed_at >= times * self._flush_s:
            await self._flush(part)

    def _is_level(self, part: _Partition) -> bool:
        end = self._source.end_offset(part.number)
        if end is not None and part.next_offset < end:
            return False
        is_live = part.reducer.clock_ms >= (self._wall_s() - LIVE_S) * 1000
        return is_live or (part.quiet_ticks >= QUIET_TICKS and part.reducer.held_from is None)

    async def _flush(self, part: _Partition, *, with_receipt: bool = False) -> None:
        """Send the newest snapshot of every entity that changed since the last flush."""
        began = time.monotonic()
        version = position(part.next_offset)
        receipt: list[Rows] = []
        if with_receipt or part.reducer.receipt != part.receipt_sent:
            receipt = [self._receipt_row(part, version)]
            part.receipt_sent = Receipt(**vars(part.reducer.receipt))
        sent = 0
        output = Output()
        pieces = itertools.chain(part.reducer.snapshots(version), receipt)
        while rows := await self._aside(part, _next, pieces):
            output.rows.append(rows)
            sent += rows.batch.num_rows
            if rows.batch.nbytes > MESSAGE_BYTES:
                await self._send(part, output)
                output = Output()
        await self._send(part, output)
        if sent:
            # Only a flush that sent something starts the wait: what comes alone goes out at once.
            part.flushed_at = began
            self._metrics.flushed(sent, time.monotonic() - began)

    def _receipt_row(self, part: _Partition, version: int) -> Rows:
        receipt = part.reducer.receipt
        row = {
            "stage": self.name,
            "partition": part.number,
            **vars(receipt),
            "next_offset": part.next_offset,
            "clock": max(0, part.reducer.clock_ms),
            "_version": version,
        }
        batch = pa.RecordBatch.from_pylist([row], schema=RECEIPTS.arrow_schema)
        return Rows("receipts", f"{self.name}/{part.number}", batch)

    async def _checkpoint(self, part: _Partition, *, final: bool = False) -> None:
        """Rows durable, blocks durable, manifest durable, acknowledgement: in this order, always.

        Then what the manifest does not name is deleted, by who was still the owner at the acknowledgement.

        A crash before the manifest leaves the checkpoint before this one; the rows sent since are sent again
        and skipped by their positions. A crash after it, before the acknowledgement, has the input read from
        further back; the manifest says what to skip.
        """
        began = time.monotonic()
        await self._flush(part, with_receipt=final)
        held = part.reducer.held_from
        resume = part.next_offset if held is None else held
        changes = await self._aside(part, part.checkpoints.changes)
        written = await part.checkpoints.write(changes, resume, part.reducer.meta())
        part.saved_offset = part.next_offset
        part.saved_at = time.monotonic()
        part.save_took = part.saved_at - began
        self._metrics.checkpointed(part.number, written)
        if await self._source.acknowledge(part.number, resume):
            await part.checkpoints.clean()
        else:
            # Another worker owns it by now. It restored what was durable; we must not write again.
            logger.warning("%s/%d: lost to another worker, state dropped", self.name, part.number)
            self._metrics.dropped(part.number)
            del self._partitions[part.number]


def _next(pieces: Iterator[Rows]) -> Rows | None:
    return next(pieces, None)
