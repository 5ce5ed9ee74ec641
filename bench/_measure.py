"""What the benchmarks share: topics filled with events, and the CPU time of a process with its threads."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streams.broker.process import LEASH
from streams.ndjson import key_of
from streams.sending import EventSender, events_partitions
from streams.settings import Settings

REPO = Path(__file__).parent.parent


def cpu_seconds() -> float:
    """User and system time of this process so far, all threads, without children; seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True, slots=True)
class Result:
    """What a run took: wall and CPU seconds for so many events."""

    events: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Events a second of wall time."""
        return self.events / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Events a second of CPU time."""
        return self.events / self.cpu_seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU an event."""
        return self.cpu_seconds / self.events * 1e6

    def json(self) -> str:
        """One line of JSON, figures that follow from the others included."""
        more = {"per_second": self.per_second, "per_cpu_second": self.per_cpu_second, "cpu_us": self.cpu_us}
        return json.dumps(asdict(self) | {name: round(value, 3) for name, value in more.items()})


class Stopwatch:
    """Wall and CPU time from when it is made."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._cpu = cpu_seconds()

    def result(self, events: int) -> Result:
        """What `events` events took until now."""
        return Result(events, time.perf_counter() - self._wall, cpu_seconds() - self._cpu)


def run_json(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout_s: float = 600
) -> dict[str, Any]:
    """Run a Python script or module of this repository; the JSON object in the last line that it prints.

    `command` is what follows ``python``. Raises `RuntimeError` with the end of its output if there is none.
    """
    run = subprocess.run(
        [sys.executable, str(LEASH), str(os.getpid()), sys.executable, *command],
        cwd=REPO,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    for line in reversed(run.stdout.splitlines()):
        if line.startswith("{"):
            found: dict[str, Any] = json.loads(line)
            return found
    raise RuntimeError(
        f"{' '.join(command)} ended with {run.returncode} and no result:\n{(run.stdout + run.stderr)[-3000:]}"
    )


def idiomatic_faust(broker: str, topic: str, events: int) -> Result:
    """The idiomatic Faust app over the first `events` events of a topic."""
    found = run_json(
        ["bench/idiomatic_faust_app.py", "worker", "--without-web", "-l", "info"],
        environment={"BENCH_BROKER": broker, "BENCH_TOPIC": topic, "BENCH_EVENTS": str(events)},
    )
    return Result(found["events"], found["seconds"], found["cpu_seconds"])


def raw_limit(broker: str, topic: str, events: int) -> Result:
    """`bench/raw_limit.py` in a process of its own."""
    found = run_json(["-m", "bench.raw_limit", "--broker", broker, "--topic", topic, "--events", str(events)])
    return Result(found["events"], found["seconds"], found["cpu_seconds"])


def fill(settings: Settings, events: Iterable[bytes]) -> int:
    """Send these events to the topic of events (made by `streams.topics.init`); how many there were."""
    return asyncio.run(_fill(settings, events, events_partitions(settings)))


async def _fill(settings: Settings, events: Iterable[bytes], partitions: int) -> int:
    async with EventSender(settings, partitions) as sender:
        for value in events:
            key = key_of(value)
            await sender.send(sender.partition_of(key), key, value)
    return sender.sent
