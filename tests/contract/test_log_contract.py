"""What the harness needs of a log, of the in-process one and of Kafka alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest

import streams.stage as stage_module
from streams.packing import Message, Record
from streams.settings import Settings
from tests.contract.logs import InProcess, Kafka, LogUnderTest, Running


@pytest.fixture
def in_process() -> LogUnderTest:
    return InProcess()


@pytest.fixture
def kafka(settings: Settings) -> Kafka:
    from streams.topics import init

    mine = settings.model_copy(update={"partitions": 2, "worker_id": "contract", "checkpoint_s": 60.0})
    init(mine)
    return Kafka(mine)


@pytest.fixture(params=["in_process", pytest.param("kafka", marks=pytest.mark.broker)])
def log(request: pytest.FixtureRequest) -> LogUnderTest:
    found: LogUnderTest = request.getfixturevalue(request.param)
    return found


def events(partition: int, *values: bytes) -> list[Message]:
    return [Message("events", partition, value) for value in values]


def numbers(first: int, end: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, end)]


def run(log: LogUnderTest, scenario: Callable[[], Awaitable[None]]) -> None:
    """Run it to its end; a stage that a failure left at work is ended, too."""

    async def whole() -> None:
        try:
            await scenario()
        finally:
            await log.end()

    asyncio.run(whole())


async def absorbed(running: Running, partition: int, count: int) -> list[bytes | None]:
    """The values that a partition has absorbed, once there are so many and the last batch is through."""
    await running.until(
        lambda: (
            len(running.recorders[partition].records) >= count
            and not running.runner._locks[partition].locked()
        )
    )
    return running.recorders[partition].values


def test_what_was_sent_is_read_in_order_with_all_that_belongs_to_it(log: LogUnderTest) -> None:
    async def scenario() -> None:
        began_ms = time.time() * 1000
        stage = await log.start()
        await stage.log.send(
            [
                Message(
                    "events", 0, b"with all", (("version", b"1"), ("twice", b"a"), ("twice", b"b")), b"key"
                ),
                Message("events", 1, b"elsewhere"),
                Message("events", 0, b"", (), None),
                *events(0, *numbers(0, 20)),
            ]
        )
        assert stage.log.partitions("events") == 2
        assert await absorbed(stage, 0, 22) == [b"with all", b"", *numbers(0, 20)]
        assert await absorbed(stage, 1, 1) == [b"elsewhere"]
        records = stage.recorders[0].records
        assert [record.offset for record in records] == list(range(22))
        assert (records[0].key, records[1].key) == (b"key", None)
        assert tuple(records[0].headers) == (("version", b"1"), ("twice", b"a"), ("twice", b"b"))
        assert tuple(records[1].headers) == ()
        assert all(began_ms - 1 <= r.timestamp <= time.time() * 1000 + 1 for r in records)
        await stage.stop()

    run(log, scenario)


def test_blocks_are_taken_back_newest_and_without_the_deleted(log: LogUnderTest) -> None:
    async def scenario() -> None:
        first = await log.start()
        await first.until(lambda: len(first.blocks.taken) == 2)
        put = first.blocks.put
        big = bytes(range(256)) * 4096
        await put(0, [(b"kept", b"1"), (b"gone", b"1"), (b"changed", b"1"), (b"big", big), (b"empty", b"")])
        await put(1, [(b"kept", b"of the other partition")])
        await put(0, [(b"changed", b"2"), (b"gone", None), (b"never there", None)])
        await put(0, [(b"changed", b"3")])
        await first.crash()
        second = await log.start()
        await second.until(lambda: len(second.blocks.taken) == 2)
        assert second.blocks.taken == {
            0: {b"kept": b"1", b"changed": b"3", b"big": big, b"empty": b""},
            1: {b"kept": b"of the other partition"},
        }
        await second.crash()

    run(log, scenario)


def test_after_a_clean_end_it_goes_on_behind_what_was_acknowledged(log: LogUnderTest) -> None:
    async def scenario() -> None:
        first = await log.start()
        await first.log.send([*events(0, *numbers(0, 5)), *events(1, b"x")])
        await absorbed(first, 0, 5)
        await absorbed(first, 1, 1)
        first.recorders[0].drawer.set(0, b"state of 0")
        first.recorders[1].drawer.set(0, b"state of 1")
        await first.stop()
        second = await log.start()
        await second.log.send(events(0, *numbers(5, 8)))
        assert await absorbed(second, 0, 3) == numbers(5, 8)
        assert second.recorders[0].restored == b"after 5"
        assert second.recorders[0].drawer.contents == [b"state of 0"]
        await second.until(lambda: second.recorders[1].restored is not None)
        assert second.recorders[1].drawer.contents == [b"state of 1"]
        assert second.recorders[1].records == []
        await second.stop()

    run(log, scenario)


def test_after_a_crash_it_goes_on_behind_the_last_checkpoint(log: LogUnderTest) -> None:
    async def scenario() -> None:
        first = await log.start()
        await first.log.send(events(0, *numbers(0, 4)))
        await absorbed(first, 0, 4)
        await first.runner.checkpoint()
        await first.log.send(events(0, *numbers(4, 9)))
        await absorbed(first, 0, 9)
        await first.crash()
        second = await log.start()
        assert await absorbed(second, 0, 5) == numbers(4, 9)
        assert [record.offset for record in second.recorders[0].records] == list(range(4, 9))
        await second.stop()

    run(log, scenario)


def test_an_acknowledgement_is_where_a_restart_begins_to_read(log: LogUnderTest) -> None:
    """Of itself, without a checkpoint: the harness then reads again what the checkpoint does not have."""

    async def scenario() -> None:
        first = await log.start()
        await first.log.send(events(0, *numbers(0, 6)))
        await absorbed(first, 0, 6)
        assert await first.source.acknowledge(0, 4)
        await first.crash()
        second = await log.start()
        # It reads from 4 on, finds that it has no state of what came before, and goes back to 0.
        assert await absorbed(second, 0, 6) == numbers(0, 6)
        await second.crash()

    run(log, scenario)


def test_what_is_behind_can_be_read_again(log: LogUnderTest) -> None:
    async def scenario() -> None:
        stage = await log.start()
        await stage.log.send(events(0, *numbers(0, 6)))
        await absorbed(stage, 0, 6)
        part = stage.runner._partitions[0]
        part.next_offset = 2
        await stage.source.rewind(0, 2)
        assert await absorbed(stage, 0, 10) == [*numbers(0, 6), *numbers(2, 6)]
        part.next_offset = 0
        await stage.source.rewind(0, 0)
        assert await absorbed(stage, 0, 16) == [*numbers(0, 6), *numbers(2, 6), *numbers(0, 6)]
        await stage.stop()

    run(log, scenario)


def test_what_is_lost_on_the_way_is_read_again(log: LogUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though nothing comes after it that would show the gap."""
    monkeypatch.setattr(stage_module, "READ_AGAIN_S", 0.5 if isinstance(log, Kafka) else 0)

    async def scenario() -> None:
        stage = await log.start()
        absorb, lost = stage.runner.absorb, list[Sequence[Record]]()

        async def lose(partition: int, records: Sequence[Record]) -> None:
            lost.append(records)

        stage.runner.absorb = lose  # type: ignore[method-assign]
        await stage.log.send(events(0, *numbers(0, 3)))
        await stage.until(lambda: bool(lost))
        stage.runner.absorb = absorb  # type: ignore[method-assign]
        assert await absorbed(stage, 0, 3) == numbers(0, 3)
        await stage.stop()

    run(log, scenario)


def test_the_ends_of_a_log_are_known(log: LogUnderTest) -> None:
    async def scenario() -> None:
        stage = await log.start()
        source = stage.source
        assert sorted(source.assigned()) == [0, 1]
        await stage.log.send(events(0, *numbers(0, 6)))
        await absorbed(stage, 0, 6)
        await stage.until(lambda: source.end_offset(0) == 6)
        assert await source.first_offset(0) == 0
        assert await source.first_offset(1) == 0
        await stage.until(lambda: stage.recorders[0].caught_up)
        await log.trim(0, 4)
        assert await source.first_offset(0) == 4
        assert source.end_offset(0) == 6
        await stage.stop()

    run(log, scenario)


@pytest.mark.broker
def test_markers_of_transactions_take_offsets_and_hold_nobody_up(kafka: Kafka) -> None:
    async def scenario() -> None:
        stage = await kafka.start()
        async with kafka.transactions() as producer:
            for number in range(2):
                async with producer.transaction():
                    await producer.send_and_wait(kafka.topic, b"%d" % number, partition=0)
                await asyncio.sleep(0.3)
        await stage.until(lambda: len(stage.recorders[0].records) == 2, patience_s=5)
        assert [record.offset for record in stage.recorders[0].records] == [0, 2]
        await stage.stop()

    run(kafka, scenario)
