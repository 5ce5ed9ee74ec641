"""A wrong export is told with what is wrong, where, and how to mend it; nothing half-made is left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli import app
from streams.importing.drafts import ExportError
from streams.importing.options import Options
from streams.importing.run import to_file
from tests.importing import exports
from tests.importing.reading import imported

pytestmark = pytest.mark.usefixtures("clean_environment")


def told(source: str, path: Path, options: Options | None = None) -> str:
    with pytest.raises(ExportError) as error:
        imported(source, path, options)
    return str(error.value)


@pytest.mark.parametrize("source", ["slack", "discord", "telegram", "irc", "csv"])
def test_a_file_that_is_not_there(source: str, tmp_path: Path) -> None:
    assert f"{tmp_path / 'none'}: no such file" in told(source, tmp_path / "none")


def test_slack(tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    file.write_text("hello")
    assert "neither a zip nor a folder" in told("slack", file)
    exports.slack_zip(file, {"users.json": []})
    assert "has no channels.json, so it is not a Slack export. Slack makes one under" in told("slack", file)
    folder = exports.slack_folder(tmp_path / "b", exports.SLACK)
    (folder / "general/2012-12-14.json").write_text('[{"type": "mess')
    text = told("slack", folder)
    assert "general/2012-12-14.json is not a list of JSON objects" in text
    assert "Unpack the export again" in text


def test_discord(tmp_path: Path) -> None:
    assert "has no .json files" in told("discord", tmp_path)
    file = tmp_path / "a.json"
    file.write_text("<html>")
    assert f"{file} is not whole JSON" in told("discord", file)
    assert "--format Json" in told("discord", file)
    file.write_text("{}")
    assert "names no channel" in told("discord", file)
    whole = exports.discord_file(file, [exports.discord_message(1)]).read_bytes()
    file.write_bytes(whole[:-40])
    assert "export it again" in told("discord", file)
    exports.discord_file(file, [exports.discord_message(1)])
    exports.discord_file(tmp_path / "b.json", [exports.discord_message(2)], id="501")
    text = told("discord", tmp_path)
    assert "two groups are called 'general' (500 and 501)" in text
    assert "--group-ids" in text
    assert imported("discord", tmp_path, Options(group_ids=True)).summary.groups == {"500", "501"}


def test_telegram(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text('{"name": "x"}')
    assert "has no messages: expected result.json of Telegram Desktop" in told("telegram", file)
    file.write_text('{"name": "x", "messages": [{"id"')
    assert "is not whole JSON" in told("telegram", tmp_path)


def test_irc(tmp_path: Path) -> None:
    file = tmp_path / "#c.log"
    file.write_text("[09:00:00] <ann> hi\n")
    text = told("irc", file)
    assert f"{file}, line 1 has a time and no date" in text
    assert "2026-01-31.log" in text
    file.write_text("hello\n")
    assert "no line of a member" in told("irc", file)
    for network in ("libera", "oftc"):
        (tmp_path / "logs" / network / "#c").mkdir(parents=True)
        (tmp_path / "logs" / network / "#c" / "2024-01-01.log").write_text("[09:00:00] <ann> hi\n")
    assert "two groups are called '#c' (libera/#c and oftc/#c)" in told("irc", tmp_path / "logs")


def test_csv(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("author,date\nann,2026-01-31\n")
    text = told("csv", file)
    assert "nothing says what the action is; its columns: author, date" in text
    assert "--set action=VALUE" in text
    assert "no column 'who' for user_id; its columns: author, date" in told(
        "csv", file, Options(columns={"user_id": "who"})
    )
    file.write_bytes(b"action,group_id,user_id,occurred_at\npost,g,M\xfcller,2026-01-31\n")
    assert "is not UTF-8" in told("csv", file)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["icq", "x"], "icq: there is slack, discord, telegram, irc, csv"),
        (["slack", "x"], "where to?"),
        (["slack", "x", "--emit", "--replay"], "where to?"),
        (["slack", "x", "--out", "-", "--zone", "Mars"], "--zone Mars: no such time zone"),
        (["slack", "x", "--out", "-", "--since", "yesterday"], "--since yesterday: give a day as 2026-01-31"),
        (["csv", "x", "--out", "-", "--map", "name=author"], "the contract has no field name"),
        (["csv", "x", "--out", "-", "--map", "user_id"], "give field=value"),
        (["csv", "x", "--out", "-", "--delimiter", ";;"], "one character"),
        (["slack", "x", "--out", "-", "--community", ""], "1 to 128 characters"),
    ],
)
def test_the_command_line(arguments: list[str], text: str) -> None:
    shown = CliRunner().invoke(app, ["import", *arguments])
    assert shown.exit_code == 1
    assert text in shown.stderr


def test_a_broken_export_leaves_no_file(tmp_path: Path) -> None:
    file = exports.telegram_file(tmp_path / "result.json", exports.telegram_chat(exports.TELEGRAM))
    file.write_bytes(file.read_bytes()[:-5])
    out = tmp_path / "out" / "events.ndjson"
    out.parent.mkdir()
    shown = CliRunner().invoke(app, ["import", "telegram", str(file), "--out", str(out)])
    assert shown.exit_code == 1
    assert list(out.parent.iterdir()) == []
    gone = CliRunner().invoke(app, ["import", "telegram", str(file), "--out", str(tmp_path / "no" / "x")])
    assert "can't be written" in gone.stderr


def test_the_summary_of_the_command(tmp_path: Path) -> None:
    export = exports.slack_zip(tmp_path / "export.zip")
    out = tmp_path / "events.ndjson"
    shown = CliRunner().invoke(app, ["import", "slack", str(export), "--out", str(out)])
    assert shown.exit_code == 0, shown.output
    assert "8 events of 3 people in 2 groups, 2012-12-13 to 2012-12-14" in shown.stdout
    assert "2 join, 1 leave, 3 post, 2 share" in shown.stdout
    rows = [line for line in shown.stdout.splitlines() if "subtype channel_topic" in line]
    assert len(rows) == 1
    assert "general/2012-12-14.json, message 7" in rows[0]
    assert len(out.read_text().splitlines()) == 8
    nothing = ["import", "slack", str(export), "--out", str(out), "--since", "2030-01-01"]
    late = CliRunner().invoke(app, nothing)
    assert late.exit_code == 1
    assert "nothing became an event" in late.stderr
    to_file("slack", export, Options(), out)
    piped = CliRunner().invoke(app, ["import", "slack", str(export), "--out", "-"])
    assert [json.loads(line) for line in piped.stdout.splitlines()] == [
        json.loads(line) for line in out.read_text().splitlines()
    ]
    assert "8 events" in piped.stderr
