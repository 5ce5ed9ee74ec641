"""What docker-compose.yml runs: users of ClickHouse, start scripts, settings of Kafka, steps of the image."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from streams.settings import Settings
from tests.clickhouse_users import MIGRATE, run_as

REPO = Path(__file__).parent.parent
DEPLOY = REPO / "deploy"
KAFKA = DEPLOY / "kafka/server.properties"
LOGIN = "a-long-password"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engine whose database the writer has made."""
    folder = tmp_path_factory.mktemp("users") / "engine"
    views = len(list((REPO / "sinks/views").glob("*.sql")))
    migrations = len(list((REPO / "sinks/migrations").glob("*.sql")))
    [at_first, again, *rest] = run_as(
        "writer",
        folder,
        [
            MIGRATE,
            MIGRATE,
            "INSERT INTO log_identity (name, identity) SELECT 'cluster', 'c1'",
            "SELECT count() FROM log_identity",
            # what `groupbeat rebuild` does
            "CREATE TABLE beside AS medals",
            "EXCHANGE TABLES medals AND beside",
            "DROP TABLE beside",
        ],
    )
    assert (at_first, again) == (f"{migrations} {views}", f"0 {views}")
    assert rest[1] == "1"
    assert "ACCESS_DENIED" not in rest
    return folder


def test_the_writer_does_what_the_sink_does_and_nothing_else(engine: Path) -> None:
    refused = [
        "DROP DATABASE groupbeat",
        "CREATE DATABASE other",
        "CREATE TABLE default.t (a UInt8) ENGINE = MergeTree ORDER BY a",
        "TRUNCATE TABLE events",
        "ALTER TABLE events DELETE WHERE 1",
        "ALTER TABLE events DROP PARTITION 202601",
        "CREATE TABLE t (a UInt8) ENGINE = File('CSV')",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
        "CREATE USER other",
        "GRANT SELECT ON groupbeat.* TO default",
        "SYSTEM SHUTDOWN",
        "CREATE FUNCTION f AS x -> x",
    ]
    assert dict(zip(refused, run_as("writer", engine, refused), strict=True)) == dict.fromkeys(
        refused, "ACCESS_DENIED"
    )


def test_the_reader_reads_and_nothing_else(engine: Path) -> None:
    allowed = ["SELECT identity FROM log_identity", "SELECT count() FROM users", "SHOW TABLES LIKE 'events'"]
    assert run_as("reader", engine, allowed) == ["c1", "0", "events"]
    refused = [
        "INSERT INTO log_identity (name, identity) SELECT 'a', 'b'",
        "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TEMPORARY TABLE t (a UInt8)",
        "ALTER TABLE events ADD COLUMN a UInt8",
        "DROP TABLE events",
        "DROP VIEW users",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
        "SELECT * FROM system.users",
        "CREATE USER other",
    ]
    told = dict(zip(refused, run_as("reader", engine, refused), strict=True))
    assert told == dict.fromkeys(refused, "ACCESS_DENIED")


def test_the_reader_has_limits_that_it_can_only_lower(engine: Path) -> None:
    statements = {
        "SELECT getSetting('max_execution_time')": "60",
        "SELECT getSetting('max_memory_usage')": str(4 << 30),
        "SELECT getSetting('max_result_bytes')": str(1 << 30),
        "SET readonly = 0": "READONLY",
        "SET max_execution_time = 0": "SETTING_CONSTRAINT_VIOLATION",
        "SET max_execution_time = 61": "SETTING_CONSTRAINT_VIOLATION",
        "SELECT 1 SETTINGS max_execution_time = 61": "SETTING_CONSTRAINT_VIOLATION",
        "SET max_memory_usage = 0": "SETTING_CONSTRAINT_VIOLATION",
        "SET max_result_bytes = 0": "SETTING_CONSTRAINT_VIOLATION",
        "SET max_concurrent_queries_for_user = 0": "SETTING_CONSTRAINT_VIOLATION",
        # what clients set by themselves: Grafana's plugin, JDBC
        "SELECT getSetting('max_execution_time') SETTINGS max_execution_time = 30": "30",
        "SELECT getSetting('async_insert') SETTINGS async_insert = 0, max_result_rows = 5": "false",
    }
    assert run_as("reader", engine, list(statements)) == list(statements.values())


@pytest.mark.parametrize("user", ["writer", "reader"])
def test_users_log_in_with_their_password(user: str, tmp_path: Path) -> None:
    # The engine logs in with an empty one, which is the right one for all other tests here.
    with pytest.raises(RuntimeError, match="AUTHENTICATION_FAILED"):
        run_as(user, tmp_path / "engine", [], password=LOGIN)


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    "writer, told",
    [(LOGIN, ""), ("short", "fewer than 12"), ("", "fewer than 12"), (None, "clickhouse_writer")],
)
def test_clickhouse_starts_with_hashed_passwords_or_not_at_all(
    writer: str | None, told: str, tmp_path: Path
) -> None:
    (tmp_path / "clickhouse_reader").write_text(f"{LOGIN}\n")
    if writer is not None:
        (tmp_path / "clickhouse_writer").write_text(writer)
    entrypoint = script(tmp_path / "entrypoint.sh", 'env | grep ^CLICKHOUSE_; echo "$@"')
    run = subprocess.run(
        ["/bin/bash", DEPLOY / "clickhouse/start.sh", "one"],
        env={"PATH": "/usr/bin:/bin", "SECRETS": str(tmp_path), "ENTRYPOINT": str(entrypoint)},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    if told:
        assert run.returncode == 1
        assert told in run.stderr
        assert run.stdout == ""
    else:
        hashed = hashlib.sha256(LOGIN.encode()).hexdigest()
        names = ("CLICKHOUSE_READER_SHA256", "CLICKHOUSE_WRITER_SHA256")
        assert sorted(run.stdout.split()) == sorted([*(f"{name}={hashed}" for name in names), "one"])


@pytest.mark.parametrize("secret, told", [('it\'s $(a) "secret"\\', ""), ("", "is empty"), (None, "secret")])
def test_the_image_reads_settings_from_files(secret: str | None, told: str, tmp_path: Path) -> None:
    script(tmp_path / "groupbeat", 'echo "$@"; env | grep ^GROUPBEAT_')
    file = tmp_path / "secret"
    if secret is not None:
        file.write_text(f"{secret}\n")
    run = subprocess.run(
        ["/bin/sh", DEPLOY / "entrypoint.sh", "sink"],
        env={
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "GROUPBEAT_SSL_CAFILE": "ca.pem",  # a setting, not a file to be read here
            "GROUPBEAT_CLICKHOUSE_PASSWORD_FILE": str(file),
        },
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    if told:
        assert run.returncode == 1
        assert told in run.stderr
        assert run.stdout == ""
    else:
        assert run.stdout.splitlines()[0] == "sink"
        assert set(run.stdout.splitlines()[1:]) == {
            "GROUPBEAT_SSL_CAFILE=ca.pem",
            f"GROUPBEAT_CLICKHOUSE_PASSWORD={secret}",
        }


def test_a_broker_runs_with_the_settings_of_kafka(
    broker_jars: Path, tmp_path: Path, clean_environment: None
) -> None:
    from kafka import KafkaProducer
    from kafka.admin import ConfigResource, ConfigResourceType

    from streams.broker import EmbeddedBroker
    from streams.connection import open_admin
    from streams.topics import init

    given = dict(re.findall(r"^([\w.]+)=(.*)$", KAFKA.read_text(), re.MULTILINE))
    # Addresses and the folder are the container's; the broker here has its own, for the same listeners.
    places = {name: given.pop(name) for name in (
        "listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"
    )}  # fmt: skip
    with EmbeddedBroker(
        tmp_path / "broker", lib=broker_jars, listeners={"HOST": "PLAINTEXT"}, properties=given
    ) as broker:
        with open_admin({"bootstrap_servers": [broker.bootstrap]}, broker.bootstrap, timeout_s=30) as admin:
            found = admin.describe_configs(
                [ConfigResource(ConfigResourceType.BROKER, "1", list(given))], config_filter="all"
            )["broker"]["1"]
        # Kafka passes over names that it doesn't know: these it knows.
        in_force = {name: str(value["value"]) for name, value in found.items()}
        protocols = in_force.pop("listener.security.protocol.map").split(",")
        assert sorted(protocols) == sorted(given.pop("listener.security.protocol.map").split(","))
        assert in_force == given
        settings = Settings(broker=broker.address("HOST"))
        assert {report.outcome for report in init(settings)} == {"created"}
        assert {report.outcome for report in init(settings)} == {"present"}
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap, max_request_size=20 << 20, acks="all")
        largest = producer.send(settings.topic("rows"), value=b"x" * (15 << 20))
        assert largest.get(timeout=60).offset == 0
        producer.close()
    names = re.findall(r"(\w+)://[\w.]*:(\d+)", places["listeners"])
    assert dict(names) == {"PLAINTEXT": "19092", "HOST": "9092", "CONTROLLER": "9093"}
    assert places["advertised.listeners"] == "PLAINTEXT://kafka:19092,HOST://127.0.0.1:9092"
    assert places["controller.quorum.voters"] == f"{given['node.id']}@127.0.0.1:9093"


def copied() -> list[Path]:
    """What the Dockerfile copies out of the repository."""
    lines = re.findall(r"^COPY ((?!--from).*) \S+$", (REPO / "Dockerfile").read_text(), re.MULTILINE)
    return [REPO / source for line in lines for source in line.split()]


def test_the_image_gets_what_it_copies_and_docker_sees_nothing_else() -> None:
    rules = [line for line in (REPO / ".dockerignore").read_text().splitlines() if line[:1] not in ("#", "")]
    assert rules[0] == "*"
    seen = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert {str(path.relative_to(REPO)) for path in copied()} == seen
    assert all(path.exists() for path in copied())
    assert not [rule for rule in rules[1:] if not rule.startswith("!") and rule != "**/__pycache__"]


def test_the_wheel_of_the_image_is_whole_and_its_dependencies_are_pinned(tmp_path: Path) -> None:
    context = tmp_path / "context"
    context.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__")
    for path in copied():
        if path.is_dir():
            shutil.copytree(path, context / path.name, ignore=unwanted)
        else:
            shutil.copy(path, context / path.name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, context],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    [wheel] = tmp_path.glob("groupbeat-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = [file for path in copied() if path.is_dir() for file in path.rglob("*") if file.is_file()]
    ours = [file for file in ours if "__pycache__" not in file.parts]
    missing = {str(file.relative_to(REPO)) for file in ours} - names
    assert not missing

    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (REPO / "constraints.txt").read_text(), re.MULTILINE))
    pinned = {canonicalize_name(name): version for name, version in pinned.items()}
    wanted = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["dependencies"]
    for each in map(Requirement, wanted):
        assert str(each.specifier) == f"=={pinned[canonicalize_name(each.name)]}", each
    assert closure(wanted) <= set(pinned)


def closure(wanted: list[str]) -> set[str]:
    """The names of all packages that these need, as they are installed here."""
    found: set[str] = set()
    left = [(Requirement(each), "") for each in wanted]
    while left:
        requirement, extra = left.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name in found:
            continue
        found.add(name)
        needs = importlib.metadata.requires(requirement.name) or []
        left += [(Requirement(each), extra) for each in needs for extra in requirement.extras or {""}]
    return found
