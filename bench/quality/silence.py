"""Group silence on generated groups: false alarms a month, and planted outages found, how soon.

A group is run twice: as it is, for false alarms, and with outages planted, for recall and delay. An outage
begins with the latest post before a random moment, so more often with one before a long gap than before a
short one, and lasts `OUTAGE` times the group's usual longest gap. The delay is counted from that post.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console

from bench.quality.rhythm import START_MS, Floats, Group, Moments, groups
from bench.quality.rivals import poisson, timeout
from schemas.rules import DAY_MS, HOUR_MS
from schemas.silence_rules import Silence
from streams.calendar import Zone
from streams.columnar import Array
from streams.compiled import compiled
from streams.groups.silence import (
    NEVER,
    QUIET,
    SILENCE,
    SILENCE_RULES,
    SILENT,
    WEEK_MS,
    begin,
    due,
    numbers,
    pass_time,
    record_post,
)
from streams.report import as_table

GROUPS = 800
WEEKS = 26
SEED = 2026
OUTAGE = 3
USUAL_WEEKS = 8
PLANTED = ((USUAL_WEEKS + 1, 16), (18, 24))
"""One outage begins in each of these spans, in weeks."""
MONTH_MS = 365 * DAY_MS / 12
TIMEOUTS = (24, 48)
SIZES = ((2, 6), (6, 20), (20, 60), (60, 200))
"""Of groups, in posts a day."""
SLACK = Path(__file__).parent.parent.parent / "data" / "slack-houstondatavis.ndjson.gz"

Deadlines = Callable[[Group, Moments], Moments]
"""What a method says after each of a group's posts: the moment from which on it calls the group silent."""


@compiled
def _deadlines(
    state: Array, zone: Zone, rules: Array, posts: Moments, quiet: Moments, silent: Moments
) -> None:
    begin(state[0])
    for i in range(len(posts)):
        while due(state[0]) <= posts[i]:
            pass_time(state[0], posts[i])
        record_post(state[0], zone, posts[i], rules[0])
        quiet[i] = state[0]["quiet_at"]
        silent[i] = state[0]["silent_at"]


def rules_array(rules: Silence) -> Array:
    """One row of `SILENCE_RULES`."""
    array = np.zeros(1, SILENCE_RULES)
    for name, value in numbers(rules).items():
        array[0][name] = value
    return array


def detector(rules: Silence, kind: int = SILENT) -> Deadlines:
    """The detector of the groups stage: its alert, or its warning."""
    array, state = rules_array(rules), np.zeros(1, SILENCE)

    def deadlines(group: Group, posts: Moments) -> Moments:
        quiet, silent = np.empty(len(posts), np.int64), np.empty(len(posts), np.int64)
        _deadlines(state, Zone.of(group.zone), array, posts, quiet, silent)
        return silent if kind == SILENT else quiet

    return deadlines


def _poisson(group: Group, posts: Moments) -> Moments:
    found = np.empty(len(posts), np.int64)
    poisson(posts, Zone.of(group.zone), 1e-4, found)
    return found


def _timeout(hours: int) -> Deadlines:
    def deadlines(group: Group, posts: Moments) -> Moments:
        found = np.empty(len(posts), np.int64)
        timeout(posts, hours, found)
        return found

    return deadlines


@dataclass(frozen=True)
class Outage:
    """One planted silence."""

    post: int
    """Number of the last post before it."""
    usual_ms: float
    """The longest gap of a week, median over the weeks before."""


def usual_longest_gap(posts: Moments, until: int) -> float:
    """Median over the `USUAL_WEEKS` weeks before a moment of each week's longest gap (by its end); ms."""
    ends, gaps = posts[1:], np.diff(posts)
    weeks = (until - ends) // WEEK_MS
    return float(np.median([gaps[weeks == w].max(initial=0) for w in range(USUAL_WEEKS)]))


def plant(group: Group, rng: np.random.Generator) -> tuple[Moments, list[Outage]]:
    """The group's posts without those in the outages, and these; none where one does not fit."""
    posts = group.posts
    outages: list[Outage] = []
    for first, last in PLANTED:
        moment = START_MS + int(rng.uniform(first, last) * WEEK_MS)
        number = int(np.searchsorted(posts, moment)) - 1
        begun = int(posts[number])
        usual = usual_longest_gap(posts[: number + 1], begun)
        ended = begun + OUTAGE * usual
        if usual > 0 and ended < posts[-1] and (not outages or number > outages[-1].post + 1):
            posts = np.concatenate([posts[: number + 1], posts[posts >= ended]])
            outages.append(Outage(number, usual))
    return posts, outages


@dataclass(frozen=True)
class Quality:
    """How one method did on some groups."""

    false_alarms: int
    months: float
    delays: Floats
    """Of each outage, in usual longest gaps; inf if it was not found."""

    @property
    def a_month(self) -> float:
        """False alarms a group-month in which the method watched."""
        return self.false_alarms / self.months

    @property
    def recall(self) -> float:
        """The part of the outages found before they ended."""
        return float(np.mean(self.delays < OUTAGE))

    @property
    def delay(self) -> float:
        """The median of all outages, in usual longest gaps."""
        return float(np.median(self.delays))


def judge(some: list[Group], planted: list[tuple[Moments, list[Outage]]], method: Deadlines) -> Quality:
    """Run a method over groups as they are, and over the same with outages."""
    alarms, watched, delays = 0, 0, []
    for group, (posts, outages) in zip(some, planted, strict=True):
        deadlines = method(group, group.posts)[:-1]
        gaps = np.diff(group.posts)
        alarms += int(np.sum(deadlines <= group.posts[1:]))
        watched += int(gaps[deadlines != NEVER].sum())
        deadlines = method(group, posts)
        for outage in outages:
            delay = (int(deadlines[outage.post]) - int(posts[outage.post])) / outage.usual_ms
            delays.append(delay if delay < OUTAGE else np.inf)
    return Quality(alarms, watched / MONTH_MS, np.array(delays))


ASKED_DAYS = {"month": 30, "quarter": 91, "year": 365}


def report(console: Console) -> bool:
    """Print the tables; whether every bar is met."""
    some = groups(GROUPS, WEEKS, SEED)
    planted = [plant(group, np.random.default_rng((SEED, number))) for number, group in enumerate(some)]
    methods = {
        "month": detector(Silence(quiet_days=ASKED_DAYS["month"]), QUIET),
        "quarter": detector(Silence(return_days=ASKED_DAYS["quarter"])),
        "year": detector(Silence(return_days=ASKED_DAYS["year"])),
    }
    found = {name: judge(some, planted, method) for name, method in methods.items()}
    rows = [(f"habit and tail, once a {name}", *_figures(quality)) for name, quality in found.items()]
    rows.append(("hour-of-week Poisson, P < 1e-4", *_figures(judge(some, planted, _poisson))))
    rows += [(f"timeout of {h} h", *_figures(judge(some, planted, _timeout(h)))) for h in TIMEOUTS]
    posts = sum(len(group.posts) for group in some)
    outages = len(found["year"].delays)
    title = f"Silence: {GROUPS} groups, {WEEKS} weeks, {posts:,} posts, {outages:,} outages"
    console.print(as_table(("method", *_FIGURES), rows, title))
    _by_size(console, some, planted)
    met = _bars(console, found)
    _slack(console)
    return met


_FIGURES = ("false alarms a group-month", "recall", "median delay, x usual longest gap")


def _figures(quality: Quality) -> tuple[str, str, str]:
    return f"{quality.a_month:.3f}", f"{quality.recall:.3f}", f"{quality.delay:.2f}"


def _by_size(console: Console, some: list[Group], planted: list[tuple[Moments, list[Outage]]]) -> None:
    rows = []
    for low, high in SIZES:
        picked = [i for i, group in enumerate(some) if low <= group.posts_a_day < high]
        quality = judge([some[i] for i in picked], [planted[i] for i in picked], detector(Silence()))
        usual = np.median([outage.usual_ms for i in picked for outage in planted[i][1]]) / HOUR_MS
        rows.append((f"{low} to {high}", len(picked), f"{usual:.0f} h", *_figures(quality)))
    names = ("posts a day", "groups", "usual longest gap", *_FIGURES)
    console.print(as_table(names, rows, "Habit and tail, once a year, by how much groups post"))


def _bars(console: Console, found: dict[str, Quality]) -> bool:
    year = found["year"]
    ratios = {name: quality.a_month * ASKED_DAYS[name] * DAY_MS / MONTH_MS for name, quality in found.items()}
    bars = [
        ("recall", year.recall, "at least 0.95", year.recall >= 0.95),
        ("median delay, x usual longest gap", year.delay, "at most 2", year.delay <= 2),
        ("false alarms a group-month", year.a_month, "at most 0.1", year.a_month <= 0.1),
        *((f"seen / asked for, once a {name}", r, "0.5 to 2", 0.5 <= r <= 2) for name, r in ratios.items()),
    ]
    rows = [(name, f"{value:.3f}", bar, "yes" if met else "NO") for name, value, bar, met in bars]
    console.print(as_table(("figure", "measured", "bar", "met"), rows, "Silence: bars"))
    return all(met for *_, met in bars)


def _slack(console: Console) -> None:
    """What the detector says of a real community, of the groups that it watched at all."""
    rows = []
    for name, posts in _slack_posts().items():
        deadlines = detector(Silence())(Group("America/Chicago", "", 0.0, posts), posts)[:-1]
        gaps = np.diff(posts)
        months = gaps[deadlines != NEVER].sum() / MONTH_MS
        if months > 0:
            alerts = np.flatnonzero(deadlines <= posts[1:])
            told = "; ".join(
                f"{datetime.fromtimestamp(deadlines[i] / 1000, UTC):%Y-%m-%d %H:%M}, "
                f"{(deadlines[i] - posts[i]) / HOUR_MS:.0f} of {gaps[i] / HOUR_MS:.0f} h"
                for i in alerts
            )
            rows.append((name, len(posts), f"{months:.1f}", len(alerts), told))
    names = ("group", "posts", "months watched", "alerts", "opened (UTC), after how much of the gap")
    console.print(as_table(names, rows, "A real community, once a year"))


def _slack_posts() -> dict[str, Moments]:
    found: dict[str, list[int]] = {}
    with gzip.open(SLACK, "rt") as lines:
        for event in map(json.loads, lines):
            if event["action"] == "post":
                at = datetime.fromisoformat(event["occurred_at"])
                found.setdefault(event["group_id"], []).append(int(at.timestamp() * 1000))
    return {name: np.array(sorted(moments), np.int64) for name, moments in found.items()}
