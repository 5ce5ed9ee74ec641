"""Importing twice changes nothing: neither a file, nor a database, nor what Kafka brings to one."""

from __future__ import annotations

import gzip
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from streams.emit import read_events
from streams.importing.options import Options
from streams.importing.run import to_file, to_kafka
from streams.settings import Settings
from streams.topics import init
from tests.importing import exports
from tests.test_cli import REPO, groupbeat, told
from tests.test_emit import consumed

DATA = REPO / "data/slack-houstondatavis.ndjson.gz"


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exports.slack_zip(tmp_path_factory.mktemp("slack") / "export.zip")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of the size of a real one, with what really happened in it."""
    return exports.real_slack_zip(tmp_path_factory.mktemp("real") / "export.zip", DATA)


@pytest.fixture(scope="module")
def database(real: Path) -> Path:
    """The folder of the engine after the import that README shows."""
    done = readme("groupbeat import", real)
    assert done.returncode == 0, done.stderr
    assert "1,348 events of 71 people in 16 groups, 2015-06-06 to 2016-07-27" in done.stdout
    assert "320 join, 3 leave, 964 post, 61 share" in done.stdout
    return real.parent / "clickhouse"


def readme(command: str, export: Path) -> subprocess.CompletedProcess[str]:
    """Run the command of README's second section that begins so, with this export, as it stands there."""
    section = (REPO / "README.md").read_text("utf-8").split("\n## ")[1]
    assert section.startswith("See your own community in ten minutes")
    [line] = [line for line in section.splitlines() if line.startswith(f".venv/bin/{command}")]
    _, *words = shlex.split(line, comments=True)
    places = {"~/Downloads/export.zip": str(export), "review.html": str(export.parent / "review.html")}
    return groupbeat(
        *(places.get(word, word) for word in words), GROUPBEAT_PATH=str(export.parent / "clickhouse")
    )


def rows(folder: Path, sql: str) -> list[dict[str, object]]:
    done = groupbeat("sql", "--path", str(folder), "--format", "json", sql)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_same_bytes_each_time(export: Path, tmp_path: Path) -> None:
    for name in ("a.ndjson.gz", "b.ndjson.gz"):
        to_file("slack", export, Options(), tmp_path / name)
    assert (tmp_path / "a.ndjson.gz").read_bytes() == (tmp_path / "b.ndjson.gz").read_bytes()
    to_file("slack", export, Options(), tmp_path / "c.ndjson")
    assert gzip.decompress((tmp_path / "a.ndjson.gz").read_bytes()) == (tmp_path / "c.ndjson").read_bytes()


def test_readme_leads_from_an_export_to_the_review(real: Path, database: Path) -> None:
    shown = readme("groupbeat group", real)
    assert shown.returncode == 0, shown.stderr
    assert "general in mine" in shown.stdout
    asked = readme("groupbeat sql", real)
    assert asked.returncode == 0, asked.stderr
    assert "lost" in asked.stdout
    reviewed = readme("groupbeat review", real)
    assert reviewed.returncode == 0, reviewed.stderr
    assert "<html" in (database.parent / "review.html").read_text("utf-8")


def test_a_second_replay_is_refused_and_changes_nothing(real: Path, database: Path) -> None:
    second = readme("groupbeat import", real)
    assert second.returncode == 1
    assert "has events already" in second.stderr
    assert "nothing was changed" in second.stderr
    found = rows(database, "SELECT action, count() AS n FROM events GROUP BY action")
    counts = {row["action"]: int(str(row["n"])) for row in found}
    assert counts == {"join": 320, "leave": 3, "post": 964, "share": 61}


def test_what_the_database_has_is_not_sent_again(real: Path, database: Path) -> None:
    # Nothing is left to send, so no broker is needed: its address leads nowhere.
    arguments = ["import", "slack", str(real), "--emit", "--broker", "127.0.0.1:1", "--path", str(database)]
    done = groupbeat(*arguments, "--community", "mine")
    assert done.returncode == 0, done.stderr
    assert "none of them new" in done.stdout
    assert "in the database already" in done.stdout
    # Of another community these are other events.
    assert "127.0.0.1:1" in told(*arguments, "--community", "swimmers")


def test_a_database_that_does_not_answer_is_told(export: Path, tmp_path: Path) -> None:
    from streams.importing.run import already_there

    settings = Settings(path=tmp_path, clickhouse="http://127.0.0.1:1")
    ids, note = already_there(settings, "runners")
    assert ids == set()
    assert note is not None
    assert "counts again" in note


def test_the_events_are_in_kafka(settings: Settings, export: Path, tmp_path: Path) -> None:
    init(settings)
    summary = to_kafka("slack", export, Options(), settings.model_copy(update={"path": tmp_path / "none"}))
    assert summary.events == 8
    to_file("slack", export, Options(), tmp_path / "events.ndjson")
    expected = sorted(read_events([tmp_path / "events.ndjson"]))
    assert sorted((record.key, record.value) for record in consumed(settings, 8)) == expected


def test_a_large_file_does_not_grow_in_memory(tmp_path: Path) -> None:
    """Peaks of memory of two imports, one of ten times the messages, in processes of their own."""
    script = (
        "import sys, tracemalloc\nfrom pathlib import Path\nfrom streams.importing.drafts import Summary\n"
        "from streams.importing.options import Options\nfrom streams.importing import telegram\n"
        "tracemalloc.start()\n"
        "count = sum(1 for _ in telegram.read(Path(sys.argv[1]), Options(), Summary()))\n"
        "print(count, tracemalloc.get_traced_memory()[1])"
    )
    peaks = []
    for count in (200, 4_000):
        text = {"type": "plain", "text": "x" * 500}
        messages = [
            {"id": number, "type": "message", "date_unixtime": "1704099600", "from": "A", "from_id": "user1",
             "text": [text]}
            for number in range(count)
        ]  # fmt: skip
        file = exports.telegram_file(tmp_path / f"{count}.json", exports.telegram_chat(messages))
        done = subprocess.run(
            [sys.executable, "-c", script, str(file)], capture_output=True, text=True, check=True
        )
        drafts, peak = map(int, done.stdout.split())
        assert drafts == count
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 500_000  # the larger file has 2 MB of text
