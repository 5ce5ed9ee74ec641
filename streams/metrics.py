"""Every metric of the worker: its name, labels and help, once.

The sink's are in ``sinks/metrics.py``. Ages are seconds, computed when scraped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.alerts import AlertCollector, AlertSource

if TYPE_CHECKING:
    from streams.checkpoint import Written
    from streams.stage import Receipt, Reducer

_PARTITION = ("stage", "partition")


class WorkerMetrics:
    """All metrics of one worker process, in one registry."""

    def __init__(self, alerts_shown: int = 1000) -> None:
        """`alerts_shown`: the most open alerts of one rule."""
        self.registry = registry = CollectorRegistry()
        self.alerts = AlertCollector(alerts_shown)
        registry.register(self.alerts)
        self.events = Counter(
            "groupbeat_events",
            "Events consumed, by what became of them",
            ("stage", "outcome"),
            registry=registry,
        )
        self.records = Counter("groupbeat_records", "Log records absorbed", ("stage",), registry=registry)
        self.lag = Gauge(
            "groupbeat_lag_records", "Records in the log not absorbed yet", _PARTITION, registry=registry
        )
        self.clock = Gauge(
            "groupbeat_clock_seconds", "Stream clock, Unix time", _PARTITION, registry=registry
        )
        self.held = Gauge(
            "groupbeat_held_actions", "Actions in memory that wait for those before them", _PARTITION,
            registry=registry,
        )  # fmt: skip
        self.clock_age = Gauge(
            "groupbeat_clock_age_seconds", "Wall clock minus stream clock", _PARTITION, registry=registry
        )
        self.checkpoint_at = Gauge(
            "groupbeat_checkpoint_timestamp_seconds", "When the last checkpoint was acknowledged, Unix time",
            _PARTITION, registry=registry,
        )  # fmt: skip
        self.checkpoint_age = Gauge(
            "groupbeat_checkpoint_age_seconds", "Seconds since then", _PARTITION, registry=registry
        )
        self.checkpoint_bytes = Counter(
            "groupbeat_checkpoint_bytes", "Bytes written to the changelog", ("stage",), registry=registry
        )
        self.checkpoint_blocks = Counter(
            "groupbeat_checkpoint_blocks", "Blocks written to the changelog", ("stage",), registry=registry
        )
        self.checkpoint_seconds = Histogram(
            "groupbeat_checkpoint_seconds", "Time a checkpoint took", ("stage",), registry=registry
        )
        self.restore_seconds = Gauge(
            "groupbeat_restore_seconds", "Time to put a partition's state back", _PARTITION, registry=registry
        )
        self.flush_rows = Counter("groupbeat_flush_rows", "Snapshot rows sent", ("stage",), registry=registry)
        self.flush_seconds = Histogram(
            "groupbeat_flush_seconds", "Time a flush took", ("stage",), registry=registry
        )
        self.lost = Counter(
            "groupbeat_lost_records", "Records that had left the log before they were read", ("stage",),
            registry=registry,
        )  # fmt: skip
        self.stages: dict[str, StageMetrics] = {}

    def stage(self, name: str) -> StageMetrics:
        """The metrics of one stage."""
        return self.stages.setdefault(name, StageMetrics(self, name))

    def stalled(self, limit_s: float) -> list[str]:
        """The stages' partitions that have a lag and have not committed for `limit_s` seconds."""
        return [text for stage in self.stages.values() for text in stage.stalled(limit_s)]


class StageMetrics:
    """What one stage reports, partition by partition."""

    def __init__(self, worker: WorkerMetrics, name: str) -> None:
        self._worker = worker
        self._name = name
        self._seen: dict[int, Receipt] = {}
        self._committed: dict[int, float] = {}
        self._lag: dict[int, int] = {}
        self._watched: set[int] = set()

    def absorbed(self, partition: int, records: int, reducer: Reducer) -> None:
        """A batch went through."""
        worker, receipt = self._worker, reducer.receipt
        worker.records.labels(self._name).inc(records)
        before = self._seen.get(partition)
        for outcome in ("accepted", "rejected", "duplicate", "skipped"):
            more = getattr(receipt, outcome) - (getattr(before, outcome) if before else 0)
            if more > 0:
                worker.events.labels(self._name, outcome).inc(more)
        self._seen[partition] = type(receipt)(**vars(receipt))

    def ticked(
        self, partition: int, end: int | None, next_offset: int, reducer: Reducer, wall_s: float
    ) -> None:
        """Where the partition stands now."""
        labels = (self._name, str(partition))
        if end is not None:
            self._lag[partition] = max(0, end - next_offset)
            self._worker.lag.labels(*labels).set(self._lag[partition])
        self._worker.held.labels(*labels).set(reducer.held)
        if reducer.clock_ms >= 0:
            self._worker.clock.labels(*labels).set(reducer.clock_ms / 1000)
            self._worker.clock_age.labels(*labels).set(wall_s - reducer.clock_ms / 1000)
        if partition in self._committed:
            self._worker.checkpoint_age.labels(*labels).set(time.monotonic() - self._committed[partition])

    def checkpointed(self, partition: int, written: Written) -> None:
        """A checkpoint is durable."""
        self._committed[partition] = time.monotonic()
        self._worker.checkpoint_at.labels(self._name, str(partition)).set(time.time())
        self._worker.checkpoint_bytes.labels(self._name).inc(written.bytes)
        self._worker.checkpoint_blocks.labels(self._name).inc(written.blocks)
        self._worker.checkpoint_seconds.labels(self._name).observe(written.seconds)

    def restored(self, partition: int, reducer: Reducer, seconds: float) -> None:
        """A partition's state was put back. Its figures so far were counted by whoever had it before."""
        receipt = reducer.receipt
        self._committed[partition] = time.monotonic()
        self._seen[partition] = type(receipt)(**vars(receipt))
        if isinstance(reducer, AlertSource):
            self._worker.alerts.watch(self._name, partition, reducer.alerts)
            self._watched.add(partition)
        self._worker.restore_seconds.labels(self._name, str(partition)).set(seconds)

    def flushed(self, rows: int, seconds: float) -> None:
        """Snapshots went out."""
        self._worker.flush_rows.labels(self._name).inc(rows)
        self._worker.flush_seconds.labels(self._name).observe(seconds)

    def lost(self, partition: int, records: int) -> None:
        """Records left the log before they were read."""
        self._worker.lost.labels(self._name).inc(records)

    def dropped(self, partition: int) -> None:
        """The partition is no longer ours."""
        for gauge in (
            self._worker.lag, self._worker.held, self._worker.clock, self._worker.clock_age,
            self._worker.checkpoint_at, self._worker.checkpoint_age, self._worker.restore_seconds,
        ):  # fmt: skip
            gauge.remove_by_labels({"stage": self._name, "partition": str(partition)})
        for kept in (self._seen, self._committed, self._lag):
            kept.pop(partition, None)
        if partition in self._watched:
            self._watched.remove(partition)
            self._worker.alerts.forget(self._name, partition)

    def stalled(self, limit_s: float) -> list[str]:
        """See `WorkerMetrics.stalled`."""
        now = time.monotonic()
        return [
            f"{self._name}/{partition}: nothing committed for {now - at:.0f} s, "
            f"{self._lag.get(partition, 0)} behind"
            for partition, at in self._committed.items()
            if now - at > limit_s and self._lag.get(partition, 0) > 0
        ]
