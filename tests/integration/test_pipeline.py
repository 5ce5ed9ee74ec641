"""Whole pipelines: real broker, worker and sink processes, real engine, compared with the batch recompute."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.query import query
from streams.emit import emit
from streams.pipeline import Child, Pipeline
from streams.rejected import replay_rejected
from streams.report import rejected_rows
from streams.settings import Settings
from streams.topics import init
from tests.generate import community
from tests.kafka_log import differences, read_log, stop_worker

DATA = Path(__file__).parents[2] / "data"
START_MS = 1_700_000_000_000


@pytest.fixture
def local(settings: Settings, tmp_path: Path) -> Settings:
    """Topics made, an engine's folder of its own."""
    init(settings)
    return settings.model_copy(update={"path": tmp_path / "clickhouse", "checkpoint_s": 2.0})


@pytest.fixture
def pipeline(local: Settings, tmp_path: Path, kernels: None) -> Iterator[Pipeline]:
    """A worker and a sink, not started yet."""
    made = Pipeline(local, tmp_path)
    yield made
    made.stop()


def test_the_real_data_through_kafka(pipeline: Pipeline) -> None:
    pipeline.start()
    report = emit(pipeline.settings, sorted(DATA.glob("*.ndjson.gz")))
    assert report.sent == 94_429
    pipeline.wait_ready()
    pipeline.wait_drained()
    stop_worker(pipeline)
    assert differences(pipeline.settings, read_log(pipeline.settings)) == ""
    ((consumed, balanced),) = query(
        pipeline.settings,
        "SELECT sum(consumed), sum(accepted + rejected + duplicate) FROM receipts WHERE stage = 'intake'",
    )[1]
    assert consumed == balanced == 94_429


def test_refused_events_come_in_once_after_a_fix(pipeline: Pipeline, tmp_path: Path) -> None:
    settings = pipeline.settings
    file = tmp_path / "events.ndjson"
    values = community(3, 3_000, 100, 60, start_ms=START_MS)
    file.write_bytes(b"\n".join(v.replace(b"\n", b" ") for v in values))
    pipeline.sink.start()
    pipeline.worker.start(GROUPBEAT_MAX_EVENT_BYTES="256")
    emit(settings, [file])
    pipeline.wait_ready()
    pipeline.wait_drained()
    stop_worker(pipeline)
    assert differences(settings, read_log(settings), max_event_bytes=256) == ""
    refused = query(settings, "SELECT count() FROM rejected WHERE reason = 'too_large'")[1][0][0]
    assert refused > 50
    everything = query(settings, "SELECT count() FROM rejected")[1][0][0]

    # The fix: the limit is what the contract says. Replayed twice at once, and once more later.
    pipeline.worker.start()
    pipeline.wait_ready()
    rows = list(rejected_rows(settings))
    assert len(rows) == everything
    assert replay_rejected(settings, rows) == replay_rejected(settings, rows) == everything
    pipeline.wait_drained()
    first = query(
        settings,
        "SELECT count(), uniqExact(source_partition, replay_of) FROM events WHERE replay_of IS NOT NULL",
    )[1]
    assert first[0][0] == first[0][1] > 50
    before = query(settings, "SELECT count() FROM events")[1][0][0]
    # What was refused again may be tried again; what came in may not.
    came_in = set(
        query(settings, "SELECT source_partition, replay_of FROM events WHERE replay_of IS NOT NULL")[1]
    )
    again = [(row.partition, row.offset) for row in rejected_rows(settings)]
    assert again and not came_in & set(again)
    replay_rejected(settings, rejected_rows(settings))
    pipeline.wait_drained()
    assert query(settings, "SELECT count() FROM events")[1][0][0] == before
    balance = query(
        settings, "SELECT count() FROM receipts WHERE consumed != accepted + rejected + duplicate"
    )
    assert balance[1] == [(0,)]


def test_two_workers_give_what_one_gives(pipeline: Pipeline, tmp_path: Path) -> None:
    """A second worker joins while events flow, leaves, joins again, and is killed."""
    settings = pipeline.settings
    file = tmp_path / "events.ndjson"
    values = community(17, 120_000, 2_000, 200, start_ms=START_MS)
    file.write_bytes(b"\n".join(v.replace(b"\n", b" ") for v in values))
    second = Child(
        "worker", settings.model_copy(update={"worker_port": 0, "worker_id": "second"}), 0,
        log=tmp_path / "second.log", extra={},
    )  # fmt: skip
    sender = threading.Thread(target=emit, args=(settings, [file]), kwargs={"limit_rate": 3_000.0})
    try:
        pipeline.start()
        pipeline.wait_ready()
        sender.start()
        time.sleep(5)
        second.start()
        time.sleep(15)
        second.stop()
        assert second.exit_code == 0, second.tail()
        time.sleep(3)
        second.start()
        time.sleep(15)
        second.kill()
        sender.join(300)
        assert not sender.is_alive()
        pipeline.wait_drained()
        assert "goes on from offset" in second.log.read_text(), "the second worker never had a partition"
        stop_worker(pipeline)
        log = read_log(settings)
        assert len(log) == sum(bool(value.strip()) for value in values), "the sender gave up"
        assert differences(settings, log) == ""
    finally:
        sender.join(60)
        second.kill()
