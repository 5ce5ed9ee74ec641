"""This checkout against another commit of it, in turn on the same events: what a change costs.

`python -m bench.against REF` needs git; BENCH_EVENTS and BENCH_ROUNDS as in ``make bench``.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from pathlib import Path

from rich.console import Console

from bench import _measure
from bench.__main__ import EVENTS, ROUNDS
from bench.generate import generate
from bench.groupbeat_run import Run, backlog, checkout
from streams.broker import EmbeddedBroker
from streams.report import as_table
from streams.settings import Settings
from streams.topics import init

HOME = Path("var/against")


def main() -> None:
    """Run both, print CPU and wall time an event and their ratios."""
    ref = sys.argv[1]
    shutil.rmtree(HOME, ignore_errors=True)
    other = checkout(ref, HOME / "code")
    here: list[Run] = []
    there: list[Run] = []
    with EmbeddedBroker(HOME / "broker") as broker:
        broker.ensure_jars()
        broker.start()
        for number in range(ROUNDS):
            for name, code, runs in (("there", other, there), ("here", None, here)):
                prefix = f"{name}{number}-"
                settings = Settings(broker=broker.bootstrap, topic_prefix=prefix)
                init(settings)
                _measure.fill(settings, generate(EVENTS, 100_000, number))
                runs.append(backlog(settings, EVENTS, HOME / prefix, code))
    rows = [
        (
            name,
            f"{statistics.median(r.cpu_us for r in runs):.2f}",
            f"{statistics.median(r.worker_cpu_s / r.events for r in runs) * 1e6:.2f}",
            f"{statistics.median(r.sink_cpu_s / r.events for r in runs) * 1e6:.2f}",
            f"{statistics.median(r.per_second for r in runs):,.0f}",
        )
        for name, runs in ((ref, there), ("this checkout", here))
    ]
    ratios = [a.per_second / b.per_second for a, b in zip(here, there, strict=True)]
    cpu = [b.cpu_us / a.cpu_us for a, b in zip(here, there, strict=True)]
    console = Console(width=None if sys.stdout.isatty() else 130)
    console.print(
        as_table(("code", "CPU us an event", "worker", "sink", "events a second"), rows, f"{EVENTS:,} events")
    )
    console.print(
        f"of {ref}'s events a second: {statistics.median(ratios):.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f}); "
        f"a CPU-second: {statistics.median(cpu):.3f} ({min(cpu):.3f} to {max(cpu):.3f})",
        highlight=False,
    )


if __name__ == "__main__":
    main()
