"""``make bench``: what groupbeat costs, beside the raw limit and the idiomatic Faust app, in one run.

Everything runs on this machine against one embedded broker. Rates are per CPU-second of all processes of the
thing measured; the broker's CPU is nobody's. Figures go to the terminal and to ``var/bench/result.json``.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import _measure, chains, views
from bench.generate import generate
from bench.groupbeat_run import SPINE, Run, backlog
from bench.groups import WITH_GROUPS, Size, beside_spine, keep, ratio
from bench.latency import latency
from bench.people import Million, million_people
from streams.broker import EmbeddedBroker
from streams.report import as_table
from streams.settings import Settings
from streams.topics import init

HOME = Path("var/bench")
EVENTS = int(os.environ.get("BENCH_EVENTS", 1_000_000))
PEOPLE = int(os.environ.get("BENCH_PEOPLE", 1_000_000))
FAUST_EVENTS = int(os.environ.get("BENCH_FAUST_EVENTS", 20_000))
LONE_EVENTS = int(os.environ.get("BENCH_LONE_EVENTS", 200))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 3))
GROUPS = Size(
    int(os.environ.get("BENCH_GROUPS", 100_000)), int(os.environ.get("BENCH_MEMBERSHIPS", 1_000_000))
)
GROUP_ROUNDS = int(os.environ.get("BENCH_ROUNDS", 1))
SHARES = int(os.environ.get("BENCH_SHARES", 1_000_000))
CONTENTS = int(os.environ.get("BENCH_CONTENTS", 3_000))
VIEW_EVENTS = int(os.environ.get("BENCH_VIEW_EVENTS", 10_000_000))
PARTS = os.environ.get("BENCH_PARTS", "load,people,groups,chains,views,lone").split(",")

BARS = {
    "x idiomatic Faust": (60.0, "at least"),
    "x raw limit": (0.25, "at least"),
    "bytes a person": (600.0, "under"),
    "recovery s": (10.0, "under"),
    "groups: x the spine's events/s": (0.6, "at least"),
    "chains: shares a CPU-second": (60_000.0, "at least"),
    "chains: bytes a node": (200.0, "under"),
    "p99 s": (2.0, "under"),
}


def main() -> int:
    """Run every part; the exit code is 1 if a bar was missed."""
    console = Console(width=None if sys.stdout.isatty() else 130)
    shutil.rmtree(HOME, ignore_errors=True)
    result: dict[str, Any] = {}
    with EmbeddedBroker(HOME / "broker") as broker:
        broker.ensure_jars()
        broker.start()
        parts = {
            "load": _throughput,
            "people": _people,
            "groups": _groups,
            "chains": _chains,
            "views": _views,
            "lone": _latency,
        }
        for name, part in parts.items():
            if name in PARTS:
                result |= part(Settings(broker=broker.bootstrap, topic_prefix=f"{name}-"), console)
    (HOME / "result.json").write_text(json.dumps(result, indent=2))
    rows = []
    for name, (bar, kind) in ((n, b) for n, b in BARS.items() if n in result):
        met = result[name] >= bar if kind == "at least" else result[name] < bar
        rows.append((name, f"{result[name]:.3g}", f"{kind} {bar:g}", "yes" if met else "NO"))
    console.print(as_table(("figure", "measured", "bar", "met"), rows, "Bars"))
    return 0 if all(row[3] == "yes" for row in rows) else 1


def _throughput(settings: Settings, console: Console) -> dict[str, Any]:
    """Rounds of raw limit and groupbeat in turn on the same events, then the idiomatic app on some."""
    raws, runs = [], []
    for number in range(ROUNDS):
        mine = settings.model_copy(update={"topic_prefix": f"round{number}-"})
        init(mine)
        _measure.fill(mine, generate(EVENTS, 100_000, number))
        raws.append(_measure.raw_limit(settings.broker, mine.topic("events"), EVENTS))
        runs.append(backlog(mine, EVENTS, HOME / f"round{number}", stages=SPINE))
    few = settings.model_copy(update={"topic_prefix": "faust-"})
    init(few)
    _measure.fill(few, generate(FAUST_EVENTS, 100_000, 0))
    faust = _measure.idiomatic_faust(settings.broker, few.topic("events"), FAUST_EVENTS)
    raw = sorted(raws, key=lambda r: r.cpu_us)[len(raws) // 2]
    run = sorted(runs, key=lambda r: r.cpu_us)[len(runs) // 2]
    rows = [
        ("aiokafka getmany + msgspec decode", *_row(raw.per_second, raw.cpu_us)),
        (
            "groupbeat: events -> users, transitions, events in ClickHouse",
            *_row(run.per_second, run.cpu_us),
        ),
        ("idiomatic Faust app: events to users in ClickHouse", *_row(faust.per_second, faust.cpu_us)),
    ]
    title = f"{EVENTS:,} events, medians of {ROUNDS} rounds"
    console.print(as_table(("what", "events/s", "CPU-us/event", "events/CPU-s"), rows, title))
    ratios = [r.cpu_us / g.cpu_us for r, g in zip(raws, runs, strict=True)]
    console.print(f"CPU: {_spread(runs)}; changelog {run.changelog_bytes / run.events:.1f} bytes an event")
    return {
        "raw cpu_us": raw.cpu_us,
        "groupbeat cpu_us": run.cpu_us,
        "faust cpu_us": faust.cpu_us,
        "x raw limit": statistics.median(ratios),
        "x idiomatic Faust": faust.cpu_us / run.cpu_us,
        "groupbeat events/s": run.per_second,
        "changelog bytes/event": run.changelog_bytes / run.events,
    }


def _row(per_second: float, cpu_us: float) -> tuple[str, str, str]:
    return f"{per_second:,.0f}", f"{cpu_us:.2f}", f"{1e6 / cpu_us:,.0f}"


def _spread(runs: list[Run]) -> str:
    return ", ".join(
        f"worker {r.worker_cpu_s / r.events * 1e6:.1f} + sink {r.sink_cpu_s / r.events * 1e6:.1f} us"
        for r in runs
    )


def _people(settings: Settings, console: Console) -> dict[str, Any]:
    found: Million = million_people(settings, PEOPLE, HOME / "people")
    rows = [
        ("memory, peak of the worker above a thousand people", f"{found.bytes_a_person:,.0f} bytes a person"),
        ("memory, after it has settled", f"{found.settled_bytes_a_person:,.0f} bytes a person"),
        ("changelog", f"{found.changelog_bytes_a_person:,.0f} bytes a person"),
        ("recovery after kill -9, from start to at work", f"{found.recovery_s:.1f} s"),
        ("the same with nothing to recover", f"{found.empty_start_s:.1f} s"),
    ]
    console.print(as_table(("what", "measured"), rows, f"{PEOPLE:,} people"))
    return {"bytes a person": found.bytes_a_person, "recovery s": found.recovery_s, **vars(found)}


def _groups(settings: Settings, console: Console) -> dict[str, Any]:
    runs = beside_spine(settings, GROUPS, GROUP_ROUNDS, HOME / "groups")
    spine, here = runs.spine, runs.here
    speeds = []
    for name, some in zip(
        (f"the spine ({SPINE})", f"with groups ({WITH_GROUPS})", "every stage"), runs, strict=True
    ):
        run = sorted(some, key=lambda r: r.per_second)[len(some) // 2]
        worker, sink = (seconds / run.events * 1e6 for seconds in (run.worker_cpu_s, run.sink_cpu_s))
        peak = run.worker_peak_bytes / 1e6
        speeds.append((name, f"{run.per_second:,.0f}", f"{worker:.1f}", f"{sink:.1f}", f"{peak:,.0f}"))
    what = f"{GROUPS.events:,} events of {GROUPS.memberships:,} memberships of {GROUPS.groups:,} groups"
    columns = ("what", "events/s", "worker us/event", "sink us/event", "worker peak MB")
    console.print(as_table(columns, speeds, f"{what}, medians of {GROUP_ROUNDS}"))
    above = statistics.median(
        (h.worker_peak_bytes - s.worker_peak_bytes) / GROUPS.groups for s, h in zip(spine, here, strict=True)
    )
    kept = keep(settings.model_copy(update={"topic_prefix": "kept-"}), GROUPS, HOME / "kept")
    each = f"{GROUPS.memberships / GROUPS.groups:g} memberships"
    rows = [
        ("memory, peak of the worker above the spine's", f"{above:,.0f} bytes a group of {each}"),
        ("memory, peak above few groups and people", f"{kept.bytes_a_group:,.0f} bytes a group"),
        ("memory, after it has settled", f"{kept.settled_bytes_a_group:,.0f} bytes a group"),
        ("changelog of groups in all", f"{kept.changelog_bytes / 1e6:,.1f} MB"),
        ("checkpoint of a partition", f"{kept.checkpoint_s:.2f} s, mean of {kept.checkpoints:.0f}"),
        ("flush of a partition", f"{kept.flush_s:.2f} s, mean of {kept.flushes:.0f}"),
        ("rows in these flushes", f"{kept.flush_rows:,.0f}"),
        ("recovery after kill -9, from start to at work", f"{kept.recovery_s:.1f} s"),
        ("of it, putting state of groups back", f"{kept.restore_s:.2f} s"),
        ("the same with nothing to recover", f"{kept.empty_start_s:.1f} s"),
    ]
    console.print(as_table(("what", "measured"), rows, f"{GROUPS.groups:,} groups"))
    return {
        "groups: x the spine's events/s": ratio(spine, here),
        "groups: events/s": statistics.median(run.per_second for run in here),
        "groups: cpu_us": statistics.median(run.cpu_us for run in here),
        "groups: spine's events/s": statistics.median(run.per_second for run in spine),
        "groups: spine's cpu_us": statistics.median(run.cpu_us for run in spine),
        "groups: peak bytes a group above the spine": above,
        **{f"groups: {name}": value for name, value in vars(kept).items()},
    }


def _chains(settings: Settings, console: Console) -> dict[str, Any]:
    """Inside the stage: the broker has no part in it."""
    found = chains.measure(SHARES, CONTENTS)
    rows = [
        ("absorbed", f"{found.absorb_per_second:,.0f} shares a CPU-second"),
        ("absorbed, flushed and checkpointed", f"{found.per_second:,.0f} shares a CPU-second"),
        ("the same, all shares in one content", f"{found.one_content_per_second:,.0f} shares a CPU-second"),
        (
            f"one chain of {chains.DEEP_CHAIN:,}, each share under the one before",
            f"{found.deep_chain_s:.1f} s",
        ),
        ("memory: all tables", f"{found.bytes_a_node:.0f} bytes a node"),
        ("checkpoint of all", f"{found.checkpoint_bytes_a_node:.0f} bytes a node"),
        ("packed", f"{found.packed_bytes_a_node:.0f} bytes a node"),
        ("packing", f"{found.pack_us_a_node:.2f} us a node"),
        ("unpacking", f"{found.unpack_us_a_node:.2f} us a node"),
    ]
    what = (
        f"{SHARES:,} shares of {CONTENTS:,} contents, up to {found.deepest} deep and with up to "
        f"{found.most_children:,} shares of one, inside the stage"
    )
    console.print(as_table(("what", "measured"), rows, what))
    return {
        "chains: shares a CPU-second": found.per_second,
        "chains: bytes a node": found.bytes_a_node,
        **{f"chains: {name}": value for name, value in vars(found).items()},
    }


def _views(settings: Settings, console: Console) -> dict[str, Any]:
    """Inside the embedded engine: neither broker nor stages have a part in it."""
    found = views.measure(VIEW_EVENTS, HOME / "views")
    slow = [one for one in found if max(one.unmerged_s, one.merged_s) > 1]
    rows = [(one.name, f"{one.unmerged_s:.2f} s", f"{one.merged_s:.2f} s", f"{one.rows:,}") for one in slow]
    what = f"Views over 1 s of {len(found)} on {VIEW_EVENTS:,} events, best of {views.BEST_OF}"
    console.print(as_table(("view", "parts unmerged", "merged", "rows"), rows, what))
    return {
        "views: slowest s": max(max(one.unmerged_s, one.merged_s) for one in found),
        "views: over 1 s": len(slow),
        **{f"views: {one.name} s": [one.unmerged_s, one.merged_s] for one in found},
    }


def _latency(settings: Settings, console: Console) -> dict[str, Any]:
    seconds = latency(settings, LONE_EVENTS, HOME / "lone")
    cuts = statistics.quantiles(seconds, n=100)
    rows = [(name, f"{cuts[at - 1]:.3f} s") for name, at in (("p50", 50), ("p90", 90), ("p99", 99))]
    title = f"{LONE_EVENTS} events emitted alone: until event and person are in ClickHouse"
    console.print(as_table(("quantile", "seconds"), rows, title))
    return {"p50 s": cuts[49], "p99 s": cuts[98]}


if __name__ == "__main__":
    sys.exit(main())
