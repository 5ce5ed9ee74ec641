"""The processes of a pipeline on this machine: worker and sink as children, started, watched and stopped.

What ``groupbeat up``, the demo, the bench and the fault tests share.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.broker.config import free_ports
from streams.settings import Settings

STOP_S = 40.0
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Sample:
    """One value of a metric."""

    name: str
    labels: Mapping[str, str]
    value: float


class Child:
    """One groupbeat process with a port for /metrics and /health."""

    def __init__(
        self, command: str, settings: Settings, port: int, *, log: Path, extra: Mapping[str, str]
    ) -> None:
        self.command = command
        self.port = port
        self.log = log
        self._settings = settings
        self._extra = dict(extra)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **extra: str) -> None:
        """Start it; `extra` goes into its environment this time only. RuntimeError while it lives."""
        if self.running:
            raise RuntimeError(f"{self.command} is running already, as process {self.pid}: stop it first")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "streams.cli", self.command],
                env={**os.environ, **environment(self._settings), **self._extra, **extra},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """Its process id, if it was started."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it lives."""
        return self._process.poll() if self._process else None

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM and wait; SIGKILL as the last resort."""
        if not self._process or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def health(self) -> dict[str, Any] | None:
        """What /health says, whatever its status; None when nothing answers."""
        text = self._get("health")
        return json.loads(text) if text else None

    def metrics(self) -> list[Sample]:
        """What /metrics says; empty when nothing answers."""
        return samples(self._get("metrics") or "")

    def _get(self, what: str) -> str | None:
        url = f"http://127.0.0.1:{self.port}/{what}"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                text: str = answer.read().decode()
                return text
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
        except OSError:
            return None

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def samples(text: str) -> list[Sample]:
    """Prometheus text as samples."""
    found = []
    for line in text.splitlines():
        if match := _SAMPLE.match(line):
            name, labels, value = match.groups()
            found.append(Sample(name, dict(_LABEL.findall(labels or "")), float(value)))
    return found


def environment(settings: Settings) -> dict[str, str]:
    """The environment that gives a child these settings, secrets included."""
    found = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if value is not None:
            secret = getattr(value, "get_secret_value", None)
            found[f"GROUPBEAT_{name.upper()}"] = str(secret() if secret else value)
    return found


class Pipeline:
    """A worker and a sink, with logs in a folder and ports that were free."""

    def __init__(
        self, settings: Settings, logs: Path, *, ports: Sequence[int] | None = None, **extra: str
    ) -> None:
        ports = ports or free_ports(3)
        self.settings = settings.model_copy(
            update={"worker_port": ports[0], "sink_port": ports[1], "http_port": ports[2]}
        )
        self.worker = Child("worker", self.settings, ports[0], log=logs / "worker.log", extra=extra)
        self.sink = Child("sink", self.settings, ports[1], log=logs / "sink.log", extra=extra)
        self.children = (self.worker, self.sink)

    def start(self) -> None:
        """Start both."""
        for child in self.children:
            child.start()

    def stop(self) -> None:
        """End both: the worker first, so that the sink takes its last rows."""
        for child in self.children:
            child.stop()

    def wait_ready(self, timeout_s: float = 120.0) -> None:
        """Until both say that they are at work. Raises `RuntimeError` with the end of the log."""
        deadline = time.monotonic() + timeout_s
        for child in self.children:
            while (child.health() or {}).get("state") not in ("running", "ok"):
                if not child.running or time.monotonic() > deadline:
                    raise RuntimeError(f"the {child.command} did not come to work:\n{child.tail()}")
                time.sleep(0.1)

    def drained(self) -> bool:
        """Whether this worker has every partition, and every event has gone all the way, and time with it."""
        worker, sink = self.worker.metrics(), self.sink.metrics()
        lags = [s for s in worker if s.name == "groupbeat_lag_records"]
        # Those of another worker that died are nobody's for a while, and nobody tells of them.
        owned = Counter(s.labels["stage"] for s in lags)
        whole = min(owned.values(), default=0) >= self.settings.partitions
        clocks: dict[bool, list[float]] = {True: [], False: []}
        for s in worker:
            if s.name == "groupbeat_clock_seconds":
                clocks[s.labels["stage"] == "intake"].append(s.value)
        of_intake, behind_it = clocks[True], clocks[False]
        # With nothing accepted there is no time; else every stage behind intake has come to where intake is.
        level = not of_intake or bool(behind_it and min(behind_it) >= max(of_intake))
        behind = sum(s.value for s in sink if s.name == "groupbeat_sink_lag")
        return whole and not any(s.value for s in lags) and level and behind == 0

    def wait_drained(self, timeout_s: float = 300.0, settled: int = 3) -> None:
        """Until `drained` has held for some looks a second apart. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout_s
        held = 0
        while held < settled:
            if time.monotonic() > deadline:
                tails = "\n".join(f"--- {child.command}\n{child.tail()}" for child in self.children)
                raise TimeoutError(f"not drained within {timeout_s:.0f} s\n{tails}")
            held = held + 1 if self.drained() else 0
            time.sleep(1.0)
