"""``make demo``: the main job on real data, from files to SQL, on a fresh machine.

Without Java or Maven the same events go through the in-process log instead, and it says so.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from streams.backfill import backfill
from streams.broker import BrokerUnavailable, EmbeddedBroker
from streams.emit import Progress as Sent
from streams.emit import emit
from streams.pipeline import Pipeline
from streams.report import print_demo_page
from streams.settings import Settings
from streams.topics import init

HOME = Path("var/demo")
DATA = (Path("data/cdnow-purchases.ndjson.gz"), Path("data/slack-houstondatavis.ndjson.gz"))


def main() -> int:
    """Run the demo; the exit code."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    shutil.rmtree(HOME, ignore_errors=True)
    settings = Settings(path=HOME / "clickhouse", clickhouse=None, rules=None)
    began = time.monotonic()
    try:
        broker = EmbeddedBroker(HOME / "broker")
        console.print("Kafka: fetching the broker's jars if they are not here yet (43 MB, once) ...")
        broker.ensure_jars()
        broker.start()
    except BrokerUnavailable as error:
        console.print(f"[yellow]{error}[/yellow]", highlight=False)
        console.print("Going on without a broker, through the in-process log.")
        began = time.monotonic()
        count = _without_broker(settings)
        read = f"{count:,} events read from {len(DATA)} files through the in-process log"
    else:
        with broker:
            console.print(f"Kafka runs on {broker.bootstrap}")
            settings = settings.model_copy(update={"broker": broker.bootstrap, "topic_prefix": "demo-"})
            count, began = _with_broker(settings, console)
        read = f"{count:,} events read from {len(DATA)} files through Kafka"
    print_demo_page(console, settings, read, time.monotonic() - began)
    return 0


def _with_broker(settings: Settings, console: Console) -> tuple[int, float]:
    init(settings)
    pipeline = Pipeline(settings, HOME / "log")
    try:
        console.print("worker and sink: starting (the first time, rules are compiled: half a minute) ...")
        pipeline.start()
        pipeline.wait_ready()
        began = time.monotonic()
        with _progress(console) as bar:
            task = bar.add_task("emit", total=None)

            def show(at: Sent) -> None:
                bar.update(task, completed=at.sent, total=at.total)

            report = emit(settings, list(DATA), progress=show)
        console.print("absorbing, until time has come to the end of the log ...")
        pipeline.wait_drained()
    finally:
        pipeline.stop()
    return report.sent, began


def _without_broker(settings: Settings) -> int:
    with _progress(Console()) as bar:
        task = bar.add_task("replay", total=None)
        return backfill(settings, DATA, lambda done, total: bar.update(task, completed=done, total=total))


def _progress(console: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console)


if __name__ == "__main__":
    sys.exit(main())
