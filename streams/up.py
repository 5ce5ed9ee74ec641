"""``groupbeat up``: a broker if none is given, worker and sink, in one terminal with one status line."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from streams.broker import BrokerUnavailable, EmbeddedBroker
from streams.connection import KafkaError
from streams.pipeline import Child, Pipeline
from streams.settings import Settings
from streams.topics import init

BROKER_DATA = Path("var/broker")
BROKER_PORT = 9092
LOGS = Path("var/log")
LOOK_S = 1.0
RESTART_S = 2.0


def run_up(settings: Settings, *, own_broker: bool, console: Console) -> None:
    """Run until Ctrl-C or SIGTERM. A child that ends is started again. Raises `RuntimeError`."""
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with ExitStack() as stack:
        if own_broker:
            console.print("starting a Kafka broker (first time: fetching its jars, about a minute) ...")
            try:
                broker = EmbeddedBroker(BROKER_DATA, port=BROKER_PORT)
                broker.ensure_jars()
                broker.start()
            except BrokerUnavailable as error:
                raise RuntimeError(str(error)) from error
            stack.callback(broker.stop)
            settings = settings.model_copy(update={"broker": broker.bootstrap})
        try:
            for report in init(settings):
                if report.outcome == "differs":
                    console.print(f"[yellow]{report}[/yellow]")
        except KafkaError as error:
            raise RuntimeError(str(error)) from error
        pipeline = Pipeline(
            settings, LOGS, ports=(settings.worker_port, settings.sink_port, settings.http_port)
        )
        stack.callback(pipeline.stop)
        pipeline.start()
        console.print(
            f"Kafka {settings.broker} | metrics :{settings.worker_port} :{settings.sink_port} | "
            f"SQL over HTTP :{settings.http_port} | logs {LOGS}/ | Ctrl-C ends\n"
            f"send events: groupbeat emit --broker {settings.broker} data/*.gz",
            highlight=False,
        )
        _watch(pipeline, ended, console)


def _watch(pipeline: Pipeline, ended: threading.Event, console: Console) -> None:
    down_since: dict[str, float] = {}
    with Live(Text("starting"), console=console, refresh_per_second=2) as live:
        while not ended.wait(LOOK_S):
            for child in pipeline.children:
                if child.running:
                    down_since.pop(child.command, None)
                elif time.monotonic() - down_since.setdefault(child.command, time.monotonic()) >= RESTART_S:
                    console.print(f"[red]{child.command} ended, starting it again:[/red] {_last_line(child)}")
                    child.start()
            live.update(Text.from_markup(status_line(pipeline)))


def status_line(pipeline: Pipeline) -> str:
    """Where the pipeline stands, in one line."""
    worker, sink = pipeline.worker.metrics(), pipeline.sink.metrics()

    def total(name: str, **labels: str) -> float:
        return sum(
            s.value
            for s in (*worker, *sink)
            if s.name == name and all(s.labels.get(k) == v for k, v in labels.items())
        )

    clocks = [
        s.value for s in worker if s.name == "groupbeat_clock_seconds" and s.labels["stage"] != "intake"
    ]
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(min(clocks))) if clocks else "none yet"
    states = [(child.command, (child.health() or {}).get("state", "down")) for child in pipeline.children]
    colours = {"running": "green", "ok": "green", "starting": "yellow"}
    health = " ".join(f"{name} [{colours.get(state, 'red')}]{state}[/]" for name, state in states)
    return (
        f"{health} | accepted {total('groupbeat_events_total', stage='intake', outcome='accepted'):,.0f} "
        f"rejected {total('groupbeat_events_total', stage='intake', outcome='rejected'):,.0f} "
        f"duplicate {total('groupbeat_events_total', stage='intake', outcome='duplicate'):,.0f} | "
        f"lag {total('groupbeat_lag_records'):,.0f} | "
        f"rows in ClickHouse {total('groupbeat_sink_rows_total'):,.0f} | "
        f"clock {clock}"
    )


def _last_line(child: Child) -> str:
    return child.tail(1) or "no message"
