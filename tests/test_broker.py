"""The broker keeps port and data over stop, kill and start; says why it can't; leaves no JVM behind."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.broker import BrokerUnavailable, EmbeddedBroker
from streams.broker.config import server_properties
from streams.broker.jars import POM, fetch_jars, find_java, have_jars
from streams.settings import Settings
from streams.topics import init, log_identity


def alive(pid: int) -> bool:
    """Whether a process exists and is not just waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def own_broker(broker_jars: Path, tmp_path: Path) -> Iterator[EmbeddedBroker]:
    made = EmbeddedBroker(tmp_path / "data", lib=broker_jars)
    yield made
    made.kill()


def test_life_of_a_broker(
    own_broker: EmbeddedBroker, clean_environment: None, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BrokerUnavailable, match="not started"):
        _ = own_broker.bootstrap
    own_broker.start()
    address, first = own_broker.bootstrap, own_broker.pid
    own_broker.start()  # it runs: nothing to do
    assert own_broker.pid == first
    settings = Settings(broker=address)
    init(settings)
    identity = log_identity(settings)

    own_broker.stop()
    own_broker.stop()
    assert not own_broker.running
    assert first is not None
    assert not alive(first)
    own_broker.start()
    assert own_broker.bootstrap == address
    assert log_identity(settings) == identity

    second = own_broker.pid
    own_broker.kill()
    assert second is not None
    assert not alive(second)
    with EmbeddedBroker(own_broker.data, lib=own_broker.lib) as again:  # another object, the same folder
        assert again.bootstrap == address
        assert log_identity(settings) == identity
        settings_file = again.data / "server.properties"
        assert stat.S_IMODE(settings_file.stat().st_mode) == 0o600
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0
    assert capfd.readouterr() == ("", "")


def test_the_jvm_dies_with_a_parent_that_dies_hard(broker_jars: Path, tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom streams.broker import EmbeddedBroker\n"
        "broker = EmbeddedBroker(Path(sys.argv[1]), lib=Path(sys.argv[2]))\nbroker.start()\n"
        "print(broker.pid, flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "data"), str(broker_jars)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    ) as parent:
        assert parent.stdout is not None
        jvm = int(parent.stdout.readline())
        assert alive(jvm)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while alive(jvm):
        assert time.monotonic() < deadline, "the JVM was left behind"
        time.sleep(0.02)


def test_why_it_ended_at_start_is_told(broker_jars: Path, tmp_path: Path) -> None:
    wrong = {"log.retention.check.interval.ms": "soon"}
    with pytest.raises(BrokerUnavailable, match=r"(?s)soon.*log.retention.check.interval.ms"):
        EmbeddedBroker(tmp_path, lib=broker_jars, properties=wrong).start()


def test_a_taken_port_is_told(broker_jars: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        start = time.monotonic()
        with pytest.raises(BrokerUnavailable, match=f"port {port}.*taken"):
            EmbeddedBroker(tmp_path, port=port, lib=broker_jars).start()
        assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("java", "said"),
    [
        (None, "needs Java 17 or newer, none was found: apt-get install openjdk-17"),
        ("echo 'openjdk version \"11.0.2\" 2019-01-15' >&2", "is Java 11: apt-get install"),
        ("echo 'java version \"1.8.0_202\"' >&2", "is Java 8"),
        ("echo broken >&2; exit 3", "-version failed: broken"),
    ],
)
def test_java_missing_or_old(
    java: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if java is not None:
        program(tmp_path / "java", java)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    with pytest.raises(BrokerUnavailable, match=said):
        find_java()


def test_maven_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerUnavailable, match=r"none was found: apt-get install .* maven"):
        fetch_jars(tmp_path / "lib")


MAVEN = """
for word in "$@"; do case $word in -DoutputDirectory=*) out=${word#*=};; esac; done
/bin/mkdir -p "$out"; : > "$out/kafka_2.13-4.1.0.jar"
"""


def test_a_download_counts_only_when_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lib = tmp_path / "var" / "lib"
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    program(programs / "mvn", MAVEN + "echo 'Could not transfer artifact'; exit 1")
    with pytest.raises(BrokerUnavailable, match="Could not transfer artifact"):
        fetch_jars(lib)
    assert list(lib.parent.iterdir()) == []

    program(programs / "mvn", MAVEN)
    fetch_jars(lib)
    assert have_jars(lib)
    fetch_jars(lib)  # another process was faster: no harm
    (lib / POM.name).write_text("of an older version")
    assert not have_jars(lib)
    fetch_jars(lib)
    assert have_jars(lib)
    assert [path.name for path in lib.parent.iterdir()] == ["lib"]


def test_settings_are_escaped_and_can_be_overridden() -> None:
    text = server_properties(
        Path("/data"),
        {"PLAINTEXT": 1, "CONTROLLER": 2, "SECURE": 3},
        {"SECURE": "SASL_SSL"},
        {"message.max.bytes": "7", "some.password": "a\\b"},
    )
    lines = text.splitlines()
    assert "advertised.listeners=PLAINTEXT://127.0.0.1:1,SECURE://127.0.0.1:3" in lines
    assert "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL" in lines
    assert "message.max.bytes=7" in lines
    assert "some.password=a\\\\b" in lines
    assert "auto.create.topics.enable=false" in lines


def test_the_leash_ends_when_the_parent_is_gone() -> None:
    leash = Path(__file__).parent.parent / "streams/broker/leash.py"
    stranger = str(os.getppid())
    run = subprocess.run(
        [sys.executable, "-I", str(leash), stranger, "echo", "ran"], capture_output=True, check=False
    )
    assert (run.returncode, run.stdout) == (1, b"")
