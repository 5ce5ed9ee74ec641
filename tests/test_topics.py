"""Topics are made on purpose, found again, never altered; errors say what to check."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from streams.connection import connected_admin
from streams.settings import Settings
from streams.topics import (
    KafkaError,
    KafkaUnavailable,
    changelog_topic,
    init,
    log_identity,
    topic_specs,
)


def test_names_and_kinds(clean_environment: None) -> None:
    settings = Settings(topic_prefix="p-", partitions=3)
    specs = {spec.name: spec for spec in topic_specs(settings, routed=("user", "group", "content"))}
    assert list(specs) == [
        "p-events",
        "p-actions-by-user",
        "p-actions-by-group",
        "p-actions-by-content",
        "p-rows",
        "p-intake-checkpoints-changelog",
        "p-users-checkpoints-changelog",
        "p-groups-checkpoints-changelog",
        "p-chains-checkpoints-changelog",
    ]
    assert all(spec.partitions == 3 and spec.doc for spec in specs.values())
    assert specs["p-events"].config["message.timestamp.type"] == "LogAppendTime"
    assert specs["p-events"].config["retention.ms"] == str(7 * 86_400_000)
    assert specs[changelog_topic(settings, "users")].config["cleanup.policy"] == "compact"


def test_replicated_topics_want_two_copies_of_each_write(clean_environment: None) -> None:
    assert all(spec.config["min.insync.replicas"] == "2" for spec in topic_specs(Settings(replication=3)))
    assert all("min.insync.replicas" not in spec.config for spec in topic_specs(Settings(replication=1)))


def test_init_creates_once(settings: Settings) -> None:
    assert {report.outcome for report in init(settings)} == {"created"}
    again = init(settings)
    assert {report.outcome for report in again} == {"present"}
    assert [report.name for report in again] == [spec.name for spec in topic_specs(settings)]


def test_init_creates_only_what_is_missing(settings: Settings) -> None:
    init(settings, routed=("user", "group"))
    more = init(settings)
    assert [report.name for report in more if report.outcome == "created"] == [
        settings.topic("actions-by-content")
    ]


def test_other_partitions_and_settings_are_reported_and_left(settings: Settings) -> None:
    with connected_admin(settings) as admin:
        admin.create_topics(
            {settings.topic("events"): {"num_partitions": 2, "replication_factor": 1, "configs": {}}},
            wait_for_metadata=True,
        )
    for _ in range(2):
        report = init(settings)[0]
        assert report.outcome == "differs"
        found = {each.setting: (each.found, each.ours) for each in report.differences}
        assert found["partitions"] == ("2", "4")
        assert found["message.timestamp.type"] == ("CreateTime", "LogAppendTime")
        assert "retention.ms" not in found  # the broker's default is what we want
        assert "partitions is 2, ours 4" in str(report)


def test_a_topic_that_the_broker_refuses(settings: Settings) -> None:
    too_many = settings.model_copy(update={"replication": 3})
    with pytest.raises(KafkaError, match="replication factor of 3 cannot be reached"):
        init(too_many)


def test_identity_tells_a_recreated_topic(settings: Settings) -> None:
    with pytest.raises(KafkaError, match="groupbeat init"):
        log_identity(settings)
    init(settings)
    before = log_identity(settings)
    assert before == log_identity(settings)
    with connected_admin(settings) as admin:
        admin.delete_topics([settings.topic("rows")])
        wait_until_gone(admin, settings.topic("rows"))
    assert [report.name for report in init(settings) if report.outcome == "created"] == [
        settings.topic("rows")
    ]
    after = log_identity(settings)
    assert set(before) == {"cluster", "events", "rows"}
    assert (after["cluster"], after["events"]) == (before["cluster"], before["events"])
    assert after["rows"] != before["rows"]


def wait_until_gone(admin: Any, topic: str) -> None:
    """A deletion is answered before every part of the broker knows of it."""
    deadline = time.monotonic() + 10
    while topic in admin.list_topics():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nobody_there(clean_environment: None) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{held.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(KafkaUnavailable, match=rf"{address}.*refused.*GROUPBEAT_BROKER"):
            init(Settings(broker=address))
        assert time.monotonic() - start < 10


@pytest.fixture
def mute() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
def test_somebody_mute(
    mute: str, protocol: str, clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.connection.CONNECT_TIMEOUT_S", 1.0)
    monkeypatch.setattr("streams.connection.ANSWER_TIMEOUT_S", 2.0)
    start = time.monotonic()
    with pytest.raises(KafkaUnavailable, match=rf"{mute}.*(?s:.)*check GROUPBEAT_BROKER"):
        init(Settings.model_validate({"broker": mute, "security_protocol": protocol}))
    assert time.monotonic() - start < 5
