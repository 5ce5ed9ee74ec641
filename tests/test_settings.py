"""Settings: where they come from, what is refused, and that secrets stay secret."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from streams.cli import app
from streams.pipeline import environment
from streams.settings import Settings

pytestmark = pytest.mark.usefixtures("clean_environment")
SECRET = "hunter2-not-to-be-seen"
SECRETS = ("sasl_password", "clickhouse_password", "http_password")


@pytest.fixture
def with_secrets(clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in SECRETS:
        monkeypatch.setenv(f"GROUPBEAT_{name.upper()}", SECRET)
    return Settings()


def test_secrets_are_never_shown(with_secrets: Settings) -> None:
    for name in SECRETS:
        assert getattr(with_secrets, name).get_secret_value() == SECRET
    assert SECRET not in f"{with_secrets!r} {with_secrets} {with_secrets.model_dump()} {vars(with_secrets)}"
    shown = CliRunner().invoke(app, ["settings"])
    assert shown.exit_code == 0
    assert SECRET not in shown.output
    assert "GROUPBEAT_SASL_PASSWORD=**********" in shown.output


def test_a_wrong_setting_does_not_show_the_others(
    with_secrets: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROUPBEAT_SECURITY_PROTOCOL", "SASL_SSL")  # and no user name
    with pytest.raises(ValidationError, match="needs GROUPBEAT_SASL_USERNAME") as caught:
        Settings()
    assert SECRET not in f"{caught.value} {caught.value!r}"
    with pytest.raises(ValidationError) as caught:
        Settings(sasl_password=[SECRET])
    assert SECRET not in str(caught.value)


def test_a_child_gets_the_same_settings_secrets_included(
    with_secrets: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = with_secrets.model_copy(update={"rules": Path("my rules.toml"), "flush_s": 0.25})
    given = environment(mine)
    assert given["GROUPBEAT_SASL_PASSWORD"] == SECRET
    assert "GROUPBEAT_CLICKHOUSE" not in given
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Settings() == mine


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"broker": "nowhere"}, "broker.*'nowhere' is not host:port"),
        ({"broker": "a:1,b:x"}, "broker.*'b:x' is not host:port"),
        ({"security_protocol": "TLS"}, "security_protocol.*'PLAINTEXT'"),
        ({"security_protocol": "SASL_SSL"}, "needs GROUPBEAT_SASL_USERNAME and GROUPBEAT_SASL_PASSWORD"),
        ({"topic_prefix": "a b"}, "topic_prefix.*pattern"),
        ({"partitions": 0}, "partitions.*greater than or equal to 1"),
        ({"checkpoint_s": "soon"}, "checkpoint_s.*valid number"),
        ({"database": "x; DROP"}, "database.*pattern"),
        ({"worker_port": 70_000}, "worker_port.*65535"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_wrong_value_says_which_and_what_it_should_be(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=f"(?s){told}"):
        Settings(**wrong)


def test_flags_go_before_the_environment_before_the_file_before_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "my.env"
    file.write_text("GROUPBEAT_DATABASE=from_file\nGROUPBEAT_FLUSH_S=2\nGROUPBEAT_INSERT_S=3\nOTHER=1\n")
    monkeypatch.setitem(Settings.model_config, "env_file", str(file))
    monkeypatch.setenv("GROUPBEAT_FLUSH_S", "4")
    monkeypatch.setenv("GROUPBEAT_INSERT_S", "5")
    found = Settings(insert_s=6)
    assert (found.database, found.flush_s, found.insert_s) == ("from_file", 4, 6)
    assert found.checkpoint_s == 10


def test_servers_topics_and_names() -> None:
    found = Settings(broker="a:1, b:2", topic_prefix="x.", worker_port=1234)
    assert found.servers == ["a:1", "b:2"]
    assert found.topic("events") == "x.events"
    assert found.instance_id.endswith("-1234")
    assert Settings(worker_id="seven").instance_id == "seven"


def test_tls_is_used_only_where_asked_for() -> None:
    assert Settings().ssl_context() is None
    context = Settings(security_protocol="SSL").ssl_context()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
