"""Files go out whole, in the order of time, byte for byte; what failed is told with what got through."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.broker import EmbeddedBroker
from streams.connection import KafkaError
from streams.emit import FileError, Progress, SendError, emit, read_events
from streams.ndjson import shifter
from streams.rejected import RejectedRow, replay_rejected
from streams.settings import Settings
from streams.topics import init


def event(second: float, user: str = "ann", **more: object) -> bytes:
    at = datetime(2026, 1, 31, 9, 0, tzinfo=UTC) + timedelta(seconds=second)
    return json.dumps(
        {"user_id": user, "occurred_at": at.isoformat(timespec="milliseconds"), **more}
    ).encode()


def write(path: Path, lines: Sequence[bytes]) -> Path:
    data = b"\n".join(lines) + b"\n"
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def consumed(settings: Settings, count: int) -> list[Any]:
    """The first `count` records of the topic of events, partition by partition."""
    from aiokafka import AIOKafkaConsumer

    from streams.connection import aiokafka_config

    async def read() -> list[Any]:
        consumer = AIOKafkaConsumer(
            settings.topic("events"), auto_offset_reset="earliest", **aiokafka_config(settings)
        )
        await consumer.start()
        records: list[Any] = []
        try:
            async with asyncio.timeout(20):
                while len(records) < count:
                    batches = await consumer.getmany(timeout_ms=200)
                    records += [record for batch in batches.values() for record in batch]
        finally:
            await consumer.stop()
        return sorted(records, key=lambda record: (record.partition, record.offset))

    return asyncio.run(read())


def test_one_file_goes_out_as_it_is(tmp_path: Path) -> None:
    lines = [event(5, "bob"), b"not json", event(3), b'{"user_id": 7}', b'{"user_id":"\xff"}', b"[]"]
    file = write(tmp_path / "a.ndjson", [lines[0], b"", b"  ", *lines[1:]])
    keys = [b"bob", b"", b"ann", b"", b"", b""]
    assert list(read_events([file])) == list(zip(keys, lines, strict=True))
    windows = tmp_path / "b.ndjson"
    windows.write_bytes(b"\r\n".join(lines))
    assert [value for _, value in read_events([windows])] == lines


def test_several_files_are_merged_by_time(tmp_path: Path) -> None:
    a = write(tmp_path / "a.ndjson", [b"first of all", event(1), event(4), b"wrong, behind 4", event(8)])
    b = write(tmp_path / "b.ndjson.gz", [event(2), event(4, "bob"), event(9)])
    assert [value for _, value in read_events([a, b])] == [
        b"first of all",
        event(1),
        event(2),
        event(4),
        b"wrong, behind 4",
        event(4, "bob"),
        event(8),
        event(9),
    ]


def test_a_file_out_of_order_is_sorted_when_merged(tmp_path: Path) -> None:
    newest_first = write(tmp_path / "a.ndjson", [event(9), event(5), b"wrong, behind 5", event(1)])
    other = write(tmp_path / "b.ndjson", [event(2), event(7)])
    seconds = [value for _, value in read_events([newest_first, other])]
    assert seconds == [event(1), event(2), event(5), b"wrong, behind 5", event(7), event(9)]


def test_standard_input_beside_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(event(2) + b"\n" + event(4))))
    file = write(tmp_path / "a.ndjson", [event(1), event(3)])
    assert [value for _, value in read_events([file, Path("-")])] == [
        event(second) for second in (1, 2, 3, 4)
    ]
    with pytest.raises(FileError, match="once"):
        read_events([Path("-"), Path("-")])


@pytest.mark.parametrize(
    "spoil", [lambda data: data[: len(data) // 2], lambda data: b"plain", lambda data: data[:20] + b"\0" * 40]
)
def test_a_file_that_cannot_be_read(spoil: Callable[[bytes], bytes], tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson.gz"
    file.write_bytes(spoil(gzip.compress(b"".join(event(second) for second in range(500)))))
    with pytest.raises(FileError, match=re.escape(f"{file} can't be read")):
        list(read_events([file]))
    with pytest.raises(FileError, match="missing"):
        list(read_events([tmp_path / "missing"]))
    with pytest.raises(FileError, match="no files"):
        read_events([])


MOMENT = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
    lambda at: at.isoformat(timespec="milliseconds")
)


@given(MOMENT, st.sampled_from(["Z", "+00:00", "+05:30", "-08:00", "z"]), st.integers(-(10**8), 10**8))
def test_shifting_keeps_every_other_byte(at: str, offset: str, seconds: int) -> None:
    text = '{"a" : "\\"occurred_at\\":", "occurred_at" :  "%s" , "é":[1.50e3]}'
    moved = shifter(timedelta(seconds=seconds))((text % (at + offset)).encode()).decode()
    expected = datetime.fromisoformat(at) + timedelta(seconds=seconds)
    assert moved == text % (expected.isoformat(timespec="milliseconds") + offset)


@pytest.mark.parametrize(
    "odd",
    [
        b'{"occurred_at":"2026-02-31T00:00:00Z"}',
        b'{"occurred_at":5}',
        b"x",
        b'{"occurred_at":"9999-12-31T23:59:59Z"}',
    ],
)
def test_shifting_leaves_what_is_no_time(odd: bytes) -> None:
    assert shifter(timedelta(days=3))(odd) == odd


def test_emit_sends_all_in_order(settings: Settings, tmp_path: Path) -> None:
    init(settings)
    lines = [event(second, f"user{second % 7}", text="x" * (second % 300)) for second in range(3000)]
    lines[100] = b"not an event"
    file = write(tmp_path / "a.ndjson.gz", lines)
    told: list[Progress] = []
    report = emit(settings, [file], progress=told.append)
    assert (report.sent, report.per_file) == (3000, {str(file): 3000})
    assert told[-1] == Progress(3000, 3000, 3000)
    records = consumed(settings, 3000)
    assert sorted(record.value for record in records) == sorted(lines)
    partition_of = {}
    for user in range(7):
        mine = [record for record in records if record.key == f"user{user}".encode()]
        assert [record.value for record in mine] == [
            line for second, line in enumerate(lines) if second % 7 == user and second != 100
        ]
        partition_of[mine[0].key] = {record.partition for record in mine}
    # Java's default partitioner: murmur2("user0") over 4 partitions, and so on
    from kafka.partitioner.default import murmur2

    assert partition_of == {key: {(murmur2(key) & 0x7FFFFFFF) % 4} for key in partition_of}
    assert all(record.timestamp_type == 1 for record in records)  # the broker's time


def test_shift_to_now(settings: Settings, tmp_path: Path) -> None:
    init(settings)
    a = write(tmp_path / "a.ndjson", [event(0), event(30.25), b"wrong"])
    b = write(tmp_path / "b.ndjson", [event(10.5)])
    before = datetime.now(UTC)
    report = emit(settings, [a, b], shift_to_now=True)
    assert report.shift.microseconds == 0
    times = [
        datetime.fromisoformat(json.loads(record.value)["occurred_at"])
        for record in consumed(settings, 4)
        if record.value != b"wrong"
    ]
    assert before - timedelta(seconds=1) <= max(times) <= datetime.now(UTC)
    assert [at - min(times) for at in sorted(times)] == [timedelta(seconds=s) for s in (0, 10.5, 30.25)]


def test_a_rate_is_kept(settings: Settings, tmp_path: Path) -> None:
    init(settings)
    file = write(tmp_path / "a.ndjson", [event(second) for second in range(400)])
    start = time.monotonic()
    assert emit(settings, [file], limit_rate=400).sent == 400
    assert 0.9 < time.monotonic() - start < 3
    with pytest.raises(ValueError, match="more than 0"):
        emit(settings, [file], limit_rate=0)


def test_a_message_too_large_is_told_and_what_was_before_it_is_sent(
    settings: Settings, tmp_path: Path
) -> None:
    init(settings)
    large, too_large = b"x" * 900_000, b"x" * 1_100_000
    file = write(tmp_path / "a.ndjson", [event(1), large, event(2), too_large, event(3)])
    with pytest.raises(
        SendError, match=r"3 messages were sent, then: .*a\.ndjson, message 4: 1100000 bytes"
    ) as told:
        emit(settings, [file])
    assert told.value.sent == 3
    assert {record.value for record in consumed(settings, 3)} == {event(1), large, event(2)}


def test_without_topics(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(KafkaError, match="groupbeat init"):
        emit(settings, [write(tmp_path / "a.ndjson", [event(1)])])


def test_the_broker_goes_away(
    broker_jars: Path, tmp_path: Path, clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.sending.DELIVERY_TIMEOUT_S", 2)
    monkeypatch.setattr("streams.sending.CLOSE_TIMEOUT_S", 1)
    file = write(tmp_path / "a.ndjson", [event(second) for second in range(2000)])
    with EmbeddedBroker(tmp_path / "data", lib=broker_jars) as own:
        settings = Settings(broker=own.bootstrap)
        init(settings)

        def kill(progress: Progress) -> None:
            if progress.read > 1000:
                own.kill()

        with pytest.raises(
            SendError, match=r"^\d+ messages were sent .*then: no answer .*check GROUPBEAT_BROKER"
        ) as told:
            emit(settings, [file], limit_rate=2000, progress=kill)
        assert 500 <= told.value.sent < 2000


def test_rejected_messages_go_back_to_their_partition(settings: Settings) -> None:
    init(settings)
    rows = [RejectedRow(3, 41, b"key", b"payload"), RejectedRow(0, 7, None, b"other")]
    told: list[int] = []
    assert replay_rejected(settings, rows, progress=told.append) == 2
    assert told[-1] == 2
    assert [(r.partition, r.key, r.value, r.headers) for r in consumed(settings, 2)] == [
        (0, None, b"other", (("replay-of", b"7"),)),
        (3, b"key", b"payload", (("replay-of", b"41"),)),
    ]
    with pytest.raises(
        SendError, match=r"1 messages were sent, then: .*partition 4, offset 9: .* has 4 partitions"
    ):
        replay_rejected(settings, [rows[0], RejectedRow(4, 9, None, b"x")])
