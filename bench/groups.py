"""Many groups: how fast a worker is with them, beside the spine, and what they take to keep.

The spine is the same pipeline with the stages intake and users alone; beside both stands the pipeline with
every stage. All take the same events in, in turn. Then come some later events, one in each source partition
at least, as time would bring them: an action of a group is absorbed when every source is past it.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bench._measure import fill
from bench.generate import START, generate, generate_groups
from bench.groupbeat_run import (
    SPINE,
    Run,
    backlog,
    memory_bytes,
    restart,
    stages_behind_intake,
    total,
    wait_for,
)
from sinks.query import query
from streams.pipeline import Pipeline
from streams.settings import Settings
from streams.topics import init

WITH_GROUPS = f"{SPINE},groups"
DAYS = 28
WARM_UP, FEW_PEOPLE = 200_000, 1_000
LATER_EVENTS = 64
TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Size:
    """How many of what."""

    groups: int
    memberships: int

    @property
    def events(self) -> int:
        """Each membership has one event at least."""
        return self.memberships * 13 // 10

    def log(self, seed: int, start: datetime = START) -> Iterator[bytes]:
        """The events, and the later ones."""
        made = generate_groups(self.events, self.groups, self.memberships, seed, n_days=DAYS, start=start)
        return itertools.chain(made, later(start + timedelta(days=DAYS, seconds=1)))


@dataclass(frozen=True)
class Kept:
    """What groups take, each with its memberships, and what it costs to keep and to get them back."""

    bytes_a_group: float
    settled_bytes_a_group: float
    changelog_bytes: float
    checkpoints: float
    checkpoint_s: float
    flush_rows: float
    flushes: float
    flush_s: float
    recovery_s: float
    restore_s: float
    empty_start_s: float


def later(at: datetime) -> Iterator[bytes]:
    """Events of one moment, by so many people that every source partition gets one."""
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    for number in range(LATER_EVENTS):
        yield (
            f'{{"event_id":"later-{number}","action":"join","community_id":"later","group_id":"later",'
            f'"user_id":"later-{number}","occurred_at":"{moment}"}}'
        ).encode()


class Runs(NamedTuple):
    """Of each round, on the same events."""

    spine: list[Run]
    here: list[Run]
    """With groups."""
    every_stage: list[Run]


def beside_spine(settings: Settings, size: Size, rounds: int, folder: Path) -> Runs:
    """The runs of the spine, with groups, and with every stage, in turn."""
    warm = Size(100, 1_000)
    runs = Runs([], [], [])
    variants = zip(Runs._fields, (SPINE, WITH_GROUPS, None), runs, strict=True)
    for number, (name, stages, mine) in itertools.product(range(-1, rounds), list(variants)):
        own = settings.model_copy(update={"topic_prefix": f"{settings.topic_prefix}{name}{number}-"})
        init(own)
        now = size if number >= 0 else warm  # kernels are compiled once
        fill(own, now.log(number + 1))
        run = backlog(own, now.events, folder / f"{name}{number}", stages=stages, until=in_clickhouse)
        if number >= 0:
            mine.append(run)
    return runs


def in_clickhouse(pipeline: Pipeline, events: int) -> None:
    """Until every stage has absorbed so many and its receipts say so: they go in after its last rows."""
    deadline = time.monotonic() + TIMEOUT_S
    wait_for(pipeline, events, TIMEOUT_S)
    stages = stages_behind_intake(pipeline)
    while True:
        _, rows = query(pipeline.settings, "SELECT stage, sum(accepted) FROM receipts GROUP BY stage")
        found = {str(stage): int(accepted) for stage, accepted in rows}
        if all(found.get(stage, 0) >= events for stage in stages):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"receipts say {found} of {events}\n{pipeline.sink.tail()}")
        time.sleep(0.1)


def ratio(spine: Sequence[Run], here: Sequence[Run]) -> float:
    """Events a second here to those of the spine in the same round, the median."""
    return statistics.median(h.per_second / s.per_second for s, h in zip(spine, here, strict=True))


def keep(settings: Settings, size: Size, folder: Path) -> Kept:
    """Warm up with few groups, take all in, kill the worker, start it again."""
    init(settings)
    pipeline = Pipeline(
        settings.model_copy(update={"path": folder / "clickhouse"}), folder, GROUPBEAT_STAGES=WITH_GROUPS
    )
    settle_s = 2 * settings.checkpoint_s
    try:
        empty_start = restart(pipeline, "groups")
        pipeline.sink.start()
        fill(settings, generate(WARM_UP, FEW_PEOPLE, 3))
        wait_for(pipeline, WARM_UP)
        time.sleep(settle_s)
        worker = pipeline.worker
        peak, resting, before = memory_bytes(worker), memory_bytes(worker, "VmRSS"), worker.metrics()
        fill(settings, size.log(4, START + timedelta(days=2 * DAYS)))
        in_clickhouse(pipeline, WARM_UP + size.events)
        time.sleep(settle_s)
        after = worker.metrics()
        peak, resting = memory_bytes(worker) - peak, memory_bytes(worker, "VmRSS") - resting
        worker.kill()
        recovery = restart(pipeline, "groups")
        restore = total(worker.metrics(), "groupbeat_restore_seconds", stage="groups")
    finally:
        pipeline.stop()

    def more(name: str) -> float:
        return total(after, f"groupbeat_{name}", stage="groups") - total(
            before, f"groupbeat_{name}", stage="groups"
        )

    checkpoints, flushes = more("checkpoint_seconds_count"), more("flush_seconds_count")
    return Kept(
        peak / size.groups, resting / size.groups, more("checkpoint_bytes_total"), checkpoints,
        more("checkpoint_seconds_sum") / checkpoints, more("flush_rows_total"), flushes,
        more("flush_seconds_sum") / flushes, recovery, restore, empty_start,
    )  # fmt: skip
