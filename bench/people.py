"""A million people: what they take in memory, and how long a worker needs to have them back after kill -9."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench._measure import fill
from bench.generate import generate
from bench.groupbeat_run import SPINE, memory_bytes, metric, of_stages, restart, wait_for
from streams.pipeline import Pipeline
from streams.settings import Settings
from streams.topics import init

WARM_UP = 300_000
DAYS = 28
CHECKPOINT_S = 5.0


@dataclass(frozen=True)
class Million:
    """What was measured."""

    bytes_a_person: float
    settled_bytes_a_person: float
    changelog_bytes_a_person: float
    recovery_s: float
    empty_start_s: float


def joins(count: int) -> Iterator[bytes]:
    """Each of `count` people joins a group once, over four weeks."""
    step_ms = DAYS * 86_400_000 / count
    for number in range(count):
        moment = time.gmtime(1_772_000_000 + int(number * step_ms) // 1000)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)
        yield (
            f'{{"event_id":"m{number}","action":"join","community_id":"big","group_id":"g{number % 1000}",'
            f'"user_id":"member-{number:08d}","channel":"direct","occurred_at":"{at}"}}'
        ).encode()


def million_people(settings: Settings, people: int, folder: Path) -> Million:
    """Warm up with a thousand people, take in `people` more, kill the worker, start it again."""
    init(settings)
    pipeline = Pipeline(
        settings.model_copy(update={"path": folder / "clickhouse", "checkpoint_s": CHECKPOINT_S}),
        folder,
        GROUPBEAT_STAGES=SPINE,
    )
    try:
        empty_start = restart(pipeline, "users")
        of_stages(pipeline, SPINE)
        pipeline.sink.start()
        fill(settings, generate(WARM_UP, 1_000, 3))
        wait_for(pipeline, WARM_UP)
        time.sleep(2 * CHECKPOINT_S)
        before = memory_bytes(pipeline.worker)
        resting = memory_bytes(pipeline.worker, "VmRSS")
        written = metric(pipeline.worker, "groupbeat_checkpoint_bytes_total", stage="users")
        fill(settings, joins(people))
        wait_for(pipeline, WARM_UP + people)
        time.sleep(2 * CHECKPOINT_S)
        peak = memory_bytes(pipeline.worker) - before
        settled = memory_bytes(pipeline.worker, "VmRSS") - resting
        written = metric(pipeline.worker, "groupbeat_checkpoint_bytes_total", stage="users") - written
        pipeline.worker.kill()
        recovery = restart(pipeline, "users")
    finally:
        pipeline.stop()
    return Million(peak / people, settled / people, written / people, recovery, empty_start)
