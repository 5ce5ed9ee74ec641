"""Processes are killed with -9 at random moments and at the worst ones, the broker goes away: none is lost.

Real processes, a real broker, the real engine. Afterwards every table equals the batch recompute of what
stands in the topic of events.
"""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import pytest

from streams.broker import EmbeddedBroker
from streams.emit import emit
from streams.pipeline import Child, Pipeline
from streams.settings import Settings
from streams.topics import init
from tests.generate import community
from tests.kafka_log import differences, read_log, stop_worker

EVENTS = 300_000
RATE = 5_000.0
"""Events a second: so the events flow while the processes die."""
KILLS = 8
"""Of each, at random moments; and once more at each of the points."""
WORKER_POINTS = (
    "checkpoint.blocks:3",
    "checkpoint.manifest:5",
    "checkpoint.blocks:9",
    "checkpoint.manifest:2",
)
SINK_POINTS = ("sink.after_insert:4", "sink.before_insert:7", "sink.after_insert:9", "sink.after_insert:1")
START_MS = 1_700_000_000_000

pytestmark = pytest.mark.fault


class Chaos(threading.Thread):
    """Kills one child again and again, and starts it again."""

    def __init__(self, child: Child, points: tuple[str, ...], seed: int) -> None:
        super().__init__(name=f"chaos-{child.command}", daemon=True)
        self.child = child
        self.random_kills = 0
        self.point_kills = 0
        self._points = list(points)
        self._random = random.Random(seed)
        self.ended = threading.Event()

    def run(self) -> None:
        """Until every kill was done."""
        while not self.ended.is_set() and (self.random_kills < KILLS or self._points):
            # At the points first while events flow: without them nothing comes to a point.
            if (self._points and self._random.random() < 0.6) or self.random_kills >= KILLS:
                self._at_a_point(self._points.pop(0))
            else:
                self._at_random()
            if not self.child.running:
                self.child.start()
        while not self.ended.wait(0.5):
            if not self.child.running:  # gave up while the broker was away
                self.child.start()

    def _at_random(self) -> None:
        self._wait_running(15)
        time.sleep(self._random.uniform(0.0, 5.0))
        self.child.kill()
        self.random_kills += 1

    def _at_a_point(self, point: str) -> None:
        self.child.kill()
        self.child.start(GROUPBEAT_CRASH_AT=point)
        deadline = time.monotonic() + 45
        while self.child.running and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.child.running:  # nothing was left to do, so it never came to that point
            self.child.stop()
        elif self.child.exit_code == -9:
            self.point_kills += 1

    def _wait_running(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and (self.child.health() or {}).get("state") not in (
            "running",
            "ok",
        ):
            if not self.child.running:
                self.child.start()
            time.sleep(0.2)


def test_nothing_is_lost_or_doubled(
    tmp_path: Path, broker_jars: Path, clean_environment: None, kernels: None
) -> None:
    file = tmp_path / "events.ndjson"
    values = community(31, EVENTS + 1_000, 3_000, 300, start_ms=START_MS)
    # Blank lines are no events: that is why there are some more.
    file.write_bytes(b"\n".join(v.replace(b"\n", b" ") for v in values))
    broker = EmbeddedBroker(tmp_path / "broker", lib=broker_jars)
    with broker:
        broker.start()
        settings = Settings(
            broker=broker.bootstrap, path=tmp_path / "clickhouse", checkpoint_s=1.5, insert_s=0.3, flush_s=0.5
        )
        init(settings)
        pipeline = Pipeline(settings, tmp_path)
        chaos = [Chaos(pipeline.worker, WORKER_POINTS, 1), Chaos(pipeline.sink, SINK_POINTS, 2)]
        sender = threading.Thread(target=emit, args=(settings, [file]), kwargs={"limit_rate": RATE})
        try:
            pipeline.start()
            sender.start()
            for thread in chaos:
                thread.start()
            time.sleep(35)
            broker.stop()
            time.sleep(4)
            broker.start()
            sender.join(600)
            assert not sender.is_alive()
            deadline = time.monotonic() + 300
            while any(c.random_kills < KILLS or c._points for c in chaos) and time.monotonic() < deadline:
                time.sleep(0.5)
            pipeline.wait_drained(240)
            log = read_log(settings)
            for thread in chaos:
                thread.ended.set()
                thread.join(60)
            stop_worker(pipeline)
            found = differences(pipeline.settings, log)
        finally:
            for thread in chaos:
                thread.ended.set()
                thread.join(60)
            pipeline.stop()
    assert found == ""
    for thread in chaos:
        assert thread.random_kills >= KILLS
        assert thread.point_kills >= 2, f"{thread.name}: {thread.point_kills}"
    assert len(log) >= EVENTS
