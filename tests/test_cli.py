"""The command line, as a person meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from schemas.events import ACTIONS
from streams.cli import app

REPO = Path(__file__).parent.parent
pytestmark = pytest.mark.usefixtures("clean_environment")
EVENT = {"group_id": "g1", "occurred_at": "2026-01-31T09:30:00Z"}


def groupbeat(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own: the engine opens one folder a process."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GROUPBEAT_")}
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", *arguments],
        cwd=REPO,
        env={**clean, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=400,
    )


def told(*arguments: str, **environment: str) -> str:
    """What a command that fails says, for people: a line, and no traceback."""
    done = groupbeat(*arguments, **environment)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_help_lists_every_command_with_what_it_does() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    for command in app.registered_commands:
        assert command.callback is not None
        assert command.callback.__doc__
        assert f" {command.name or command.callback.__name__} " in shown.output
    assert len(app.registered_commands) >= 11


def test_schema_prints_the_json_schema_of_every_action() -> None:
    shown = CliRunner().invoke(app, ["schema"])
    assert shown.exit_code == 0
    schema = json.loads(shown.output)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert set(schema["discriminator"]["mapping"]) == set(ACTIONS)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database made by a replay of a small file."""
    folder = tmp_path_factory.mktemp("replay")
    lines = [
        {"event_id": "1", "action": "join", "user_id": "ann", **EVENT},
        {"event_id": "2", "action": "post", "user_id": "[/b] it's bob [red]", **EVENT},
        {"event_id": "2", "action": "post", "user_id": "[/b] it's bob [red]", **EVENT},
        {"event_id": "3", "action": "dance", "user_id": "ann", **EVENT},
    ]
    (folder / "events.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = groupbeat("replay", str(folder / "events.ndjson"), "--path", str(folder / "db"))
    assert done.returncode == 0, done.stderr
    assert "4 events replayed" in done.stdout
    return folder


def rows(path: Path, sql: str) -> list[dict[str, Any]]:
    done = groupbeat("sql", "--path", str(path / "db"), "--format", "json", sql)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_replay_can_be_asked_about_in_sql(replayed: Path) -> None:
    assert rows(replayed, "SELECT user_id, segment, joins + posts AS n FROM users ORDER BY n, user_id") == [
        {"user_id": "[/b] it's bob [red]", "segment": "new", "n": 1},
        {"user_id": "ann", "segment": "new", "n": 1},
    ]
    assert rows(replayed, "SELECT reason FROM rejected") == [{"reason": "wrong_shape"}]


def test_what_apps_send_is_shown_as_it_is(replayed: Path) -> None:
    shown = groupbeat("sql", "--path", str(replayed / "db"), "SELECT user_id AS `[b]` FROM users")
    assert shown.returncode == 0, shown.stderr
    assert "[/b] it's bob [red]" in shown.stdout
    assert "2 rows" in shown.stdout


def test_the_receipt_of_a_replay_balances(replayed: Path) -> None:
    shown = groupbeat("receipt", "--path", str(replayed / "db"))
    assert shown.returncode == 0, shown.stderr
    [in_all] = [line for line in shown.stdout.splitlines() if "intake" in line and " 4 " in line][-1:]
    assert [cell.strip() for cell in in_all.strip("│ ").split("│")][:5] == ["intake", "4", "2", "1", "1"]


def test_a_second_replay_into_one_database_is_refused(replayed: Path) -> None:
    text = told("replay", str(replayed / "events.ndjson"), "--path", str(replayed / "db"))
    assert "has events already" in text
    assert "--path" in text


def test_only_reading_is_allowed(replayed: Path) -> None:
    assert "only reading is allowed" in told("sql", "--path", str(replayed / "db"), "DROP TABLE events")


def test_errors_say_what_is_wrong(tmp_path: Path) -> None:
    missing = tmp_path / "[none].ndjson"
    assert str(missing) in told("replay", str(missing), "--path", str(tmp_path / "db"))
    assert "no database yet" in told("sql", "--path", str(tmp_path / "empty"), "SELECT 1")
    assert "choose table, csv or json" in told("sql", "--format", "xml", "SELECT 1")


def test_a_wrong_rules_file_is_told_by_name(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("late_dayz = 3\n")
    events = tmp_path / "events.ndjson"
    events.write_text("")
    text = told("replay", str(events), "--path", str(tmp_path / "db"), GROUPBEAT_RULES=str(rules))
    assert f"{rules}:1: late_dayz: no such setting; did you mean late_days?" in text


@pytest.mark.parametrize("command", ["init", "worker", "up", "settings"])
def test_a_wrong_setting_is_told_by_name(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPBEAT_BROKER", "nowhere")
    monkeypatch.setenv("GROUPBEAT_SASL_PASSWORD", "hunter2")
    shown = CliRunner().invoke(app, [command])
    assert shown.exit_code == 1
    assert "broker: Value error, 'nowhere' is not host:port" in shown.stderr
    assert "hunter2" not in shown.output


def test_an_unknown_stage_is_told_with_those_there_are() -> None:
    shown = CliRunner().invoke(app, ["worker", "--stages", "intake,chess"])
    assert shown.exit_code == 1
    assert "no stage 'chess': there are intake, users" in shown.stderr
