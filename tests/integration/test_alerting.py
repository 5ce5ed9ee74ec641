"""From events to a message: a real worker, a real Prometheus and Alertmanager as shipped, and a webhook."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from schemas.rules import HOUR_MS
from schemas.silence_rules import Silence
from sinks.metrics import SinkMetrics
from sinks.query import query
from streams.alerts import AlertCollector, OpenAlerts
from streams.emit import emit
from streams.pipeline import Pipeline
from streams.settings import Settings
from streams.topics import init
from tests.integration.alerting import Alerting, MetricsPage, Webhook
from tests.prometheus_tools import PrometheusTools, prometheus_tools_fixture  # noqa: F401  a fixture

GROUP = {"community_id": "runners", "group_id": "g1"}
HISTORY_HOURS = 5 * 168
LEAST_SILENCE_MS = Silence().min_hours * HOUR_MS
SILENT_IN_MS = 30_000
"""Time for the worker to take the history in and for Prometheus to start, so that both see it happen."""


@pytest.fixture
def pipeline(settings: Settings, tmp_path: Path, kernels: None) -> Iterator[Pipeline]:
    """A worker and a sink, not started yet."""
    init(settings)
    made = Pipeline(settings.model_copy(update={"path": tmp_path / "clickhouse"}), tmp_path)
    yield made
    made.stop()


def post(at_ms: int, group: str, user: str) -> dict[str, str]:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {
        "event_id": f"{group}-{user}-{at_ms}", "action": "post", "community_id": "runners",
        "group_id": group, "user_id": user, "occurred_at": at,
    }  # fmt: skip


def history(end_ms: int) -> list[dict[str, str]]:
    """A post an hour for five weeks, now and then only one in two: six hours without one never happened."""
    hours = [hour for hour in range(HISTORY_HOURS, -1, -1) if hour % 7 != 3]
    return [post(end_ms - hour * HOUR_MS, "g1", f"u{hour % 8}") for hour in hours]


def send(settings: Settings, folder: Path, events: list[dict[str, str]]) -> None:
    file = folder / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    emit(settings, [file])


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_a_group_falls_silent_and_speaks_again(
    pipeline: Pipeline, prometheus_tools: PrometheusTools, tmp_path: Path
) -> None:
    pipeline.start()
    pipeline.wait_ready()
    silent_at = now_ms() + SILENT_IN_MS
    # Another group posts now, so the pipeline isn't behind; from here on time goes on with no event at all.
    pulse = post(now_ms(), "another", "u0")
    send(pipeline.settings, tmp_path, [*history(silent_at - LEAST_SILENCE_MS), pulse])
    pipeline.wait_drained()
    ports = {"worker_port": pipeline.worker.port, "sink_port": pipeline.sink.port}
    with (
        closing(Webhook()) as webhook,
        Alerting(prometheus_tools, tmp_path / "alerting", webhook=webhook, **ports) as alerting,
    ):
        notice = alerting.wait_told("GroupSilent")
        assert now_ms() > silent_at
        assert notice.labels == {
            "alertname": "GroupSilent",
            "severity": "critical",
            "family": "group-silence",
            "rule": "group_silence",
            **GROUP,
        }
        assert notice.annotations["summary"] == "Group g1 has fallen silent"
        assert "Group g1 of community runners has had no post" in notice.annotations["description"]
        assert notice.annotations["runbook"] == "dashboards/runbooks/group-silence.md#groupsilent"
        # It is quiet since the same moment: who is silent need not be called quiet, too.
        alerting.wait_until(lambda: alerting.state("GroupQuiet", **GROUP) == "suppressed", "held back")
        assert not webhook.told("GroupSilent", "resolved")

        speaks_at = now_ms()
        send(pipeline.settings, tmp_path, [post(speaks_at, "g1", "u1")])
        assert alerting.wait_told("GroupSilent", "resolved").labels == notice.labels
        assert [(n.name, n.status) for n in webhook.notices] == [
            ("GroupSilent", "firing"),
            ("GroupSilent", "resolved"),
        ]
    pipeline.wait_drained()
    gap_hours = (speaks_at - silent_at + LEAST_SILENCE_MS) / HOUR_MS
    silence = (silent_at, speaks_at, gap_hours)
    assert alerts_of(pipeline.settings) == {"group_silence": silence, "group_quiet": silence}


def alerts_of(settings: Settings) -> dict[str, tuple[int, int, float]]:
    """Of each alert in the tables when it opened and resolved (ms), and the hours of the gap."""
    sql = """
        SELECT rule, toUnixTimestamp64Milli(opened_at),
               toUnixTimestamp64Milli(assumeNotNull(resolved_at)), resolved_evidence
        FROM alerts
    """
    return {
        rule: (opened, resolved, json.loads(evidence)["gap_hours"])
        for rule, opened, resolved, evidence in query(settings, sql)[1]
    }


class Groups:
    """What a worker that is level exports of its groups, with alerts made by hand."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        clock = Gauge("groupbeat_clock_seconds", "", ("stage", "partition"), registry=self.registry)
        clock.labels("groups", "0").set_function(time.time)
        self.watched: dict[str, int] = {}
        self.silent: set[tuple[str, str]] = set()
        collector = AlertCollector(100)
        collector.watch("groups", 0, self._alerts)
        self.registry.register(collector)

    def _alerts(self) -> OpenAlerts:
        communities = [community for community, _ in self.silent]
        return OpenAlerts(
            [(*group, rule) for group in self.silent for rule in ("group_silence", "group_quiet")],
            self.watched,
            {community: communities.count(community) for community in communities},
        )


def test_a_silent_community_is_one_message(prometheus_tools: PrometheusTools, tmp_path: Path) -> None:
    groups, sink = Groups(), SinkMetrics()
    sink.set_state("ok")
    groups.watched = {"runners": 4, "cooks": 4}
    groups.silent = {
        ("runners", "g1"),
        ("runners", "g2"),
        ("runners", "g3"),
        ("cooks", "k1"),
        ("cooks", "k2"),
    }
    with (
        closing(Webhook()) as webhook,
        closing(MetricsPage(groups.registry)) as worker_page,
        closing(MetricsPage(sink.registry)) as sink_page,
        Alerting(
            prometheus_tools, tmp_path, webhook=webhook,
            worker_port=worker_page.port, sink_port=sink_page.port,
        ) as alerting,
    ):  # fmt: skip
        notice = alerting.wait_told("CommunitySilent")
        assert notice.labels["community_id"] == "runners"
        assert notice.annotations["description"].startswith("75% of the watched groups of community runners")
        # Half of the cooks are not more than half: their own alerts.
        for group in ("k1", "k2"):
            alerting.wait_told("GroupSilent", group_id=group)
        for group in ("g1", "g2", "g3"):
            assert alerting.state("GroupSilent", group_id=group) == "suppressed"
        assert told(webhook) == {("CommunitySilent", "runners"), ("GroupSilent", "cooks")}

        # One of the runners posts: no more than half, and the other two are told.
        groups.silent.remove(("runners", "g1"))
        alerting.wait_told("CommunitySilent", "resolved")
        for group in ("g2", "g3"):
            alerting.wait_told("GroupSilent", group_id=group)
        assert not webhook.told("GroupSilent", group_id="g1")
        assert not webhook.told("GroupQuiet")


def told(webhook: Webhook) -> set[tuple[Any, ...]]:
    return {(notice.name, notice.labels["community_id"]) for notice in webhook.notices}
