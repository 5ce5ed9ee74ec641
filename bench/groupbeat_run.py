"""groupbeat itself under load: events -> users, transitions and events in ClickHouse. Real processes.

CPU is of worker and sink together, from the moment the worker is at work on a full topic until everything is
in ClickHouse; imports and the compiling of rules are not in it. The broker's is not in it, either.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench._measure import REPO
from schemas.actions import ROUTES
from streams.pipeline import Child, Pipeline, Sample
from streams.settings import Settings

TICKS = os.sysconf("SC_CLK_TCK")
SPINE = "intake,users"
"""The stages that the bars on CPU an event and on bytes a person are about."""
LOOK_S = 0.5


@dataclass(frozen=True)
class Run:
    """What a run took, and the worker's metrics at the end of it."""

    events: int
    seconds: float
    worker_cpu_s: float
    sink_cpu_s: float
    changelog_bytes: float
    worker_peak_bytes: int
    metrics: Sequence[Sample]

    @property
    def cpu_us(self) -> float:
        """CPU-microseconds an event, all processes."""
        return (self.worker_cpu_s + self.sink_cpu_s) / self.events * 1e6

    @property
    def per_second(self) -> float:
        """Events a second of wall time."""
        return self.events / self.seconds


def checkout(ref: str, folder: Path) -> Path:
    """Another commit of this repository, cloned into a folder. Needs git, and the commit in its history."""
    subprocess.run(["git", "clone", "-q", str(REPO), str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "checkout", "-q", ref], check=True)
    return folder


def cpu_s(child: Child) -> float:
    """CPU seconds a process has used so far, its threads included."""
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_bytes(child: Child, what: str = "VmHWM") -> int:
    """Peak (VmHWM) or present (VmRSS) memory of a process."""
    for line in Path(f"/proc/{child.pid}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {what} in /proc")


def total(samples: Sequence[Sample], name: str, **labels: str) -> float:
    """The sum of a metric over its other labels."""
    return sum(
        s.value for s in samples if s.name == name and all(s.labels.get(k) == v for k, v in labels.items())
    )


def metric(child: Child, name: str, **labels: str) -> float:
    """The same of what a process says now."""
    return total(child.metrics(), name, **labels)


def stages_behind_intake(pipeline: Pipeline) -> list[str]:
    """The stages of the worker that absorb every event, after intake."""
    every = {route.stage for route in ROUTES if route.actions is None}
    return [name for name in (pipeline.worker.health() or {}).get("stages", []) if name in every]


def wait_for(pipeline: Pipeline, events: int, timeout_s: float = 600.0) -> None:
    """Until every stage has absorbed so many, no log has more, and the sink has nothing left.

    Groups absorb the last actions when their clock passes them: if nothing else comes, 5 s later.
    """
    deadline = time.monotonic() + timeout_s
    stages = stages_behind_intake(pipeline)
    while True:
        seen = pipeline.worker.metrics()
        accepted = [total(seen, "groupbeat_events_total", stage=s, outcome="accepted") for s in stages]
        if (
            accepted
            and min(accepted) >= events
            and total(seen, "groupbeat_lag_records") == 0
            and metric(pipeline.sink, "groupbeat_sink_lag") == 0
        ):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{dict(zip(stages, accepted, strict=True))} of {events} after {timeout_s} s\n"
                f"{pipeline.worker.tail()}"
            )
        stages = stages or stages_behind_intake(pipeline)
        time.sleep(LOOK_S)


def restart(pipeline: Pipeline, stage: str) -> float:
    """Start the worker; seconds until every partition of the stage has its state and goes on."""
    began = time.monotonic()
    pipeline.worker.start()
    while True:
        restored = [
            s for s in pipeline.worker.metrics()
            if s.name == "groupbeat_restore_seconds" and s.labels["stage"] == stage
        ]  # fmt: skip
        if len(restored) >= pipeline.settings.partitions:
            return time.monotonic() - began
        if not pipeline.worker.running:
            raise RuntimeError(f"the worker ended:\n{pipeline.worker.tail()}")
        time.sleep(0.05)


def of_stages(pipeline: Pipeline, stages: str) -> None:
    """Raise `RuntimeError` unless the worker runs these stages: figures of others would pass for theirs."""
    found = (pipeline.worker.health() or {}).get("stages")
    if found != stages.split(","):
        raise RuntimeError(f"the worker runs {found}, not {stages}: does it read GROUPBEAT_STAGES?")


def backlog(
    settings: Settings,
    events: int,
    folder: Path,
    code: Path | None = None,
    *,
    stages: str | None = None,
    until: Callable[[Pipeline, int], None] = wait_for,
) -> Run:
    """Absorb a topic that holds `events` events already, from the first to the last row in ClickHouse.

    `code`: the checkout whose worker and sink are to run; this one for None. `stages`: those of the worker,
    comma-separated; all for None. `until`: returns when it is done.
    """
    extra = {"GROUPBEAT_STAGES": stages} if stages else {}
    if code:
        extra |= {"PYTHONPATH": str(code.resolve()), "PYTHONSAFEPATH": "1"}
    mine = settings.model_copy(update={"path": folder / "clickhouse"})
    pipeline = Pipeline(mine, folder, ports=None, **extra)
    try:
        pipeline.sink.start()
        while (pipeline.sink.health() or {}).get("state") != "ok":
            time.sleep(0.1)
        pipeline.worker.start()
        while metric(pipeline.worker, "groupbeat_records_total", stage="intake") == 0:
            time.sleep(0.05)
        if stages:
            of_stages(pipeline, stages)
        began, before = time.monotonic(), [cpu_s(child) for child in pipeline.children]
        already = metric(pipeline.worker, "groupbeat_records_total", stage="intake")
        until(pipeline, events)
        took = time.monotonic() - began
        after = [cpu_s(child) for child in pipeline.children]
        while metric(pipeline.worker, "groupbeat_checkpoint_bytes_total", stage="users") == 0:
            time.sleep(0.5)  # the first checkpoint comes ten seconds after the start
        seen = pipeline.worker.metrics()
        return Run(
            int(events - already), took, after[0] - before[0], after[1] - before[1],
            total(seen, "groupbeat_checkpoint_bytes_total"), memory_bytes(pipeline.worker), seen,
        )  # fmt: skip
    finally:
        pipeline.stop()
