"""The harness: the order of its effects, and what it does when the log is not as expected."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.tables import RECEIPTS
from streams.checkpoint import Item, MemoryBlocks
from streams.columnar import KeyedTable, StateError, StateTable, find_or_add, touch
from streams.metrics import WorkerMetrics
from streams.packing import Message, Record, Rows
from streams.stage import (
    BEHIND_S,
    FLUSHES_BEHIND,
    LIVE_S,
    MESSAGE_BYTES,
    QUIET_TICKS,
    Output,
    Receipt,
    StageRunner,
)

ROWS = pa.schema([("offset", pa.int64()), ("text", pa.string())])
Effects = list[tuple[Any, ...]]


WALL_S = 1000.0
FLUSH = ("send", "rows", "counts")


class Summing:
    """Counts how often each value came; gives a row and a message for each record."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.table = KeyedTable("values", np.dtype([("count", "i8")]), 4, flushed=True)
        self.tables: Sequence[StateTable] = (self.table,)
        self.receipt = Receipt()
        self.clock_ms = 5
        self.ticks: list[bool] = []

    held = 0
    held_from = None

    def absorb(self, records: Sequence[Record]) -> Output:
        for record in records:
            key = record.value or b""
            self.table.reserve(1, len(key))
            row, _ = find_or_add(self.table.arrays, np.frombuffer(key, np.uint8), len(key))
            self.table.arrays.rows[row]["count"] += 1
            touch(self.table.arrays, row, 4)
            self.receipt.consumed += 1
            self.receipt.accepted += 1
        rows = {"offset": [r.offset for r in records], "text": [(r.value or b"").decode() for r in records]}
        batch = pa.RecordBatch.from_pydict(rows, schema=ROWS)
        messages = [Message("next", 0, r.value) for r in records]
        return Output([Rows("seen", f"sums/{self.number}", batch)], messages)

    def snapshots(self, version: int) -> list[Rows]:
        touched = self.table.take_touched().tolist()
        if not touched:
            return []
        rows = {"offset": touched, "text": [self.table.key(row).decode() for row in touched]}
        return [Rows("counts", f"sums/{self.number}", pa.RecordBatch.from_pydict(rows, schema=ROWS))]

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Message]:
        self.ticks.append(caught_up)
        return []

    def meta(self) -> bytes:
        return b"%d" % self.receipt.consumed

    def restore_meta(self, meta: bytes) -> None:
        self.receipt = Receipt(int(meta), int(meta))

    @property
    def counts(self) -> dict[bytes, int]:
        return {self.table.key(r): int(self.table.arrays.rows[r]["count"]) for r in range(len(self.table))}


class World(MemoryBlocks):
    """Log, input and block store in one, writing down each effect."""

    def __init__(self) -> None:
        super().__init__()
        self.effects: Effects = []
        self.first, self.end = 0, 1 << 40
        self.owned = True
        self.assigned_now = [0]

    def partitions(self, topic: str) -> int:
        return 2

    async def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            table = dict(message.headers).get("table", b"").decode()
            self.effects.append(("send", message.topic, *([table] if table else [])))

    async def put(self, partition: int, items: Sequence[Item]) -> None:
        await super().put(partition, items)
        kinds = {"delete" if value is None else key.split(b"/")[0].decode() for key, value in items}
        self.effects += [(kind,) for kind in sorted(kinds)]

    async def acknowledge(self, partition: int, next_offset: int) -> bool:
        self.effects.append(("acknowledge", next_offset))
        return self.owned

    async def rewind(self, partition: int, next_offset: int) -> None:
        self.effects.append(("rewind", next_offset))

    def assigned(self) -> Sequence[int]:
        return self.assigned_now

    async def first_offset(self, partition: int) -> int:
        return self.first

    def end_offset(self, partition: int) -> int | None:
        return self.end


class Bench:
    """A stage over a world."""

    def __init__(self, world: World, *, flush_s: float = float("inf"), checkpoint_s: float = float("inf")):
        self.world = world
        self.metrics = WorkerMetrics()
        self.reducers: list[Summing] = []
        self.runner = StageRunner(
            "sums",
            self._make,
            log=world,
            source=world,
            blocks=world,
            metrics=self.metrics.stage("sums"),
            wall_s=lambda: WALL_S,
            flush_s=flush_s,
            checkpoint_s=checkpoint_s,
        )

    def _make(self, number: int) -> Summing:
        self.reducers.append(Summing(number))
        return self.reducers[-1]

    @property
    def counts(self) -> dict[bytes, int]:
        return self.reducers[-1].counts

    def effects(self, action: Callable[[], Any]) -> Effects:
        """What an action does to the world."""
        self.world.effects.clear()
        asyncio.run(action())
        return list(self.world.effects)

    def absorb(self, *values: str, at: int) -> Effects:
        records = [Record(offset, 0, value.encode()) for offset, value in enumerate(values, at)]
        return self.effects(lambda: self.runner.absorb(0, records))

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"stage": "sums", **labels})


SEEN = [("send", "next"), ("send", "next"), ("send", "rows", "seen")]


def test_a_checkpoint_is_rows_then_blocks_then_manifest_then_acknowledgement() -> None:
    bench = Bench(World())
    assert bench.absorb("a", "b", at=0) == SEEN
    assert bench.effects(bench.runner.checkpoint) == [
        ("send", "rows", "counts"),
        ("send", "rows", "receipts"),
        ("block",),
        ("manifest",),
        ("acknowledge", 2),
    ]


def test_what_a_manifest_no_longer_names_is_deleted_last() -> None:
    world = World()
    first = Bench(world)
    first.absorb("a", at=0)
    asyncio.run(first.runner.checkpoint())
    second = Bench(world)
    second.absorb("a", at=1)
    effects = second.effects(second.runner.checkpoint)
    assert effects[-4:] == [("block",), ("manifest",), ("acknowledge", 2), ("delete",)]


def test_messages_of_a_batch_are_sent_before_the_next_is_absorbed() -> None:
    bench = Bench(World())

    class Refused(Exception):
        pass

    async def refuse(messages: Sequence[Message]) -> None:
        raise Refused

    bench.world.send = refuse  # type: ignore[method-assign]
    with pytest.raises(Refused):
        bench.absorb("a", at=0)


def test_after_a_restart_it_goes_on_from_the_checkpoint_and_skips_what_it_has() -> None:
    world = World()
    before = Bench(world)
    before.absorb("a", "b", "a", at=0)
    asyncio.run(before.runner.checkpoint())
    before.absorb("lost with the process", at=3)
    after = Bench(world)
    assert after.absorb("a", "b", "a", "c", at=0) == [("send", "next"), ("send", "rows", "seen")]
    assert after.counts == {b"a": 2, b"b": 1, b"c": 1}
    assert after.reducers[0].receipt.consumed == 4
    assert after.absorb("b", "a", at=1) == []
    assert after.counts == {b"a": 2, b"b": 1, b"c": 1}


def test_a_gap_is_read_again() -> None:
    bench = Bench(World())
    bench.absorb("a", at=0)
    assert bench.absorb("c", at=2) == [("rewind", 1)]
    assert bench.counts == {b"a": 1}
    bench.absorb("b", "c", at=1)
    assert bench.counts == {b"a": 1, b"b": 1, b"c": 1}


def test_records_that_left_the_log_are_counted_and_it_goes_on() -> None:
    bench = Bench(World())
    bench.absorb("a", at=0)
    bench.world.first = 10
    assert bench.absorb("k", "l", at=10) == SEEN
    assert bench.value("groupbeat_lost_records_total") == 9
    assert bench.counts == {b"a": 1, b"k": 1, b"l": 1}


def test_what_is_left_of_a_gap_after_retention_is_read_again() -> None:
    bench = Bench(World())
    bench.absorb("a", at=0)
    bench.world.first = 5
    assert bench.absorb("k", at=10) == [("rewind", 5)]
    assert bench.value("groupbeat_lost_records_total") == 4


def test_a_log_that_ends_before_the_checkpoint_stops_the_stage() -> None:
    world = World()
    before = Bench(world)
    before.absorb("a", "b", "c", at=0)
    asyncio.run(before.runner.checkpoint())
    world.end = 1
    after = Bench(world)
    with pytest.raises(
        StateError, match="sums/0: the checkpoint stands at offset 3, but the input ends at 1"
    ):
        after.absorb("a", at=0)


def test_a_refused_acknowledgement_drops_the_state_and_deletes_nothing() -> None:
    world = World()
    bench = Bench(world)
    bench.absorb("a", at=0)
    asyncio.run(bench.runner.checkpoint())
    zombie = Bench(world)
    zombie.absorb("a", at=1)
    world.owned = False
    assert zombie.effects(zombie.runner.checkpoint)[-1] == ("acknowledge", 2)
    assert zombie.effects(zombie.runner.checkpoint) == []
    assert len(zombie.reducers) == 1
    world.owned = True
    zombie.absorb("b", at=2)
    assert len(zombie.reducers) == 2, "it has to be restored anew"


def test_released_partitions_are_saved_and_restored_anew() -> None:
    bench = Bench(World())
    bench.absorb("a", at=0)
    effects = bench.effects(bench.runner.release)
    assert effects[-3:] == [("block",), ("manifest",), ("acknowledge", 1)]
    bench.absorb("a", "b", at=0)
    assert len(bench.reducers) == 2
    assert bench.counts == {b"a": 1, b"b": 1}


class Fed(Bench):
    """One value each tenth of a second, far from the end of the log or at it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(World(), flush_s=1.0)
        self.now, self.step = 100.0, 0
        monkeypatch.setattr("streams.stage.time.monotonic", lambda: self.now)

    def flushes(self, seconds: float, *, clock_s: float, at_end: bool) -> int:
        """How often it is flushed meanwhile."""
        count = 0
        for _ in range(int(10 * seconds)):
            self.now += 0.1
            self.step += 1
            self.world.end = self.step if at_end else 1 << 40
            count += FLUSH in self.absorb("a", at=self.step - 1)
            self.reducers[0].clock_ms = int(clock_s * 1000)
        return count


def test_far_behind_it_is_flushed_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = Fed(monkeypatch)
    fed.flushes(BEHIND_S, clock_s=WALL_S, at_end=False)
    assert fed.flushes(3 * FLUSHES_BEHIND, clock_s=WALL_S, at_end=False) == 3
    assert 4 <= fed.flushes(5, clock_s=WALL_S, at_end=True) <= 6


def test_who_keeps_pace_with_a_backlog_is_behind_until_nothing_more_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fed = Fed(monkeypatch)
    fed.flushes(BEHIND_S + 0.1, clock_s=WALL_S - LIVE_S - 1, at_end=True)
    assert fed.flushes(3 * FLUSHES_BEHIND, clock_s=WALL_S - LIVE_S - 1, at_end=True) == 3
    fed.flushes(0.1, clock_s=WALL_S - LIVE_S - 1, at_end=True)
    fed.now += 1.1
    assert sum(FLUSH in fed.effects(fed.runner.tick) for _ in range(QUIET_TICKS)) == 1


def test_an_entity_is_flushed_at_most_once_in_flush_s(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("streams.stage.time.monotonic", lambda: now)
    bench = Bench(World(), flush_s=1.0)
    flushed = 0
    for step in range(100):
        now += 0.1
        bench.world.end = step + 1
        flushed += FLUSH in bench.absorb("a", at=step)
        bench.reducers[0].clock_ms = int(WALL_S * 1000)
    assert 9 <= flushed <= 10
    bench.absorb("a", "b", at=100)
    now += 5
    assert FLUSH in bench.effects(bench.runner.tick)
    now += 5
    assert bench.effects(bench.runner.tick) == [], "nothing has changed since"


def test_a_tick_restores_what_was_assigned_and_checkpoints_what_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr("streams.stage.time.monotonic", lambda: now)
    world = World()
    world.end = 1
    bench = Bench(world, checkpoint_s=10)
    assert bench.effects(bench.runner.tick) == []
    assert bench.reducers[0].ticks == [False]
    bench.absorb("a", at=0)
    assert bench.effects(bench.runner.tick) == []
    now += 10
    assert ("acknowledge", 1) in bench.effects(bench.runner.tick)
    assert bench.reducers[0].ticks == [False, True, True]
    now += 10
    assert bench.effects(bench.runner.tick) == [], "nothing to save since"


def test_rows_are_cut_into_messages_of_a_bearable_size() -> None:
    bench = Bench(World())
    long = "x" * (MESSAGE_BYTES // 10)
    sent = bench.absorb(*[long] * 35, at=0)
    assert sent.count(("send", "rows", "seen")) in (4, 5)


def test_the_receipt_carries_where_the_stage_stands() -> None:
    world = World()
    bench = Bench(world)
    bench.absorb("a", "b", at=0)
    sent: list[Rows] = []

    async def keep(messages: Sequence[Message]) -> None:
        sent.extend(Rows.unpack(m.value or b"", m.headers) for m in messages)

    world.send = keep  # type: ignore[method-assign]
    asyncio.run(bench.runner.checkpoint())
    receipt = next(rows for rows in sent if rows.table == "receipts")
    assert receipt.partition == "sums/0"
    assert receipt.batch.schema == RECEIPTS.arrow_schema
    [row] = receipt.batch.to_pylist()
    wanted = {"stage": "sums", "partition": 0, "consumed": 2, "accepted": 2, "next_offset": 2}
    assert {name: row[name] for name in wanted} == wanted
    assert row["_version"] == 2 << 24


class Slow(Bench):
    """A stage whose log takes no more until it is told to."""

    def __init__(self) -> None:
        super().__init__(World())
        self.open = asyncio.Event()
        self.world.send = self._send  # type: ignore[method-assign]
        self.sent: list[int] = []

    async def _send(self, messages: Sequence[Message]) -> None:
        if any(message.value == b"slow" for message in messages):
            await self.open.wait()
        self.sent += [len(messages)] if messages else []


def test_a_partition_that_waits_holds_up_no_other() -> None:
    bench = Slow()
    bench.world.assigned_now = [0, 1]

    async def scenario() -> None:
        waiting = asyncio.create_task(bench.runner.absorb(0, [Record(0, 0, b"slow")]))
        await asyncio.wait_for(bench.runner.absorb(1, [Record(0, 0, b"quick")]), 10)
        assert not waiting.done()
        assert bench.value("groupbeat_events_total", outcome="accepted") == 1
        bench.open.set()
        await waiting

    asyncio.run(scenario())
    assert bench.value("groupbeat_events_total", outcome="accepted") == 2


def test_batches_of_one_partition_wait_for_each_other() -> None:
    bench = Slow()

    async def scenario() -> None:
        first = asyncio.create_task(bench.runner.absorb(0, [Record(0, 0, b"slow")]))
        second = asyncio.create_task(bench.runner.absorb(0, [Record(1, 0, b"quick")]))
        await asyncio.sleep(0.1)
        assert bench.reducers[0].receipt.consumed == 1 and not second.done()
        bench.open.set()
        await asyncio.gather(first, second)

    asyncio.run(scenario())
    assert bench.reducers[0].receipt.consumed == 2


def test_a_batch_of_a_partition_that_is_no_longer_ours_is_dropped() -> None:
    bench = Bench(World())
    bench.absorb("a", at=0)
    asyncio.run(bench.runner.release())
    bench.world.assigned_now = []
    assert bench.absorb("b", at=1) == []
    assert len(bench.reducers) == 1, "no state was made for it"
    bench.world.assigned_now = [0]
    assert bench.absorb("b", at=1) == SEEN[:1] + SEEN[2:]
    assert bench.counts == {b"a": 1, b"b": 1}


def test_a_tick_that_waited_for_a_partition_does_not_take_it_back() -> None:
    """Else it would begin at offset 0, with nothing."""
    bench = Slow()

    async def scenario() -> None:
        waiting = asyncio.create_task(bench.runner.absorb(0, [Record(0, 0, b"slow")]))
        await asyncio.sleep(0.1)
        releasing = asyncio.create_task(bench.runner.release())
        await asyncio.sleep(0)
        ticking = asyncio.create_task(bench.runner.tick())
        await asyncio.sleep(0.1)
        bench.world.assigned_now = []
        bench.open.set()
        await asyncio.gather(waiting, releasing, ticking)

    asyncio.run(scenario())
    assert len(bench.reducers) == 1


def test_who_is_cancelled_leaves_no_half_worked_state() -> None:
    """A thread goes on when its caller is cancelled: whoever comes next waits for it."""
    bench = Bench(World())
    began, finish = threading.Event(), threading.Event()

    async def scenario() -> None:
        await bench.runner.absorb(0, [Record(0, 0, b"a")])
        absorb = bench.reducers[0].absorb

        def slowly(records: Sequence[Record]) -> Output:
            began.set()
            assert finish.wait(10)
            return absorb(records)

        bench.reducers[0].absorb = slowly  # type: ignore[method-assign]
        working = asyncio.create_task(bench.runner.absorb(0, [Record(1, 0, b"b")]))
        await asyncio.to_thread(began.wait, 10)
        working.cancel()
        looking = asyncio.create_task(look())
        await asyncio.sleep(0.1)
        assert not looking.done() and not working.done()
        finish.set()
        assert await looking == {b"a": 1, b"b": 1}

    async def look() -> dict[bytes, int]:
        async with bench.runner.still():
            return bench.counts

    asyncio.run(scenario())
