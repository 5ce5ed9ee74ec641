"""groupbeat itself under load: events -> users, transitions and events in ClickHouse. Real processes.

CPU is of worker and sink together, from the moment the worker is at work on a full topic until everything is
in ClickHouse; imports and the compiling of rules are not in it. The broker's is not in it, either.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from streams.pipeline import Child, Pipeline
from streams.settings import Settings

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """What a run took."""

    events: int
    seconds: float
    worker_cpu_s: float
    sink_cpu_s: float
    changelog_bytes: float

    @property
    def cpu_us(self) -> float:
        """CPU-microseconds an event, all processes."""
        return (self.worker_cpu_s + self.sink_cpu_s) / self.events * 1e6


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


def metric(child: Child, name: str, **labels: str) -> float:
    """The sum of a metric over its labels."""
    return sum(
        s.value
        for s in child.metrics()
        if s.name == name and all(s.labels.get(k) == v for k, v in labels.items())
    )


def accepted(pipeline: Pipeline) -> float:
    """Events that the stage users has absorbed since its start."""
    return metric(pipeline.worker, "groupbeat_events_total", stage="users", outcome="accepted")


def wait_for(pipeline: Pipeline, events: int, timeout_s: float = 600.0) -> None:
    """Until users has absorbed so many and the sink has nothing left."""
    deadline = time.monotonic() + timeout_s
    while accepted(pipeline) < events or metric(pipeline.sink, "groupbeat_sink_lag") > 0:
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{accepted(pipeline)} of {events} after {timeout_s} s\n{pipeline.worker.tail()}"
            )
        time.sleep(0.5)


def backlog(settings: Settings, events: int, folder: Path, code: Path | None = None) -> Run:
    """Absorb a topic that holds `events` events already, from the first to the last row in ClickHouse.

    `code`: the checkout whose worker and sink are to run; this one for None.
    """
    mine = settings.model_copy(update={"path": folder / "clickhouse"})
    if code:
        pipeline = Pipeline(mine, folder, PYTHONPATH=str(code.resolve()), PYTHONSAFEPATH="1")
    else:
        pipeline = Pipeline(mine, folder)
    try:
        pipeline.sink.start()
        while (pipeline.sink.health() or {}).get("state") != "ok":
            time.sleep(0.1)
        pipeline.worker.start()
        while metric(pipeline.worker, "groupbeat_records_total", stage="intake") == 0:
            time.sleep(0.05)
        began, before = time.monotonic(), [cpu_s(child) for child in pipeline.children]
        already = metric(pipeline.worker, "groupbeat_records_total", stage="intake")
        wait_for(pipeline, events)
        took = time.monotonic() - began
        after = [cpu_s(child) for child in pipeline.children]
        while metric(pipeline.worker, "groupbeat_checkpoint_bytes_total", stage="users") == 0:
            time.sleep(0.5)  # the first checkpoint comes ten seconds after the start
        return Run(
            int(events - already), took, after[0] - before[0], after[1] - before[1],
            metric(pipeline.worker, "groupbeat_checkpoint_bytes_total"),
        )  # fmt: skip
    finally:
        pipeline.stop()
