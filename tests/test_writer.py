"""Rows into a real ClickHouse engine exactly once, embedded and over HTTP."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from sinks.clickhouse import connect
from sinks.errors import SinkError
from sinks.migrate import create_views, migrate
from sinks.writer import NoHooks, Writer, WriterStopped
from streams.packing import Rows
from streams.settings import Settings
from tests.sink_rows import DECEMBER, NOVEMBER, receipts, transitions
from tests.sink_server import WRITER, Server

REPO = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    path = tmp_path_factory.mktemp("writer") / "clickhouse"
    with Server(path) as running:
        yield running, path


@pytest.fixture(params=["embedded", "http"])
def client(request: pytest.FixtureRequest, server: tuple[Server, Path]) -> Iterator[Client]:
    running, path = server
    if request.param == "embedded":
        settings = Settings(path=path)
    else:
        url = f"http://127.0.0.1:{running.port}"
        settings = Settings(clickhouse=url, clickhouse_user="writer", clickhouse_password=WRITER)
    opened = connect(settings)
    for (name,) in opened.query("SELECT name FROM system.tables WHERE database = 'groupbeat'").result_rows:
        opened.command(f"DROP TABLE {name} SYNC")
    migrate(opened)
    create_views(opened)
    yield opened
    opened.close()


def writer(client: Client, **options: Any) -> Writer:
    return Writer(client, epoch=uuid.uuid4().hex, sleep=lambda _: None, **options)


def there(client: Client) -> list[tuple[str, int]]:
    found = client.query("SELECT _partition, _position FROM segment_transitions ORDER BY 1, 2").result_rows
    return [(str(partition), int(position)) for partition, position in found]


def test_rows_go_in_once_however_often_they_come(client: Client) -> None:
    batches = [transitions("a", [1, 2, 3]), transitions("b", [7]), transitions("a", [2, 3, 4])]
    wanted = [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 7)]
    first = writer(client)
    first.write(batches)
    assert there(client) == wanted
    first.write(batches)
    writer(client).write([*batches, transitions("a", [1, 2, 3, 4, 5])])
    assert there(client) == [*wanted[:4], ("a", 5), ("b", 7)]
    assert writer(client).positions("segment_transitions") == {"a": 5, "b": 7}


def test_one_flush_of_one_month_is_one_part(client: Client) -> None:
    writer(client).write([transitions(f"users/{n % 4}", range(n * 100, n * 100 + 100)) for n in range(20)])
    parts = "SELECT partition, count() FROM system.parts WHERE active AND table = {t:String} GROUP BY 1"
    assert client.query(parts, parameters={"t": "segment_transitions"}).result_rows == [("202611", 1)]


class FailsAfter(NoHooks):
    """Stands for a sink that dies after so many inserts."""

    def __init__(self, inserts: int) -> None:
        self.left = inserts

    def inserted(self, table: str, rows: int, seconds: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("inserts", [1, 2, 3])
def test_dying_at_the_border_of_a_month_loses_nothing(client: Client, inserts: int) -> None:
    batches = [
        transitions("a", [1, 2, 3], [NOVEMBER, DECEMBER, NOVEMBER]),
        transitions("b", [1, 2], [NOVEMBER, DECEMBER]),
    ]
    with pytest.raises(KeyboardInterrupt):
        writer(client, hooks=FailsAfter(inserts)).write(batches)
    assert len(there(client)) < 5 or inserts == 3
    writer(client).write(batches)
    assert there(client) == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2)]


def fail_inserts(
    monkeypatch: pytest.MonkeyPatch, client: Client, errors: list[Exception], *, before: bool
) -> list[str]:
    """Make the next inserts fail, before or after they are done; give the tokens used."""
    real = client.insert_arrow
    tokens: list[str] = []

    def insert_arrow(table: str, rows: Any, settings: dict[str, Any]) -> None:
        assert settings["async_insert"] == 0
        tokens.append(settings["insert_deduplication_token"])
        if errors and before:
            raise errors.pop()
        real(table, rows, settings=settings)
        if errors:
            raise errors.pop()

    monkeypatch.setattr(client, "insert_arrow", insert_arrow)
    return tokens


@pytest.mark.parametrize("before", [True, False])
def test_a_lost_answer_neither_loses_nor_doubles(
    client: Client, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    errors: list[Exception] = [
        OperationalError("Connection reset by peer"),
        DatabaseError("Code: 252. DB::Exception: Too many parts", code=252),
    ]
    tokens = fail_inserts(monkeypatch, client, errors, before=before)
    kinds: list[str] = []

    class Hooks(NoHooks):
        def retried(self, kind: str) -> None:
            kinds.append(kind)

    under_test = writer(client, hooks=Hooks())
    under_test.write([transitions("a", [1], NOVEMBER), transitions("a", [2], DECEMBER)])
    assert there(client) == [("a", 1), ("a", 2)]
    assert len(set(tokens)) == len(tokens), "a token names one attempt"
    assert kinds == ["too_many_parts", "network"]
    assert (under_test.state, under_test.retries) == ("ok", 2)
    assert "Connection reset" in (under_test.last_error or "")


def test_what_a_person_must_mend_stops_with_a_message(client: Client) -> None:
    client.command("DROP TABLE segment_transitions SYNC")
    with pytest.raises(SinkError, match=r"segment_transitions.*migrations have not run"):
        writer(client).write([transitions("a", [1])])
    with pytest.raises(SinkError, match="'nonsense', which this groupbeat doesn't know"):
        writer(client).write([Rows("nonsense", "a", transitions("a", [1]).batch)])


def test_told_to_stop_while_retrying(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_inserts(monkeypatch, client, [OperationalError("gone") for _ in range(99)], before=True)
    told: list[int] = []

    def should_stop() -> bool:
        told.append(1)
        return len(told) > 5

    under_test = writer(client, should_stop=should_stop)
    with pytest.raises(WriterStopped, match="gone"):
        under_test.write([transitions("a", [1])])
    assert under_test.state == "retrying"


def test_pauses_grow_and_stay_below_the_longest(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_inserts(monkeypatch, client, [OperationalError("gone") for _ in range(12)], before=True)
    slept: list[float] = []
    starts: list[int] = []

    class Hooks(NoHooks):
        def retried(self, kind: str) -> None:
            starts.append(len(slept))

    Writer(client, epoch="e", hooks=Hooks(), sleep=slept.append, longest_pause_s=2.0).write(
        [transitions("a", [1])]
    )
    pauses = [sum(slept[a:b]) for a, b in zip(starts, [*starts[1:], len(slept)], strict=True)]
    assert len(pauses) == 12
    assert 0.05 <= pauses[0] <= 0.1 and all(1.0 <= pause <= 2.01 for pause in pauses[-6:])


def test_stale_snapshots_change_nothing(client: Client) -> None:
    under_test = writer(client)
    under_test.write([receipts(0, 10, version=5), receipts(1, 1, version=1)])
    under_test.write([receipts(0, 7, version=4), receipts(0, 10, version=5)])
    found = "SELECT partition, consumed FROM receipts ORDER BY 1"
    assert client.query(found).result_rows == [(0, 10), (1, 1)]
    writer(client).write([receipts(0, 12, version=6), receipts(0, 11, version=5)])
    assert client.query(found).result_rows == [(0, 12), (1, 1)]


def test_positions_are_answered_from_the_projection(client: Client) -> None:
    writer(client).write([transitions(f"p{n}", range(5000)) for n in range(3)])
    sql = "SELECT _partition, max(_position) FROM segment_transitions GROUP BY _partition"
    answer = client.query(sql, settings={"force_optimize_projection": 1}).result_rows
    assert {str(row[0]): row[1] for row in answer} == {"p0": 4999, "p1": 4999, "p2": 4999}


ROWS = 4000

CHILD = """
import sys, uuid
from pathlib import Path
from streams.settings import Settings
from sinks.clickhouse import connect
from sinks.migrate import migrate
from sinks.writer import Writer
from tests.sink_rows import DECEMBER, NOVEMBER, transitions
rows = int(sys.argv[2])
client = connect(Settings(path=Path(sys.argv[1])))
migrate(client)
columns = "_partition, count(), uniqExact(_position), min(_position), max(_position)"
for row in client.query(f"SELECT {columns} FROM segment_transitions GROUP BY 1").result_rows:
    print(*row)
print("ready", flush=True)
writer = Writer(client, epoch=uuid.uuid4().hex)
start = {p: max(0, writer.positions("segment_transitions").get(p, 0) - 30) for p in "abc"}
while start:  # each step replays some of the one before; the month changes in the middle of a step
    batches = []
    for p, n in start.items():
        span = range(n, min(n + 50, rows))
        batches.append(transitions(p, span, [DECEMBER if i >= 1015 else NOVEMBER for i in span]))
    writer.write(batches)
    start = {p: n + 40 for p, n in start.items() if n + 50 < rows}
client.close()
"""


def run_child(
    path: Path, environment: dict[str, str], kill_after_s: float | None = None
) -> tuple[int, dict[str, tuple[int, ...]]]:
    """How the child ended, and what it found when it began: rows, different positions, lowest, highest."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(ROWS)],
        cwd=REPO,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    found = {}
    with child.stdout:
        while (line := child.stdout.readline().split()) and line != ["ready"]:
            found[line[0]] = tuple(map(int, line[1:]))
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            child.kill()
        child.stdout.read()
    return child.wait(60), found


@pytest.mark.fault
def test_killed_at_any_moment_every_row_is_in_once(tmp_path: Path) -> None:
    """kill -9 at the points around an insert and at random moments, on one folder, one after the other."""
    path = tmp_path / "clickhouse"
    deaths: list[tuple[dict[str, str], float | None]] = [
        *(
            ({"GROUPBEAT_CRASH_AT": f"sink.{at}"}, None)
            for at in ("before_insert:1", "after_insert:1", "after_insert:7", "before_insert:30")
        ),
        *(({}, random.uniform(0.02, 0.25)) for _ in range(5)),
    ]
    for environment, after_s in deaths:
        code, found = run_child(path, environment, after_s)
        assert code == -signal.SIGKILL
        for partition, (count, different, lowest, highest) in found.items():
            assert count == different == highest + 1 and lowest == 0, partition
    assert run_child(path, {})[0] == 0
    code, found = run_child(path, {}, 0)
    assert found == dict.fromkeys("abc", (ROWS, ROWS, 0, ROWS - 1))
