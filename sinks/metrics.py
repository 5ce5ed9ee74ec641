"""Every metric of the sink: its name, labels and help, once."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

STATES = ("starting", "ok", "retrying", "stopped", "failed")


class SinkMetrics:
    """The sink's metrics in `registry`; the hooks of `sinks.writer` among them."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()

        def counter(name: str, doc: str, *labels: str) -> Counter:
            return Counter(f"groupbeat_sink_{name}", doc, labels, registry=self.registry)

        def gauge(name: str, doc: str, *labels: str) -> Gauge:
            return Gauge(f"groupbeat_sink_{name}", doc, labels, registry=self.registry)

        self.rows = counter("rows", "Rows inserted into ClickHouse", "table")
        self.inserts = counter("inserts", "Inserts answered by ClickHouse", "table")
        self.insert_seconds = Histogram(
            "groupbeat_sink_insert_seconds",
            "How long an insert took until ClickHouse answered",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
            registry=self.registry,
        )
        self.skipped_rows = counter("skipped_rows", "Rows that were in ClickHouse already: replays", "table")
        self.retries = counter("retries", "Attempts that failed in a way that can pass", "kind")
        self.lost = counter(
            "lost_messages", "Messages that left the topic before they were read: retention", "partition"
        )
        self.positions = gauge("position", "Highest position in the table", "table", "partition")
        self.lag = gauge("lag", "Messages of the topic of rows whose rows are not in ClickHouse yet")
        self.states = gauge("state", "1 for the state that the sink is in", "state")
        self.state = "starting"
        self.set_state("starting")

    def set_state(self, state: str) -> None:
        """The sink is in `state` now, one of `STATES`."""
        self.state = state
        for each in STATES:
            self.states.labels(each).set(each == state)

    def inserted(self, table: str, rows: int, seconds: float) -> None:
        """An insert of `rows` rows was answered after `seconds`."""
        self.rows.labels(table).inc(rows)
        self.inserts.labels(table).inc()
        self.insert_seconds.observe(seconds)

    def skipped(self, table: str, rows: int) -> None:
        """Rows that were in the table already."""
        self.skipped_rows.labels(table).inc(rows)

    def retried(self, kind: str) -> None:
        """An attempt failed in a way that can pass."""
        self.retries.labels(kind).inc()
        self.set_state("retrying")

    def position(self, table: str, partition: str, position: int) -> None:
        """The highest position of a `_partition` in a table is now this."""
        self.positions.labels(table, partition).set(position)
