"""Churn spikes, against docs/churn.md and a reference that keeps all leaves and recomputes all."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from schemas.churn_rules import Churn
from schemas.rules import DAY_MS, HOUR_MS
from streams.calendar import Zone, hour_of
from streams.columnar import Array
from streams.compiled import compiled
from streams.groups.churn import (
    CHURN,
    CHURN_BY_DAY,
    NEVER,
    OPENED,
    begin,
    due,
    hour_shown,
    pass_time,
    record_leave,
    record_leaves,
    renew,
)
from streams.groups.churn_baseline import llr
from tests.churn_lives import (
    MONDAY,
    SPIKE_AT,
    WEEK_MS,
    Detector,
    Life,
    burst,
    differences,
    lives,
    regular,
    watched,
)


@settings(max_examples=30)
@given(lives())
def test_equals_the_reference(life: Life) -> None:
    detector = Detector(life.zone, life.rules, life.slots, life.begun)
    leaves = life.leaves()
    part, rules = life.restart
    assert differences(detector, leaves, life.end, (int(part * len(leaves)), rules)) == []


def test_the_ratio_is_that_of_two_negative_binomials() -> None:
    def log_chance(x: int, mu: float, r: float) -> float:
        return (
            math.lgamma(x + r) - math.lgamma(r) - math.lgamma(x + 1)
            + r * math.log(r / (r + mu)) + x * math.log(mu / (r + mu))
        )  # fmt: skip

    for x, mu, r in ((0, 0.01, 0.5), (3, 0.7, 2.0), (40, 12.0, 5.0), (1, 4.0, 50.0)):
        assert llr(x, mu, 1 / r) == pytest.approx(log_chance(x, 2 * mu, r) - log_chance(x, mu, r), abs=1e-9)


def test_opens_once_at_the_exact_end_of_the_hour() -> None:
    leaves = regular(8, 12)
    detector = watched([*leaves, *burst(SPIKE_AT, 40)])
    assert detector.said == []
    end = SPIKE_AT + HOUR_MS
    assert due(detector.state) == end
    detector.pass_to(end - 1)
    assert detector.said == []
    detector.pass_to(end)
    [(kind, at, began, ended, count, expected, score, threshold)] = detector.said
    assert (kind, at, began, ended, count) == ("opened", end, SPIKE_AT, end, 40)
    assert 0.5 < expected < 2
    assert score >= threshold > 5 * math.log(2)
    more = burst(SPIKE_AT + HOUR_MS, 4, 20)
    for leave in more:
        detector.leave(leave, leave)
    assert len(detector.said) == 1


def test_resolves_with_the_number_gone_when_leaves_are_usual_again() -> None:
    usual = regular(12, 12)
    before = [at for at in usual if at < SPIKE_AT]
    detector = watched([*before, *burst(SPIKE_AT, 6, 8), *(at for at in usual if at >= SPIKE_AT + DAY_MS)])
    (opened, *_), (kind, at, began, ended, count, expected, score, threshold) = detector.said
    assert (opened, kind, score) == ("opened", "resolved", 0.0)
    assert began <= SPIKE_AT
    assert SPIKE_AT + 4 * HOUR_MS <= ended <= SPIKE_AT + 8 * HOUR_MS
    assert 24 <= count <= 52
    assert 1 < expected < count / 2
    assert ended + DAY_MS < at < ended + 8 * DAY_MS
    assert due(detector.state) == NEVER
    assert threshold > 0


def test_resolves_without_a_single_further_leave() -> None:
    detector = watched([*regular(8, 12), *burst(SPIKE_AT, 40)], SPIKE_AT + 30 * DAY_MS)
    assert [change[0] for change in detector.said] == ["opened", "resolved"]
    # h leaves fewer than expected bring S from h to 0, a few more as they scatter.
    assert SPIKE_AT + 12 * HOUR_MS < detector.said[1][1] < SPIKE_AT + 3 * DAY_MS


def test_a_spike_is_not_learnt_and_stays_one_alert() -> None:
    usual = regular(11, 12)
    end = SPIKE_AT + 14 * DAY_MS
    spiked = [*usual, *regular(2, 36, 5, SPIKE_AT - 12 * HOUR_MS)]
    detector = watched(sorted(at for at in spiked if at < end), end)
    assert [change[0] for change in detector.said] == ["opened"]
    calm = watched([at for at in usual if at < end], end)
    assert calm.said == []
    assert detector.state["rates"].sum() == pytest.approx(calm.state["rates"].sum(), rel=0.25)


def test_what_goes_on_becomes_usual() -> None:
    usual = regular(8, 12)
    tripled = regular(16, 36, 5, MONDAY + 8 * WEEK_MS)
    detector = watched([*usual, *tripled])
    assert [change[0] for change in detector.said] == ["opened", "usual"]
    opened, ended = detector.said
    assert ended[1] == opened[1] + 28 * DAY_MS
    assert ended[4] / ended[5] == pytest.approx(3, rel=0.2)
    assert detector.state["rates"].sum() == pytest.approx(7 * 36, rel=0.2)


def test_never_without_history() -> None:
    detector = watched([*regular(3, 12), *burst(MONDAY + 4 * WEEK_MS, 200)], MONDAY + 5 * WEEK_MS - HOUR_MS)
    assert detector.said == []
    assert due(detector.state) == NEVER
    # A group that began on a Monday has learnt nothing of its first week: it may have begun within it.
    late = watched([*regular(5, 12), *burst(MONDAY + 5 * WEEK_MS, 200)], MONDAY + 6 * WEEK_MS)
    assert late.said[0][:2] == ("opened", MONDAY + 5 * WEEK_MS + HOUR_MS)


def test_hours_without_leaves_are_history() -> None:
    quiet = Detector(begun=MONDAY)
    for leave in burst(MONDAY + 8 * WEEK_MS + HOUR_MS, 6):
        quiet.leave(leave, leave)
    quiet.pass_to(MONDAY + 9 * WEEK_MS)
    assert [change[0] for change in quiet.said] == ["opened"]
    assert quiet.said[0][1] == MONDAY + 9 * WEEK_MS  # by the week
    fresh = watched(
        burst(MONDAY + 8 * WEEK_MS + HOUR_MS, 6), MONDAY + 9 * WEEK_MS, begun=MONDAY + 8 * WEEK_MS
    )
    assert fresh.said == []


def test_watched_by_hour_day_or_week_by_how_many_leave() -> None:
    steps = {a_day: int(watched(regular(9, a_day)).state["step"]) for a_day in (0.05, 1.5, 12)}
    assert steps == {0.05: 168, 1.5: 24, 12: 1}
    by_day_only = watched(regular(9, 12), slots=7)
    assert by_day_only.state["step"] == 1
    assert CHURN.itemsize < 2000
    assert CHURN_BY_DAY.itemsize < 300


def test_few_leaves_are_no_alarm() -> None:
    usual = [MONDAY + week * WEEK_MS + DAY_MS for week in range(8)]
    for count, expected in ((4, []), (40, ["opened"])):
        detector = watched([*usual, *burst(SPIKE_AT, count)], SPIKE_AT + WEEK_MS)
        assert [change[0] for change in detector.said] == expected


def test_a_leave_counts_when_it_comes_unless_it_is_no_news() -> None:
    usual = regular(8, 12)
    late, stale = Detector(), Detector()
    for at in usual:
        late.leave(at, at)
        stale.leave(at, at)
    for clock in burst(SPIKE_AT, 40):
        late.leave(clock, clock - 24 * HOUR_MS)
        stale.leave(clock, clock - 24 * HOUR_MS - 1)
    assert due(late.state) == SPIKE_AT + HOUR_MS
    assert due(stale.state) == NEVER
    assert stale.state["counts"].sum() == watched(usual).state["counts"].sum()


@pytest.mark.parametrize("slots", [168, 7])
def test_many_leaves_at_once_are_as_many_single_ones(slots: int) -> None:
    chance, clock = random.Random(7), MONDAY
    each, at_once = Detector(slots=slots), Detector(slots=slots)
    for step in range(600):
        clock += chance.randrange(6 * HOUR_MS)
        # A spike of two days in the eighth week; some are late, some too late.
        count = chance.randrange(50, 100) if 400 <= step < 416 else chance.randrange(4)
        at = clock - chance.choice((0, 24 * HOUR_MS, 24 * HOUR_MS + 1))
        each.pass_to(clock)
        at_once.pass_to(clock)
        for _ in range(count):
            record_leave(each.state, each.row[0], each.book, clock, at)
        record_leaves(at_once.state, at_once.row[0], at_once.book, clock, at, count)
        assert at_once.array.tobytes() == each.array.tobytes()
    assert at_once.said == each.said
    assert {change[0] for change in each.said} >= {"opened", "resolved"}


@pytest.mark.parametrize("slots", [168, 7])
def test_an_hour_or_day_counts_so_many_leaves_at_most(slots: int) -> None:
    usual = regular(8, 12)
    full, more, fewer = (watched(usual, slots=slots) for _ in range(3))
    start = MONDAY + 8 * WEEK_MS
    full.leave(start, start, 65_534)
    more.leave(start, start, 100_000)
    for count in (40_000, 0, 25_535, 1):
        fewer.leave(start, start, count)
    assert full.array.tobytes() == more.array.tobytes() == fewer.array.tobytes()
    assert full.state["now"] == 65_534
    full.pass_to(start + DAY_MS)
    assert 65_534 <= full.said[0][4] < 65_600


@pytest.mark.parametrize("slots", [168, 7])
@pytest.mark.parametrize("weeks", [0, 1, 30])
def test_history_may_be_begun_late_with_the_clock_it_had(slots: int, weeks: int) -> None:
    """From 2026-01-14 on; in 30 weeks clocks there are another hour ahead."""
    first = MONDAY + 2 * DAY_MS + HOUR_MS // 2
    usual = regular(10, 12, first=MONDAY + weeks * WEEK_MS + 3 * DAY_MS)
    leaves = [*usual, *burst(usual[-1] + HOUR_MS, 60)]
    then = Detector("Europe/Berlin", slots=slots, begun=first)
    for hour in range((leaves[0] - first) // HOUR_MS + 1):
        then.pass_to(first + hour * HOUR_MS)
    late = Detector("Europe/Berlin", slots=slots, begun=first)
    late.array = np.zeros(1, late.array.dtype)
    begin(late.state, late.book, first)
    for at in leaves:
        then.leave(at, at)
        late.leave(at, at)
        assert late.array.tobytes() == then.array.tobytes()
    then.pass_to(leaves[-1] + WEEK_MS)
    late.pass_to(leaves[-1] + WEEK_MS)
    assert [change[0] for change in then.said][:1] == ["opened"]
    assert late.said == then.said
    assert late.state["weeks"] == weeks + 9


@pytest.mark.parametrize("at", [10, 700, 1075, 1110, 1200])
@pytest.mark.parametrize("slots", [168, 7])
def test_a_copy_of_the_state_goes_on_the_same(at: int, slots: int) -> None:
    usual = regular(12, 18)
    leaves = sorted([*usual, *burst(SPIKE_AT, 5, 60)])
    whole, other = watched(leaves, slots=slots), watched(leaves[:at], slots=slots)
    other.restart(other.rules, "UTC")
    for moment in leaves[at:]:
        other.leave(moment, moment)
    assert other.array.tobytes() == whole.array.tobytes()
    assert other.said == whole.said
    assert whole.said


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("slots", [168, 7])
def test_in_another_time_zone_no_alert_is_lost(zone: str, slots: int) -> None:
    """14 hours ahead, 11 hours behind."""
    before = [*regular(8, 12), *burst(SPIKE_AT, 60)]
    detector = watched(before, slots=slots)
    assert SPIKE_AT < due(detector.state) <= SPIKE_AT + 12 * HOUR_MS
    detector.restart(detector.rules, zone)
    for at in [SPIKE_AT + HOUR_MS - 1, *regular(4, 12, first=SPIKE_AT + 12 * HOUR_MS)]:
        detector.leave(at, at)
    kinds, moments = [change[0] for change in detector.said], [change[1] for change in detector.said]
    assert kinds == ["opened", "resolved"] * (len(kinds) // 2)
    assert kinds
    assert abs(moments[0] - SPIKE_AT) <= DAY_MS
    assert moments == sorted(moments)


class Table(NamedTuple):
    """As a stage has its rows."""

    rows: Array


@compiled
def _leave_in(table: Table, row: Any, rules: Array, zone: Zone, leaves: Array) -> Any:
    """A kernel of a stage: the state is a part of the row of a table. When the first alarm opened."""
    opened = np.int64(0)
    begin(table.rows[row]["churn"], zone, leaves[0])
    for at in leaves:
        while due(table.rows[row]["churn"]) <= at:
            change = pass_time(table.rows[row]["churn"], rules[0], zone)
            if change.kind == OPENED and opened == 0:
                opened = change.at
        record_leave(table.rows[row]["churn"], rules[0], zone, at, at)
        record_leaves(table.rows[row]["churn"], rules[0], zone, at, at, 2)
    renew(table.rows[row]["churn"], zone)
    return opened


@pytest.mark.parametrize("slots", [168, 7])
def test_the_state_can_be_part_of_a_row(slots: int) -> None:
    state = CHURN if slots == 168 else CHURN_BY_DAY
    rows = np.zeros(2, np.dtype([("members", "u1"), ("churn", state), ("last", "i8")]))
    leaves = [MONDAY, *regular(8, 12), *burst(SPIKE_AT, 40), SPIKE_AT + DAY_MS]
    alone = Detector(slots=slots)
    for at in leaves:
        alone.leave(at, at, 3)
    opened = _leave_in(Table(rows), 1, alone.row, alone.book, np.array(leaves))
    assert opened == alone.said[0][1] == SPIKE_AT + (HOUR_MS if slots == 168 else 12 * HOUR_MS)
    assert rows[1]["churn"].tobytes() == alone.array.tobytes()
    assert not rows[0].tobytes().strip(b"\0")
    assert (rows[1]["members"], rows[1]["last"]) == (0, 0)


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "Asia/Kolkata"]
)
def test_hours_shown_never_go_back_and_are_of_a_length(zone: str) -> None:
    book = Zone.of(zone)
    shown = [int(hour_shown(book, MONDAY + quarter * HOUR_MS // 4)) for quarter in range(4 * 24 * 365)]
    assert shown == sorted(shown)
    local = [int(hour_of(book, MONDAY + quarter * HOUR_MS // 4)) for quarter in range(4 * 24 * 365)]
    assert shown == np.maximum.accumulate(local).tolist()
    assert (shown != local) == (zone == "Antarctica/Troll")  # the only one that is put back by two hours


def test_hours_and_days_are_those_of_the_community() -> None:
    """On 2026-03-29 at 01:00 UTC clocks in Berlin go on from 02:00 to 03:00."""
    sunday = 1_774_742_400_000
    usual = regular(8, 1.5, first=MONDAY)
    spike = burst(sunday + 12 * HOUR_MS, 30)
    assert spike[0] > MONDAY + 8 * WEEK_MS
    for zone, shift in (("UTC", 0), ("Europe/Berlin", 2), ("America/New_York", -4), ("Asia/Kolkata", 5.5)):
        detector = watched([*usual, *spike], spike[-1] + 3 * DAY_MS, zone=zone)
        assert detector.said[0][:2] == (
            "opened",
            sunday + DAY_MS - int(shift * HOUR_MS),
        )  # the end of Sunday there
    morning = [at + (-HOUR_MS if at >= sunday + HOUR_MS else 0) for at in regular(16, 24)]
    detector = watched(morning, zone="Europe/Berlin")
    rates = detector.state["rates"].reshape(7, 24).sum(0)
    assert rates[9:21].sum() > 0.97 * rates.sum()  # 8 to 20 UTC in winter
    assert rates[8] < 0.01 * rates.sum()


def test_a_long_pause_is_walked_to_the_same_end() -> None:
    leaves = regular(8, 12)
    back = leaves[-1] + 300 * WEEK_MS
    detector = watched([*leaves, back])
    stepwise = watched(leaves)
    for week in range(300):
        stepwise.pass_to(leaves[-1] + week * WEEK_MS)
    stepwise.leave(back, back)
    assert detector.array.tobytes() == stepwise.array.tobytes()
    assert detector.state["rates"].sum() < 1


def test_rules_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="daily_from must not be more than hourly_from"):
        Churn(hourly_from=1.0, daily_from=2.0)


def _two_lives() -> str:
    """What two detectors said and are in the end, as text."""
    leaves = sorted([*regular(10, 12), *burst(SPIKE_AT, 5, 30)])
    lives = [watched(leaves, leaves[-1] + 10**9, zone="Europe/Berlin", slots=slots) for slots in (168, 7)]
    for detector in lives:
        detector.restart(Churn(warm_up_weeks=2), "Asia/Kolkata")
        detector.leave(leaves[-1] + 10**9, leaves[-1], 30)
    return "\n".join(f"{detector.said} {detector.array.tobytes().hex()}" for detector in lives)


def test_uncompiled_it_is_the_same() -> None:
    run = "import numba, tests.test_churn as t; assert numba.config.DISABLE_JIT; print(t._two_lives())"
    plain = subprocess.run(
        [sys.executable, "-W", "error", "-c", run],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    ).stdout
    assert plain.count("opened") == 2, plain
    assert plain.strip() == _two_lives()
