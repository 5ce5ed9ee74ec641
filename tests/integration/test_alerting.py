"""From a gauge to a message: real Prometheus and Alertmanager as shipped, metrics made by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Gauge

from sinks.metrics import SinkMetrics
from streams.metrics import WorkerMetrics
from tests.integration.alerting import Alerting, MetricsPage, Webhook
from tests.prometheus_tools import PrometheusTools, prometheus_tools_fixture  # noqa: F401  a fixture


class Groups:
    """A worker's metrics with those of the stage groups."""

    def __init__(self) -> None:
        worker = WorkerMetrics()
        self.registry = worker.registry
        self.clock_age = worker.clock_age.labels("groups", "0")
        worker.clock.labels("groups", "0").set_function(time.time)
        self.clock_age.set(2)
        self.active = Gauge(
            "groupbeat_alert_active", "", ("rule", "community_id", "group_id", "severity"),
            registry=self.registry,
        )  # fmt: skip
        self.watched = Gauge("groupbeat_groups_watched", "", ("community_id",), registry=self.registry)
        self.silent = Gauge("groupbeat_groups_silent", "", ("community_id",), registry=self.registry)

    def opens(self, rule: str, community: str, group: str) -> None:
        """An alert of the stage opens."""
        self.active.labels(rule, community, group, "critical").set(1)

    def resolves(self, rule: str, community: str, group: str) -> None:
        """It resolves, and its gauge goes."""
        self.active.remove(rule, community, group, "critical")


@pytest.fixture
def groups() -> Groups:
    return Groups()


@pytest.fixture
def alerting(prometheus_tools: PrometheusTools, groups: Groups, tmp_path: Path) -> Iterator[Alerting]:
    """Both at work, scraping what `groups` says."""
    webhook, worker = Webhook(), MetricsPage(groups.registry)
    sink_metrics = SinkMetrics()
    sink_metrics.set_state("ok")
    sink = MetricsPage(sink_metrics.registry)
    try:
        with Alerting(
            prometheus_tools, tmp_path, worker_port=worker.port, sink_port=sink.port, webhook=webhook
        ) as running:
            yield running
    finally:
        for server in (webhook, worker, sink):
            server.close()


def test_a_group_falls_silent_and_speaks_again(alerting: Alerting, groups: Groups) -> None:
    groups.opens("group_silence", "runners", "g1")
    notice = alerting.wait_told("GroupSilent")
    assert notice.labels == {
        "alertname": "GroupSilent",
        "severity": "critical",
        "family": "group-silence",
        "rule": "group_silence",
        "community_id": "runners",
        "group_id": "g1",
    }
    assert notice.annotations["summary"] == "Group g1 has fallen silent"
    assert "Group g1 of community runners has had no post" in notice.annotations["description"]
    assert notice.annotations["runbook"] == "dashboards/runbooks/group-silence.md#groupsilent"
    assert not alerting.webhook.told("GroupSilent", "resolved")

    groups.resolves("group_silence", "runners", "g1")
    assert alerting.wait_told("GroupSilent", "resolved").labels == notice.labels
    assert len(alerting.webhook.notices) == 2


def test_behind_nothing_opens_and_nothing_resolves_until_a_minute_after(
    alerting: Alerting, groups: Groups
) -> None:
    groups.opens("group_silence", "runners", "g1")
    alerting.wait_told("GroupSilent")
    groups.clock_age.set(3_000)
    alerting.wait_until(lambda: bool(alerting.query("groupbeat:alerts_frozen")), "the alerts are frozen")
    groups.resolves("group_silence", "runners", "g1")
    groups.opens("churn_spike", "runners", "g2")
    seen = "count_over_time(groupbeat_alert_active{group_id='g2'}[1m]) > 5"
    alerting.wait_until(lambda: bool(alerting.query(seen)), "the gauge was scraped")
    assert [found["metric"]["group_id"] for found in alerting.query("groupbeat:alert_open")] == ["g1"]

    groups.clock_age.set(2)
    assert alerting.wait_told("GroupSilent", "resolved").labels["group_id"] == "g1"
    assert alerting.wait_told("ChurnSpike").labels["group_id"] == "g2"
    assert len(alerting.webhook.told("GroupSilent")) == 1


def test_a_silent_community_is_one_message(alerting: Alerting, groups: Groups) -> None:
    groups.watched.labels("runners").set(4)
    groups.silent.labels("runners").set(3)
    for group in ("g1", "g2", "g3"):
        groups.opens("group_silence", "runners", group)
        groups.opens("group_quiet", "runners", group)
    # Two of four of another community: their own alerts.
    groups.watched.labels("cooks").set(4)
    groups.silent.labels("cooks").set(2)
    for group in ("k1", "k2"):
        groups.opens("group_silence", "cooks", group)
        groups.opens("group_quiet", "cooks", group)

    notice = alerting.wait_told("CommunitySilent")
    assert notice.labels["community_id"] == "runners"
    assert notice.annotations["description"].startswith("75% of the watched groups of community runners")
    for group in ("k1", "k2"):
        alerting.wait_told("GroupSilent", group_id=group)
    for group in ("g1", "g2", "g3"):
        assert alerting.state("GroupSilent", group_id=group) == "suppressed"
    told = {(n.name, n.labels["community_id"]) for n in alerting.webhook.notices}
    assert told == {("CommunitySilent", "runners"), ("GroupSilent", "cooks")}

    # One of them posts: half is not more than half, and the other two are told.
    groups.resolves("group_silence", "runners", "g1")
    groups.resolves("group_quiet", "runners", "g1")
    groups.silent.labels("runners").set(2)
    alerting.wait_told("CommunitySilent", "resolved")
    for group in ("g2", "g3"):
        alerting.wait_told("GroupSilent", group_id=group)
    assert not alerting.webhook.told("GroupSilent", group_id="g1")
    assert not alerting.webhook.told("GroupQuiet")
