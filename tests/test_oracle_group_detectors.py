"""The oracle's detectors of groups, which pass time lazily, against the references, which keep all."""

from __future__ import annotations

import random
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.churn_rules import Churn as ChurnRules
from schemas.silence_rules import Silence as SilenceRules
from tests.lives import DAY_MS, HOUR_MS
from tests.oracle.groups.churn import Change, Churn
from tests.oracle.groups.silence import Silence
from tests.reference import churn, silence

MONDAY = 1_768_176_000_000  # 2026-01-12 UTC
ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo")
NAMES = {"group_quiet": "quiet", "group_silence": "silent"}
few = settings(max_examples=12, deadline=None)


# --- churn -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Leaves:
    """Leaves of a group: their clocks, in order, how late they are, and what they are judged by."""

    zone: str
    slots: int
    rules: ChurnRules
    begun: int
    clocks: list[tuple[int, int]]
    end: int


@st.composite
def leaves(draw: st.DrawFn) -> Leaves:
    """Weeks of few leaves and weeks of many."""
    rules = ChurnRules(
        false_alarm_months=draw(st.floats(1, 50)),
        least_leaves=draw(st.integers(2, 5)),
        hourly_from=draw(st.floats(1, 10)),
        daily_from=draw(st.floats(0.1, 1)),
        warm_up_weeks=draw(st.integers(2, 3)),
        level_half_life_weeks=draw(st.floats(1, 10)),
        longest_days=draw(st.integers(3, 12)),
        late_hours=draw(st.integers(1, 48)),
    )
    chance, at = random.Random(draw(st.integers(0, 2**32))), MONDAY + draw(st.integers(0, 365 * 24)) * HOUR_MS
    begun, usual, clocks = at, draw(st.sampled_from((0.1, 1.0, 8.0, 40.0))), list[tuple[int, int]]()
    spans = [(4 * 168, 1.0), *draw(st.lists(st.tuples(st.integers(1, 400), st.sampled_from((0, 1, 5, 15)))))]
    for hours, times in spans[:5]:
        for _ in range(hours):
            rate = usual / 24 * times
            while chance.random() < rate / (1 + rate):
                clocks.append((at + chance.randrange(HOUR_MS), chance.choice((0, 0, 30 * HOUR_MS))))
            at += HOUR_MS
    zone, slots = draw(st.sampled_from(ZONES)), draw(st.sampled_from((168, 7)))
    return Leaves(zone, slots, rules, begun, sorted(clocks), at + 30 * DAY_MS)


def oracle_changes(life: Leaves) -> list[churn.Change]:
    """What the oracle's detector says of them, asked as a group does."""
    detector = Churn(ZoneInfo(life.zone), life.rules, life.slots, life.begun)
    found: list[Change] = []

    def settle(to: int) -> None:
        while (due := detector.due(to)) is not None and due <= to:
            found.extend(detector.pass_due(due))

    for clock, late in life.clocks:
        settle(clock)
        detector.leave(clock, clock - late)
    settle(life.end)
    return [(c.kind, c.at, c.began_at, c.ended_at, c.count, c.expected, c.score, c.threshold) for c in found]


@few
@given(leaves())
def test_churn_is_that_of_the_reference(life: Leaves) -> None:
    reference = churn.Group(life.zone, life.rules, life.slots, life.begun)
    for clock, late in life.clocks:
        reference.leave(clock, clock - late)
    reference.pass_to(life.end)
    assert oracle_changes(life) == reference.changes


def test_a_burst_of_leaves_is_an_alarm() -> None:
    """Otherwise the comparison above would be of two empty lists."""
    usual = [(MONDAY + day * DAY_MS, 0) for day in range(35)]
    burst = [(MONDAY + 35 * DAY_MS + minute * 60_000, 0) for minute in range(30)]
    life = Leaves("UTC", 168, ChurnRules(), MONDAY, usual + burst, MONDAY + 70 * DAY_MS)
    assert [change[0] for change in oracle_changes(life)] == ["opened", "resolved"]


# --- silence -----------------------------------------------------------------------------------------


@st.composite
def posts(draw: st.DrawFn) -> list[tuple[int, int]]:
    """The clock and the moment of each: days and nights, pauses, late ones."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    at = clock = MONDAY + draw(st.integers(0, 365)) * DAY_MS
    pace, late = draw(st.floats(0.5, 12)) * HOUR_MS, draw(st.sampled_from((0.0, 0.1)))
    pauses = dict(draw(st.lists(st.tuples(st.integers(40, 250), st.floats(1, 20 * 168)), max_size=3)))
    found = []
    for number in range(draw(st.integers(60, 260))):
        at += int(chance.expovariate(1) ** 1.5 * pace + pauses.get(number, 0.0) * HOUR_MS)
        at += 8 * HOUR_MS if at // HOUR_MS % 24 < 8 else 0
        clock = max(clock, at)
        found.append((clock, at - chance.randrange(20 * DAY_MS) if chance.random() < late else at))
    return found


@few
@given(
    posts=posts(),
    zone=st.sampled_from(ZONES),
    rules=st.builds(
        SilenceRules,
        return_days=st.integers(60, 400),
        quiet_days=st.integers(7, 59),
        min_hours=st.integers(1, 12),
        min_posts=st.integers(10, 60),
        min_weeks=st.integers(2, 4),
        half_life_weeks=st.floats(1, 20),
        prior_weeks=st.floats(0.5, 20),
        tail_weeks=st.integers(4, 26),
    ),
)
def test_silence_is_that_of_the_reference(
    posts: list[tuple[int, int]], zone: str, rules: SilenceRules
) -> None:
    reference, oracle = silence.Group(rules, zone), Silence(rules, ZoneInfo(zone))
    for clock, at in posts:
        opened = []
        while (due := oracle.due(clock)) is not None and due <= clock:
            rule, opened_at = oracle.pass_due(clock)
            opened.append((NAMES[rule], opened_at))
        assert sorted(opened) == sorted(reference.pass_time(clock))
        resolved, gap = oracle.post(at)
        quiet, silent, right_gap = reference.post(at)
        assert ("group_quiet" in resolved, "group_silence" in resolved, gap) == (quiet, silent, right_gap)
        assert (oracle.levels["group_quiet"], oracle.levels["group_silence"]) == (
            reference.quiet_level,
            reference.silent_level,
        )
        assert oracle.rates == (reference.habit or [0] * 168)


def test_a_group_that_stops_is_silent() -> None:
    """Otherwise the comparison above might be of groups in which nothing opens."""
    detector = Silence(SilenceRules(min_posts=10, min_weeks=2), ZoneInfo("UTC"))
    chance = random.Random(1)
    for hour in range(24 * 30):
        detector.post(MONDAY + hour * HOUR_MS + chance.randrange(HOUR_MS) + chance.choice((0, HOUR_MS)))
    much_later = MONDAY + 100 * DAY_MS
    assert detector.pass_due(much_later)[0] == "group_quiet"
    assert detector.pass_due(much_later)[0] == "group_silence"
    assert detector.due(much_later) is None
