"""The broker's process: started, waited for, stopped and killed by its own process id.

It keeps its ports and its data over a stop and a start, so a fault test can take it away and bring it back.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from streams.broker.config import (
    CONTROLLER,
    HOST,
    INTERNAL,
    free_ports,
    is_free,
    new_cluster_id,
    server_properties,
)
from streams.broker.jars import BrokerUnavailable, fetch_jars, find_java, have_jars
from streams.connection import KafkaError, open_admin

LEASH = Path(__file__).with_name("leash.py")
LOGGING = Path(__file__).with_name("log4j2.properties")
JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError")
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0


class EmbeddedBroker:
    """A Kafka broker of one JVM on 127.0.0.1, with its data, settings and logs in the folder `data`.

    `port` 0 takes a free one; a folder that was used before keeps the ports it had, if they are still free.
    `listeners` names further listeners with their security protocol, as ``{"SECURE": "SASL_SSL"}``; their
    ports are free ones, see `address`. `properties` are further broker settings. Jars are kept in `lib`.

    The JVM dies with the thread that called `start` (Linux), so call it from one that lives long enough.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        lib: Path = Path("var/kafka/lib"),
        listeners: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data.absolute()
        self.lib = lib.absolute()
        self._port = port
        self._protocols = dict(listeners or {})
        self._properties = dict(properties or {})
        self._ports: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Where clients without TLS connect, as host:port. Known once it was started."""
        return self.address(INTERNAL)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self.running else None

    def address(self, listener: str) -> str:
        """Where a listener answers, as host:port. Known once the broker was started."""
        if listener not in self._ports:
            raise BrokerUnavailable(f"the broker was not started, or has no listener {listener!r}")
        return f"{HOST}:{self._ports[listener]}"

    def ensure_jars(self) -> None:
        """Fetch the jars unless they are there. Raises `BrokerUnavailable`."""
        if not have_jars(self.lib):
            fetch_jars(self.lib)

    def start(self) -> None:
        """Start, and wait until it answers; nothing to do when it runs. Raises `BrokerUnavailable`."""
        if self.running:
            return
        java = find_java()
        self.ensure_jars()
        if self._port and not is_free(self._port):
            raise BrokerUnavailable(f"port {self._port} of {HOST} is taken by another process")
        self._logs.mkdir(parents=True, exist_ok=True)
        again = bool(self._ports)
        for left in (2, 1, 0):
            self._ports = self._choose_ports()
            self._write_settings()
            self._format(java)
            try:
                self._launch(java)
                return
            except _PortTaken as taken:
                # A free port was taken before the JVM bound it. Ours to choose: choose again.
                if again or self._port or not left:
                    raise BrokerUnavailable(str(taken)) from taken
                self._ports = {}
                self._remembered.unlink(missing_ok=True)

    def stop(self) -> None:
        """End it in good order, by SIGKILL if that takes more than 30 s. Nothing to do if it isn't up."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what the broker wrote: its log, then its console."""
        found: list[str] = []
        for name in ("broker.log", "console.log"):
            path = self._logs / name
            if path.is_file():
                found += path.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(found)

    def __enter__(self) -> EmbeddedBroker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        at = self.bootstrap if self._ports else "not started"
        return f"EmbeddedBroker({str(self.data)!r}, {at})"

    @property
    def _logs(self) -> Path:
        return self.data / "logs"

    @property
    def _remembered(self) -> Path:
        return self.data / "ports.json"

    @property
    def _settings(self) -> Path:
        return self.data / "server.properties"

    def _choose_ports(self) -> dict[str, int]:
        """The ports of last time; for listeners that had none, the one asked for or a free one."""
        had: dict[str, int] = dict(self._ports)
        if not had and self._remembered.is_file():
            remembered: dict[str, int] = json.loads(self._remembered.read_text())
            had = {name: port for name, port in remembered.items() if is_free(port)}
        names = [INTERNAL, CONTROLLER, *self._protocols]
        fresh = dict(zip(names, free_ports(len(names)), strict=True))
        ports = {name: had.get(name, fresh[name]) for name in names}
        if self._port:
            ports[INTERNAL] = self._port
        return ports

    def _write_settings(self) -> None:
        """Settings and ports; nobody else may read them, they may hold passwords."""
        text = server_properties(self.data / "topics", self._ports, self._protocols, self._properties)
        self._settings.touch(mode=0o600)
        self._settings.write_text(text)
        self._remembered.write_text(json.dumps(self._ports))

    def _format(self, java: str) -> None:
        """Prepare the storage folder, once in its life."""
        done = self.data / "formatted"
        if done.exists():
            return
        command = self._command(java, "kafka.tools.StorageTool")
        command += ["format", "--ignore-formatted", "-t", new_cluster_id(), "-c", str(self._settings)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=START_TIMEOUT_S, cwd=self.data)
        if run.returncode != 0:
            raise BrokerUnavailable(f"formatting {self.data} failed:\n{run.stdout}{run.stderr}".rstrip())
        done.touch()

    def _launch(self, java: str) -> None:
        for name in ("broker.log", "console.log"):
            (self._logs / name).unlink(missing_ok=True)  # a tail must be of this life, not the last one
        leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid())]
        command = leash + self._command(java, "kafka.Kafka") + [str(self._settings)]
        with (self._logs / "console.log").open("wb") as console:
            # A session of its own: Ctrl-C in the terminal is for us, and we stop the broker last.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                cwd=self.data,
                start_new_session=True,
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if not self.running:
                tail = self.log_tail()
                message = f"the broker ended while it started (data and logs: {self.data}):\n{tail}"
                raise _PortTaken(message) if "Address already in use" in tail else BrokerUnavailable(message)
            if self._answers():
                return
            time.sleep(0.05)
        raise BrokerUnavailable(
            f"the broker did not answer within {START_TIMEOUT_S:.0f} s:\n{self.log_tail()}"
        )

    def _answers(self) -> bool:
        """Whether it takes requests. By TCP first: kafka-python leaves a socket open for every refusal."""
        try:
            socket.create_connection((HOST, self._ports[INTERNAL]), timeout=1.0).close()
            with open_admin({"bootstrap_servers": [self.bootstrap]}, self.bootstrap, timeout_s=2.0):
                return True
        except (OSError, KafkaError):
            return False

    def _command(self, java: str, main: str) -> list[str]:
        own = (f"-Dlog4j2.configurationFile={LOGGING}", f"-Dgroupbeat.logs={self._logs}")
        return [java, *JVM, f"-XX:ErrorFile={self._logs}/crash.log", *own, "-cp", f"{self.lib}/*", main]


class _PortTaken(BrokerUnavailable):
    """Another process has a port that we chose."""
