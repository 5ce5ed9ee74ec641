"""A real Prometheus and a real Alertmanager with the shipped configuration, and a webhook that is told.

The rules are those that are shipped, unchanged. Of the configurations only addresses and intervals are
replaced: scrapes and evaluations come every second, notifications within seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import yaml
from prometheus_client import CollectorRegistry, generate_latest

from streams.broker.config import HOST, free_ports
from streams.broker.process import LEASH
from tests.alert_rules import CONFIG, PROMETHEUS, REPO, load
from tests.prometheus_tools import PrometheusTools

ALERTMANAGER = REPO / "dashboards/alertmanager"
START_S = 60.0
STOP_S = 15.0
LOOK_S = 0.2

GROUP_WAIT = "5s"
"""Long enough, as the 30 s that are shipped, that an alert comes before those that it holds back are told."""


@dataclass(frozen=True)
class Notice:
    """One alert of one notification: what somebody was told."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def name(self) -> str:
        """The alert's name."""
        return self.labels["alertname"]


class Webhook:
    """Takes what Alertmanager posts, as a receiver of ours would."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self._server = _serve(post=self._take)
        self.url = f"http://{HOST}:{self._server.server_port}/alerts"

    def told(self, name: str, status: str = "firing", **labels: str) -> list[Notice]:
        """The notices of an alert so far."""
        return [
            notice
            for notice in self.notices
            if (notice.name, notice.status) == (name, status) and labels.items() <= notice.labels.items()
        ]

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes) -> None:
        posted = json.loads(body)
        self.notices += [Notice(a["status"], a["labels"], a["annotations"]) for a in posted["alerts"]]


class MetricsPage:
    """A page /metrics made from a registry, in place of a worker or a sink."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._server = _serve(get=lambda: generate_latest(registry))
        self.port = self._server.server_port

    def close(self) -> None:
        """Answer no more, as a process that has ended."""
        self._server.shutdown()
        self._server.server_close()


class Alerting:
    """Prometheus and Alertmanager on free ports, their data and logs in a folder, stopped by their ids."""

    def __init__(
        self, tools: PrometheusTools, folder: Path, *, worker_port: int, sink_port: int, webhook: Webhook
    ) -> None:
        self.folder = folder
        self.webhook = webhook
        self._tools = tools
        self._targets = {"groupbeat-worker": worker_port, "groupbeat-sink": sink_port}
        self._prometheus, self._alertmanager = free_ports(2)
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start both, and wait until they are ready. Raises `RuntimeError` with what they wrote."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._launch(
            self._tools.alertmanager, f"--config.file={self._alertmanager_config()}",
            f"--storage.path={self.folder / 'alertmanager'}", "--cluster.listen-address=",
            f"--web.listen-address={HOST}:{self._alertmanager}",
        )  # fmt: skip
        self._launch(
            self._tools.prometheus, f"--config.file={self._prometheus_config()}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            f"--web.listen-address={HOST}:{self._prometheus}",
        )  # fmt: skip
        for port in (self._alertmanager, self._prometheus):
            self.wait_until(partial(_ready, port), "both are ready", START_S)

    def stop(self) -> None:
        """End both."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def query(self, promql: str) -> list[dict[str, Any]]:
        """What Prometheus says to an instant query: a metric and a value each."""
        url = f"http://{HOST}:{self._prometheus}/api/v1/query?query={quote(promql)}"
        found: list[dict[str, Any]] = _json(url)["data"]["result"]
        return found

    def state(self, name: str, **labels: str) -> str:
        """How Alertmanager has an alert: active, suppressed, or empty when it has none."""
        for alert in _json(f"http://{HOST}:{self._alertmanager}/api/v2/alerts"):
            if {"alertname": name, **labels}.items() <= alert["labels"].items():
                return str(alert["status"]["state"])
        return ""

    def wait_told(self, name: str, status: str = "firing", timeout_s: float = 120.0, **labels: str) -> Notice:
        """The first notice of an alert with that status, waited for. Raises `TimeoutError`."""
        self.wait_until(
            lambda: bool(self.webhook.told(name, status, **labels)), f"{name} is {status}", timeout_s
        )
        return self.webhook.told(name, status, **labels)[0]

    def wait_until(self, holds: Callable[[], bool], what: str, timeout_s: float = 120.0) -> None:
        """Until something holds. Raises `TimeoutError` with what was told and the logs, so far."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            ended = [process for process in self._processes if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                why = "a process ended" if ended else f"not within {timeout_s:.0f} s"
                raise TimeoutError(f"{what}: {why}\n{self.webhook.notices}\n{self._logs()}")
            time.sleep(LOOK_S)

    def _logs(self) -> str:
        tails = {path.name: path.read_text(errors="replace")[-2_000:] for path in self.folder.glob("*.log")}
        return "\n".join(f"--- {name}\n{tail}" for name, tail in tails.items())

    def _launch(self, program: Path, *arguments: str) -> None:
        leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid())]
        with (self.folder / f"{program.name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [*leash, str(program), *arguments], cwd=self._tools.cwd, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, start_new_session=True,
                )
            )  # fmt: skip

    def _prometheus_config(self) -> Path:
        config = load(CONFIG)
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(PROMETHEUS / name) for name in config["rule_files"]]
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [
            f"{HOST}:{self._alertmanager}"
        ]
        for job in config["scrape_configs"]:
            job["static_configs"][0]["targets"] = [f"{HOST}:{self._targets[job['job_name']]}"]
        return self._write("prometheus.yml", config)

    def _alertmanager_config(self) -> Path:
        config = load(ALERTMANAGER / "alertmanager.yml")
        config["route"] |= {"group_wait": GROUP_WAIT, "group_interval": "1s"}
        config["templates"] = [str(ALERTMANAGER / name) for name in config["templates"]]
        (receiver,) = config["receivers"]
        receiver["webhook_configs"][0]["url"] = self.webhook.url
        return self._write("alertmanager.yml", config)

    def _write(self, name: str, config: Any) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path


def _serve(
    get: Callable[[], bytes] = lambda: b"", post: Callable[[bytes], None] = lambda _: None
) -> ThreadingHTTPServer:
    """A server on a free port of this machine, in threads of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(get())

        def do_POST(self) -> None:
            post(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/-/ready", timeout=5):
            return True
    except OSError:
        return False
