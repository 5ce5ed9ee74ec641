"""A rebuild of what worker and sink made of a real broker's log, and a worker that goes on from it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from schemas.actions import BY_USER, NOTE_SCHEMA, NOTES_HEADER
from schemas.rules import DAY_MS, Rules
from sinks.query import query
from streams.connection import KafkaError
from streams.emit import emit
from streams.flow import STAGES
from streams.packing import Record, pack_batch, unpack_batch
from streams.pipeline import Pipeline, environment
from streams.rebuild.stopped import stopped
from streams.sending import EventSender
from streams.settings import Settings
from streams.topics import init
from tests.generate import community, key_of
from tests.kafka_log import read_log, table
from tests.oracle import Entry, People, differing, judge, listed, read
from tests.rebuild_runs import START_MS, KeptLog, everything, lives, other_rules, plain, rebuilt

LATER = 10**9
"""Added to the offsets of Kafka's log where it goes on after those of the rebuild."""


@pytest.fixture
def local(settings: Settings, tmp_path: Path) -> Settings:
    """Topics made, an engine's folder of its own."""
    init(settings)
    return settings.model_copy(update={"path": tmp_path / "clickhouse", "checkpoint_s": 2.0})


@pytest.fixture
def pipeline(local: Settings, tmp_path: Path, kernels: None) -> Iterator[Pipeline]:
    """A worker and a sink under the rules that were, not started yet."""
    made = Pipeline(local, tmp_path)
    yield made
    made.stop()


def test_the_worker_goes_on_under_the_new_rules(
    pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = pipeline.settings
    pipeline.worker.start()
    _emit(settings, lives(41, 6_000), tmp_path)
    _wait_for_the_worker(pipeline)
    with pytest.raises(KafkaError, match=r"still at work: .*-users on .*\(group .*users\)"):
        stopped(settings, leave_s=0.0)
    pipeline.worker.stop()
    with pytest.raises(KafkaError, match="are not in ClickHouse yet: start the sink"):
        stopped(settings)
    pipeline.start()
    pipeline.wait_ready()
    pipeline.wait_drained()
    pipeline.stop()
    before = everything(settings)

    rules = other_rules(tmp_path)
    under = settings.model_copy(update={"rules": tmp_path / "rules.toml"})
    # Killed at the worst moment, the state new and the tables old: the old rows are there as they were.
    assert _killed(under, "rebuild.before_tables") == -9
    assert everything(settings) == before
    monkeypatch.setattr("streams.rebuild.recompute.LocalLog", KeptLog)
    KeptLog.made.clear()
    ends = stopped(settings).next_offsets
    done = rebuilt(under, rules)
    assert done.with_state and done.events == len(judge(read_log(settings), rules).accepted)
    assert plain(everything(settings)) != plain(before)
    _check_changelog(settings)
    made = KeptLog.made[0].actions()
    assert _differences(under, rules, {number: read(records) for number, records in made.items()}) == ""

    goes_on = Pipeline(under, tmp_path / "goes on")
    try:
        goes_on.start()
        goes_on.wait_ready()
        _go_on(goes_on, tmp_path)
        goes_on.worker.stop()
        goes_on.worker.start()  # its own checkpoints, over the rebuilt ones
        goes_on.wait_ready()
        goes_on.wait_drained()
        logs = _whole(settings, made, ends)
        assert _differences(goes_on.settings, rules, logs) == ""
        for number, end in ends.items():
            assert f"users/{number}: goes on from offset {end}" in goes_on.worker.log.read_text()
        _check_receipts(goes_on.settings)
    finally:
        goes_on.stop()


def _emit(settings: Settings, values: Sequence[bytes], folder: Path) -> int:
    file = folder / "events.ndjson"
    file.write_bytes(b"\n".join(value.replace(b"\n", b" ") for value in values))
    return emit(settings, [file]).sent


def _go_on(pipeline: Pipeline, folder: Path) -> None:
    """More of the same people, later, of one partition of events after the other.

    Of partitions that were idle the first to have events again goes ahead of the others, and how far is up
    to how they are read. Here only one has any.
    """
    settings = pipeline.settings
    sender = EventSender(settings, settings.partitions)
    for number in range(2):
        values = community(
            50 + number, 3_000, 150, 30, start_ms=START_MS + (300 + 31 * number) * DAY_MS, disorder=False
        )
        assert _emit(settings, [v for v in values if sender.partition_of(key_of(v)) == number], folder) > 300
        pipeline.wait_drained()


def _wait_for_the_worker(pipeline: Pipeline) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        lags = [s.value for s in pipeline.worker.metrics() if s.name == "groupbeat_lag_records"]
        if len(lags) == len(STAGES) * pipeline.settings.partitions and not any(lags):
            return
        time.sleep(0.2)
    raise AssertionError(f"the worker did not come to the end: {pipeline.worker.tail()}")


def _killed(settings: Settings, point: str) -> int:
    """Run the command until it kills itself at a point; how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", "rebuild", "--from-events"],
        env={**os.environ, **environment(settings), "GROUPBEAT_CRASH_AT": point},
        stdin=subprocess.DEVNULL,
        timeout=300,
    ).returncode


def _whole(
    settings: Settings, made: Mapping[int, Sequence[Record]], ends: Mapping[int, int]
) -> dict[int, list[Entry]]:
    """What each partition took in: what the rebuild gave it, and then its log from where that ended."""
    since: dict[int, list[Record]] = {number: [] for number in ends}
    for found in read_log(settings, BY_USER.topic):
        if found.offset >= ends[found.partition]:
            record = Record(
                found.offset + LATER, found.timestamp_ms, found.value, found.key, tuple(found.headers)
            )
            since[found.partition].append(_moved(record))
    assert all(since.values())
    return {number: read([*made[number], *since[number]]) for number in ends}


def _moved(record: Record) -> Record:
    """A message of notes whose causes have moved as all offsets have."""
    if NOTES_HEADER not in dict(record.headers):
        return record
    batch = unpack_batch(record.value or b"")
    columns = [pc.add(batch["source_offset"], LATER), *batch.columns[1:]]
    moved = pack_batch(pa.RecordBatch.from_arrays(columns, schema=NOTE_SCHEMA))
    return dataclasses.replace(record, value=moved)


def _differences(settings: Settings, rules: Rules, logs: Mapping[int, Sequence[Entry]]) -> str:
    """What differs between ClickHouse and the recompute under `rules`; empty for nothing."""
    judged = judge(read_log(settings), rules)
    final = max(judged.clock.values())
    people = People(judged, logs, final, rules)
    now = len(people.transitions)
    people.settle_all(final + 900_000)
    assert len(people.transitions) == now, "choose a log in which nothing falls due right after its end"

    def rows(name: str) -> list[dict[str, object]]:
        found = table(settings, name)
        if name == "users":
            return found
        return sorted(found, key=lambda row: (row["_partition"], row["_position"]))

    parts = differing(judged, people, logs, rows)
    for name in ("segment_transitions", "medals"):
        ((count, different),) = query(
            settings, f"SELECT count(), uniqExact(_partition, _position) FROM {name}"
        )[1]
        parts[f"positions of {name}"] = "" if count == different else f"{count} rows, {different} positions"
    return listed(parts)


def _check_changelog(settings: Settings) -> None:
    """Of each partition one state is left, and nothing of those before."""
    last = {record.key: record.value for record in read_log(settings, "users-checkpoints-changelog")}
    live = [key.decode().split("|") for key, value in last.items() if key and value is not None]
    written = {number: key.split("/")[1] for number, key in live if key.startswith("manifest/")}
    assert len(written) == len([key for _, key in live if key.startswith("manifest/")]) == settings.partitions
    blocks = [(number, key.split("/")[3]) for number, key in live if key.startswith("block/")]
    assert len(blocks) > settings.partitions
    assert all(written[number] == incarnation for number, incarnation in blocks)


def _check_receipts(settings: Settings) -> None:
    found = query(
        settings,
        "SELECT stage, sum(consumed), sum(accepted), sum(accepted + rejected + duplicate) "
        "FROM receipts GROUP BY stage ORDER BY stage",
    )[1]
    _, (_, of_groups, by_groups, _), (_, consumed, accepted, balanced), (_, of_users, taken, _) = found
    assert consumed == balanced == len(read_log(settings))
    assert accepted == of_users == taken == query(settings, "SELECT count() FROM events")[1][0][0]
    assert accepted == of_groups == by_groups
