"""The sink as a whole, on a real broker: in once, at once, and again after it was killed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sinks.access import access_file, read_access
from sinks.query import query
from streams.packing import Message, Rows
from streams.settings import Settings
from tests.sink_rows import receipts, transitions

REPO = Path(__file__).parent.parent

CHILD = """
import asyncio, sys, logging
logging.basicConfig(level="INFO", stream=sys.stderr)
from streams.settings import Settings
from sinks.consumer import main
asyncio.run(main(Settings.model_validate_json(sys.argv[1])))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def sink_settings(settings: Settings, tmp_path: Path) -> Settings:
    from streams.topics import init

    mine = settings.model_copy(
        update={
            "path": tmp_path / "clickhouse",
            "http_port": free_port(),
            "sink_port": free_port(),
            "partitions": 2,
        }
    )
    init(mine)
    return mine


@contextmanager
def running(settings: Settings, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    log = settings.path.parent / "sink.log"
    with log.open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, settings.model_dump_json()],
            cwd=REPO, env={**os.environ, **environment}, stderr=out,
        )  # fmt: skip
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
        if child.wait(30) not in (0, -signal.SIGKILL, -signal.SIGTERM):
            print(log.read_text()[-3000:])


def health(settings: Settings, path: str = "health") -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{settings.sink_port}/{path}", timeout=2) as answer:
        text = answer.read().decode()
    return json.loads(text) if path == "health" else text


def wait_for(check: Any, seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while True:
        try:
            if found := check():
                return found
        except (OSError, urllib.error.URLError):
            pass
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class Producer:
    """Sends rows to the topic, in order."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topic("rows")
        self._settings = settings

    def send(self, *rows: tuple[Rows, int]) -> None:
        asyncio.run(self._send([each.pack(self._topic, target) for each, target in rows]))

    async def _send(self, messages: list[Message]) -> None:
        from aiokafka import AIOKafkaProducer

        async with AIOKafkaProducer(
            bootstrap_servers=self._settings.broker, enable_idempotence=True
        ) as producer:
            for message in messages:
                await producer.send(
                    message.topic, message.value, partition=message.partition, headers=list(message.headers)
                )
            await producer.flush()


def counted(settings: Settings) -> list[tuple[Any, ...]]:
    sql = (
        "SELECT _partition, count(), uniqExact(_position), max(_position) FROM segment_transitions "
        "GROUP BY 1 ORDER BY 1"
    )
    return [tuple(row) for row in query(settings, sql)[1]]


def metric(settings: Settings, series: str) -> float:
    """The value of one series of the sink's metrics; 0 while there is none."""
    lines: str = health(settings, "metrics")
    return next(
        (float(line.split()[-1]) for line in lines.splitlines() if line.startswith(f"{series} ")), 0.0
    )


def test_rows_arrive_at_once_and_can_be_asked_for(sink_settings: Settings) -> None:
    producer = Producer(sink_settings)
    with running(sink_settings) as child:
        wait_for(lambda: health(sink_settings)["state"] == "ok")
        access = read_access(sink_settings.path)
        assert access is not None and access.pid == child.pid
        assert stat.S_IMODE(access_file(sink_settings.path).stat().st_mode) == 0o600
        producer.send((transitions("users/0", range(10)), 0), (transitions("users/1", range(5)), 1))
        wait_for(lambda: counted(sink_settings) == [("users/0", 10, 10, 9), ("users/1", 5, 5, 4)])
        time.sleep(1.2)
        wait_for(lambda: health(sink_settings)["lag"] == 0)
        skipped = 'groupbeat_sink_skipped_rows_total{table="segment_transitions"}'
        read_again = metric(sink_settings, skipped)  # if Kafka moved partitions while the sink began
        producer.send((receipts(0, 4, 1), 0), (transitions("users/0", range(8, 12)), 0))
        wait_for(lambda: query(sink_settings, "SELECT consumed FROM receipts")[1] == [(4,)])
        wait_for(lambda: counted(sink_settings)[0] == ("users/0", 12, 12, 11))
        wait_for(lambda: health(sink_settings)["lag"] == 0)
        log = sink_settings.path.parent / "sink.log"
        assert metric(sink_settings, skipped) == read_again + 2, log.read_text()
        metrics = health(sink_settings, "metrics")
        for line in (
            'groupbeat_sink_rows_total{table="segment_transitions"} 17.0',
            'groupbeat_sink_position{partition="users/0",table="segment_transitions"} 11.0',
            "groupbeat_sink_lag 0.0",
            'groupbeat_sink_state{state="ok"} 1.0',
        ):
            assert line in metrics
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    assert not access_file(sink_settings.path).exists()
    assert counted(sink_settings)[0] == ("users/0", 12, 12, 11)
    assert access.password not in log.read_text()


@pytest.mark.fault
def test_killed_around_inserts_while_rows_flow(sink_settings: Settings) -> None:
    producer = Producer(sink_settings)
    stop = threading.Event()
    sent = [0]

    def flow() -> None:
        while not stop.is_set():
            n = sent[0]
            producer.send(*[(transitions(f"users/{p}", range(max(0, n - 20), n + 100)), p) for p in (0, 1)])
            sent[0] = n + 100
            time.sleep(0.05)

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        for at in ("sink.after_insert:2", "sink.before_insert:3", "sink.after_insert:1"):
            with running(sink_settings, GROUPBEAT_CRASH_AT=at) as child:
                assert child.wait(40) == -signal.SIGKILL
        with running(sink_settings) as child:
            wait_for(lambda: health(sink_settings)["state"] == "ok")
            time.sleep(0.5)
            child.kill()
    finally:
        stop.set()
        thread.join()
    with running(sink_settings):
        wanted = [(f"users/{p}", sent[0], sent[0], sent[0] - 1) for p in (0, 1)]
        wait_for(lambda: health(sink_settings)["state"] == "ok")
        wait_for(lambda: counted(sink_settings) == wanted, 40)


def test_a_message_of_somebody_else_stops_the_sink_by_name(sink_settings: Settings) -> None:
    Producer(sink_settings)
    with running(sink_settings) as child:
        wait_for(lambda: health(sink_settings)["state"] == "ok")
        asyncio.run(Producer(sink_settings)._send([Message(sink_settings.topic("rows"), 1, b"what", ())]))
        assert child.wait(20) == 1
    told = (sink_settings.path.parent / "sink.log").read_text()
    assert (
        f"topic {sink_settings.topic('rows')}, partition 1, offset 0: packed message of version None" in told
    )


def test_an_empty_database_gets_every_row_whatever_was_committed_for_the_one_before(
    sink_settings: Settings,
) -> None:
    producer = Producer(sink_settings)
    with running(sink_settings):
        wait_for(lambda: health(sink_settings)["state"] == "ok")
        producer.send((transitions("users/0", range(10)), 0))
        wait_for(lambda: counted(sink_settings) == [("users/0", 10, 10, 9)])
        wait_for(lambda: health(sink_settings)["lag"] == 0)
    shutil.rmtree(sink_settings.path)
    with running(sink_settings):
        wait_for(lambda: health(sink_settings)["state"] == "ok")
        producer.send((transitions("users/0", range(10, 12)), 0))
        wait_for(lambda: counted(sink_settings) == [("users/0", 12, 12, 11)])
