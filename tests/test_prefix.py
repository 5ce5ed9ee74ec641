"""Any split of a log into batches, with a crash and a restore at any point, gives the same state and rows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.actions import BY_USER
from schemas.rules import Rules
from streams.packing import Message
from tests.generate import community, records
from tests.local_run import PARTITIONS, Run, Store, differences
from tests.oracle import LogRecord
from tests.strategies import logs, rulesets

NOW_MS = 1_790_000_000_000
Event = tuple[bytes, bytes]


def log_of(events: Sequence[Event]) -> list[LogRecord]:
    """The events as records of the topic of events."""
    return list(records(events, partitions=PARTITIONS, timestamp_ms=NOW_MS))


async def in_pieces(run: Run, choices: random.Random) -> Store:
    """Absorb in batches of any size, with flushes, checkpoints, lost workers and restarts in between."""
    while True:
        what = choices.random()
        if what < 0.15:
            await run.worker.checkpoint()
        elif what < 0.25:
            run.start()  # the worker before is gone, with everything since its last checkpoint
        elif what < 0.30:
            run.pass_rows()
        elif not await run.worker.step(choices.choice((1, 2, 3, 7, 50, 1000))):
            return await run.finish(choices.choice((1, 5, 1000)))


def state_of(run: Run) -> dict[str, Any]:
    """Every block of every stage's state, without who wrote it."""
    result: dict[str, Any] = {}
    for _, runner in run.worker.inputs:
        for number, part in runner._partitions.items():
            for table in part.reducer.tables:
                blocks = {block: table.encode_block(block) for block in table.live_blocks()}
                result[f"{runner.name}/{number}/{table.name}"] = blocks
    return result


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=logs(), rules=st.none() | rulesets(), seed=st.integers(0, 2**32))
def test_any_split_and_any_crash_give_the_same(events: list[Event], rules: Rules | None, seed: int) -> None:
    log = log_of(events)
    whole = Run(log, rules)
    store = asyncio.run(whole.finish())
    assert differences(store, log, rules) == ""
    pieces = Run(log, rules)
    again = asyncio.run(in_pieces(pieces, random.Random(seed)))
    assert differences(again, log, rules) == ""
    # What intake sent twice after a crash numbers the messages anew, so positions may differ between two
    # runs of the stage behind it; within a run they are unique.
    for name, rows in again.logs.items():
        places = [(row["_partition"], row["_position"]) for row in rows]
        assert len(places) == len(set(places)), name


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=logs(), seed=st.integers(0, 2**32))
def test_without_a_crash_even_state_and_positions_are_the_same(events: list[Event], seed: int) -> None:
    """The same messages in other batches: byte for byte."""
    choices = random.Random(seed)
    log = log_of(events)

    # What users read, their own notes included, as one run of all stages wrote it.
    first = Run(log)
    asyncio.run(first.finish())
    topic = BY_USER.topic
    written = {p: list(first.log.read(topic, p, 0, first.log.end(topic, p))) for p in range(PARTITIONS)}

    async def run(sizes: bool) -> tuple[dict[str, Any], dict[str, list[Any]]]:
        it = Run([])
        for partition, found in written.items():
            for record in found:
                it.log.append(Message(topic, partition, record.value, tuple(record.headers)))
        source, users = it.worker.inputs[1]
        for partition in source.assigned():
            end = len(written[partition])
            while source.next[partition] < end:
                count = choices.randint(1, 9) if sizes else end
                batch = source.read(partition, min(count, end - source.next[partition]))
                await users.absorb(partition, batch)
                if sizes and choices.random() < 0.3:
                    await users.checkpoint()
        it.pass_rows()
        return state_of(it), it.store.logs

    assert asyncio.run(run(True)) == asyncio.run(run(False))


def test_a_larger_community_over_many_crashes() -> None:
    log = log_of([(b"", value) for value in community(11, 12_000, 150, 300, start_ms=1_600_000_000_000)])
    run = Run(list(records([r.value or b"" for r in log], partitions=PARTITIONS, timestamp_ms=NOW_MS)))
    store = asyncio.run(in_pieces(run, random.Random(5)))
    assert differences(store, run.records) == ""
