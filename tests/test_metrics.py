"""The worker's metrics."""

from __future__ import annotations

import pytest
from prometheus_client import generate_latest

from streams.alerts import OpenAlerts
from streams.checkpoint import Written
from streams.metrics import WorkerMetrics
from streams.stage import Receipt
from tests.test_stage import Summing


def value(metrics: WorkerMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, {"stage": "intake", **labels})


def reducer(**receipt: int) -> Summing:
    made = Summing(0)
    made.receipt = Receipt(**receipt)
    return made


def outcomes(metrics: WorkerMetrics) -> dict[str, float | None]:
    names = ("accepted", "rejected", "duplicate", "skipped")
    return {name: value(metrics, "groupbeat_events_total", outcome=name) for name in names}


def test_outcomes_are_counted_from_the_receipts() -> None:
    metrics = WorkerMetrics()
    stage = metrics.stage("intake")
    stage.absorbed(0, 3, reducer(consumed=3, accepted=2, rejected=1))
    stage.absorbed(1, 1, reducer(consumed=1, duplicate=1))
    stage.absorbed(0, 2, reducer(consumed=5, accepted=3, rejected=2))
    assert outcomes(metrics) == {"accepted": 3, "rejected": 2, "duplicate": 1, "skipped": None}
    assert value(metrics, "groupbeat_records_total") == 6


def test_what_a_former_owner_counted_is_not_counted_again() -> None:
    metrics = WorkerMetrics()
    stage = metrics.stage("intake")
    stage.restored(0, reducer(consumed=1000, accepted=1000), 0.5)
    stage.absorbed(0, 1, reducer(consumed=1001, accepted=1001))
    assert outcomes(metrics)["accepted"] == 1
    assert value(metrics, "groupbeat_restore_seconds", partition="0") == 0.5


def test_lag_and_clock_are_of_the_last_tick() -> None:
    metrics = WorkerMetrics()
    one = reducer()
    one.held = 7
    metrics.stage("intake").ticked(2, 10, 4, one, 12.0)
    assert value(metrics, "groupbeat_held_actions", partition="2") == 7
    assert value(metrics, "groupbeat_lag_records", partition="2") == 6
    assert value(metrics, "groupbeat_clock_seconds", partition="2") == 0.005
    assert value(metrics, "groupbeat_clock_age_seconds", partition="2") == pytest.approx(11.995)


def test_stalled_is_what_has_a_lag_and_commits_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("streams.metrics.time.monotonic", lambda: now)
    metrics = WorkerMetrics()
    stage = metrics.stage("intake")
    for partition in (0, 1):
        stage.restored(partition, reducer(), 0.0)
    stage.ticked(0, 10, 4, reducer(), now)
    stage.ticked(1, 10, 10, reducer(), now)
    assert metrics.stalled(60) == []
    now += 61
    assert metrics.stalled(60) == ["intake/0: nothing committed for 61 s, 6 behind"]
    stage.ticked(0, None, 4, reducer(), now)
    assert value(metrics, "groupbeat_checkpoint_age_seconds", partition="0") == 61
    stage.checkpointed(0, Written(3, 100, 0.1))
    assert metrics.stalled(60) == []
    assert value(metrics, "groupbeat_checkpoint_blocks_total") == 3
    assert value(metrics, "groupbeat_checkpoint_bytes_total") == 100


def test_a_dropped_partition_leaves_no_gauge_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("streams.metrics.time.monotonic", lambda: now)
    metrics = WorkerMetrics()
    stage = metrics.stage("intake")
    for partition in (0, 1):
        stage.restored(partition, reducer(), 0.0)
        stage.ticked(partition, 10, 4, reducer(), now)
        stage.checkpointed(partition, Written(1, 1, 0.1))
        stage.absorbed(partition, 1, reducer(consumed=1, accepted=1))
    stage.dropped(0)
    text = generate_latest(metrics.registry).decode()
    assert 'partition="0"' not in text
    assert text.count('partition="1"') == 7
    now += 1000
    assert len(metrics.stalled(60)) == 1
    stage.dropped(0)  # a partition may be dropped that never said anything


def test_stages_have_one_registry() -> None:
    metrics = WorkerMetrics()
    assert metrics.stage("intake") is metrics.stage("intake")
    metrics.stage("users").lost(0, 5)
    metrics.stage("intake").flushed(7, 0.01)
    assert metrics.registry.get_sample_value("groupbeat_lost_records_total", {"stage": "users"}) == 5
    assert value(metrics, "groupbeat_flush_rows_total") == 7


class Alerting(Summing):
    """A reducer of a group with an open alert."""

    def alerts(self) -> OpenAlerts:
        return OpenAlerts([("c", "g", "group_silence")], {"c": 1}, {"c": 1})


def test_alerts_are_shown_as_long_as_their_partition_is_ours() -> None:
    metrics = WorkerMetrics()
    stage = metrics.stage("groups")
    stage.restored(0, Alerting(0), 0.0)
    labels = {
        "rule": "group_silence", "community_id": "c", "group_id": "g", "content_id": "",
        "severity": "critical",
    }  # fmt: skip
    assert metrics.registry.get_sample_value("groupbeat_alert_active", labels) == 1
    metrics.stage("users").dropped(0)  # the partition of another stage
    assert metrics.registry.get_sample_value("groupbeat_alert_active", labels) == 1
    stage.dropped(0)
    assert metrics.registry.get_sample_value("groupbeat_alert_active", labels) is None
