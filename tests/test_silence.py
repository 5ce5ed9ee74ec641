"""Group silence, against docs/silence.md and a reference that keeps all posts and recomputes all."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.rules import DAY_MS, HOUR_MS
from schemas.silence_rules import Silence
from streams.calendar import Zone, hour_of, hour_of_week
from streams.columnar import Array
from streams.groups.silence import (
    NEVER,
    QUIET,
    SILENCE,
    SILENCE_RULES,
    SILENT,
    UNIT,
    WEEK_MS,
    begin,
    due,
    evidence,
    measure,
    numbers,
    opened_at,
    pass_time,
    record_post,
    renew,
)
from tests.reference.silence import Group

MONDAY = 1_768_176_000_000  # 2026-01-12 UTC
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


def rules_row(rules: Silence) -> Array:
    """The rules as kernels take them."""
    array = np.zeros(1, SILENCE_RULES)
    for name, value in numbers(rules).items():
        array[0][name] = value
    return array


class Detector:
    """A group's state, and the arguments that its functions take besides."""

    def __init__(self, zone: str = "UTC", rules: Silence | None = None) -> None:
        self.array = np.zeros(1, SILENCE)
        self.zone = Zone.of(zone)
        self.rules = rules_row(rules or Silence())
        begin(self.state)

    @property
    def state(self) -> Any:
        return self.array[0]

    def post(self, at: int) -> tuple[bool, bool, int]:
        """What resolves (quiet, silent), and the gap."""
        resolved, gap = record_post(self.state, self.zone, at, self.rules[0])
        return bool(resolved & QUIET), bool(resolved & SILENT), int(gap)

    def pass_time(self, to: int) -> list[tuple[str, int]]:
        """What opens until then."""
        opened = []
        while kind := pass_time(self.state, to):
            opened.append(("quiet" if kind == QUIET else "silent", int(opened_at(self.state, kind))))
        return opened

    def measure(self, start: int, end: int) -> int:
        return int(measure(self.state, self.zone, start, end))

    @property
    def deadlines(self) -> tuple[int, int]:
        return int(self.state["quiet_at"]), int(self.state["silent_at"])


@dataclass(frozen=True)
class Life:
    """Posts of a group as they come: its clock, its moment."""

    zone: str
    rules: Silence
    posts: list[tuple[int, int]]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Days and nights, bursts, late posts, pauses of any length, and thresholds of all kinds."""
    rules = Silence(
        return_days=draw(st.integers(60, 400)),
        quiet_days=draw(st.integers(7, 59)),
        min_hours=draw(st.integers(1, 12)),
        min_posts=draw(st.integers(10, 60)),
        min_weeks=draw(st.integers(2, 4)),
        half_life_weeks=draw(st.floats(1, 20)),
        prior_weeks=draw(st.floats(0.5, 20)),
        tail_weeks=draw(st.integers(4, 26)),
        shape_max=draw(st.floats(0, 0.5)),
        shape_doubt=draw(st.floats(0, 200)),
    )
    chance = random.Random(draw(st.integers(0, 2**32)))
    at = clock = MONDAY + draw(st.integers(0, 365)) * DAY_MS
    pace = draw(st.floats(0.5, 12)) * HOUR_MS
    nights = draw(st.booleans())
    pauses = draw(st.lists(st.tuples(st.integers(40, 250), st.floats(1, 30 * 168)), max_size=2))
    late = draw(st.sampled_from((0.0, 0.1)))
    posts = []
    for number in range(draw(st.integers(60, 260))):
        at += int(chance.expovariate(1) ** 1.5 * pace)
        if nights and at // HOUR_MS % 24 < 8:
            at += 8 * HOUR_MS
        at += int(sum(hours for when, hours in pauses if when == number) * HOUR_MS)
        clock = max(clock, at)
        moment = at - chance.randrange(20 * DAY_MS) if chance.random() < late else at
        posts.append((clock + chance.choice((0, 0, HOUR_MS)), moment))
    posts = [(max(c for c, _ in posts[: i + 1]), t) for i, (_, t) in enumerate(posts)]
    return Life(draw(st.sampled_from(ZONES)), rules, posts)


def differences(life: Life) -> list[str]:
    """Where detector and reference say different things, moment by moment."""
    detector, group, found = Detector(life.zone, life.rules), Group(life.rules, life.zone), []
    for clock, at in life.posts:
        for name, said, right in (
            ("opened", detector.pass_time(clock), group.pass_time(clock)),
            ("resolved", detector.post(at), group.post(at)),
            ("levels", _levels(detector), (group.quiet_level, group.silent_level)),
            ("habit", detector.state["rate"].tolist(), group.habit or [0] * 168),
            ("deadlines", detector.deadlines, (group.quiet_at or NEVER, group.silent_at or NEVER)),
        ):
            if said != right:
                found.append(f"{name} at {at}: {said}, not {right}")
    return found


def _levels(detector: Detector) -> tuple[int, int]:
    return int(detector.state["quiet_level"]), int(detector.state["silent_level"])


@settings(max_examples=40, deadline=None)
@given(lives())
def test_equals_the_reference(life: Life) -> None:
    assert differences(life)[:3] == []


def regular(weeks: int = 8, zone: str = "UTC", seed: int = 1, first: int = MONDAY) -> list[int]:
    """Every day about ten posts between 8 and 20 o'clock there, half as many on Saturdays and Sundays."""
    chance, found, book = random.Random(seed), [], Zone.of(zone)
    for hour in range(weeks * 168):
        at = first + hour * HOUR_MS
        there = int(hour_of_week(hour_of(book, at)))
        if 8 <= there % 24 < 20 and chance.random() < (0.6 if there < 120 else 0.3):
            found.append(at + chance.randrange(HOUR_MS))
    return found


def watched(posts: list[int], zone: str = "UTC", rules: Silence | None = None) -> Detector:
    """A detector after these posts; whatever opened in between is over."""
    detector = Detector(zone, rules)
    for at in posts:
        detector.pass_time(at)
        detector.post(at)
    return detector


def test_the_lives_that_are_compared_have_alerts_that_open_and_resolve() -> None:
    posts = regular()
    life = Life("UTC", Silence(), [(at, at) for at in [*posts, posts[-1] + 9 * DAY_MS]])
    assert differences(life) == []
    detector = watched(posts)
    assert detector.pass_time(posts[-1] + 9 * DAY_MS)[-1][0] == "silent"


def test_opens_at_the_exact_moment_and_once() -> None:
    detector = watched(regular())
    quiet_at, silent_at = detector.deadlines
    last = int(detector.state["last_at"])
    assert last + 6 * HOUR_MS < quiet_at < silent_at < last + 4 * DAY_MS
    assert due(detector.state) == quiet_at
    assert detector.pass_time(quiet_at - 1) == []
    assert detector.pass_time(quiet_at) == [("quiet", quiet_at)]
    assert due(detector.state) == silent_at
    assert detector.pass_time(silent_at - 1) == []
    assert detector.pass_time(silent_at + 5 * DAY_MS) == [("silent", silent_at)]
    assert due(detector.state) == NEVER
    assert detector.pass_time(silent_at + 400 * DAY_MS) == []
    for level, at in zip(_levels(detector), (quiet_at, silent_at), strict=True):
        assert detector.measure(last, at) >= level > detector.measure(last, at - 1)


def test_resolves_with_the_next_post_and_the_length_of_the_gap() -> None:
    detector = watched(regular())
    last, (quiet_at, silent_at) = int(detector.state["last_at"]), detector.deadlines
    restarted = Detector()
    restarted.array = detector.array.copy()
    detector.pass_time(quiet_at)
    assert detector.post(quiet_at + 5) == (True, False, quiet_at + 5 - last)
    restarted.pass_time(silent_at)
    assert restarted.post(silent_at + 7) == (True, True, silent_at + 7 - last)
    assert restarted.pass_time(silent_at + 7) == []
    assert min(restarted.deadlines) >= silent_at + 7 + 6 * HOUR_MS


@pytest.mark.parametrize("at", [100, 400, 460])
def test_a_copy_of_the_state_goes_on_the_same(at: int) -> None:
    posts = [*regular(9), MONDAY + 10 * WEEK_MS]
    whole, half = watched(posts), watched(posts[:at])
    saved = half.array.tobytes()
    other = Detector()
    other.array = np.frombuffer(saved, SILENCE).copy()
    for moment in posts[at:]:
        other.pass_time(moment)
        other.post(moment)
    assert other.array.tobytes() == whole.array.tobytes()


def test_says_nothing_without_history() -> None:
    posts = regular()
    young = [at for at in posts if at < posts[0] + 4 * WEEK_MS - DAY_MS]
    assert len(young) > 50
    assert watched(young).deadlines == (NEVER, NEVER)
    assert max(watched([at for at in posts if at < posts[0] + 4 * WEEK_MS + DAY_MS]).deadlines) < NEVER
    few = [*posts[:170:5], *posts[170::40]][:49]
    assert few[-1] - few[0] > 4 * WEEK_MS
    assert watched(few).deadlines == (NEVER, NEVER)
    assert due(Detector().state) == NEVER


def test_never_before_the_least_time_without_a_post() -> None:
    posts = list(range(MONDAY, MONDAY + 8 * WEEK_MS, 10 * 60_000))
    detector = watched(posts)
    assert detector.deadlines == (posts[-1] + 6 * HOUR_MS, posts[-1] + 6 * HOUR_MS)
    assert detector.pass_time(posts[-1] + 6 * HOUR_MS) == [
        ("quiet", posts[-1] + 6 * HOUR_MS), ("silent", posts[-1] + 6 * HOUR_MS)
    ]  # fmt: skip
    assert watched(posts, rules=Silence(min_hours=2)).deadlines[0] < posts[-1] + 6 * HOUR_MS


def test_a_late_post_counts_in_the_habit_and_does_not_end_the_gap() -> None:
    posts = regular()
    detector, without = watched(posts), watched(posts)
    before = detector.deadlines
    quiet_at = before[0]
    detector.pass_time(quiet_at)
    without.pass_time(quiet_at)
    night = MONDAY + 7 * WEEK_MS + 3 * HOUR_MS
    assert detector.post(night) == (False, False, 0)
    assert (detector.deadlines, int(detector.state["last_at"])) == (before, posts[-1])
    assert due(detector.state) == before[1]
    for one in (detector, without):
        one.post(posts[-1] + DAY_MS)
    assert detector.state["posts"] == without.state["posts"] + 1
    assert detector.state["rate"][3] > without.state["rate"][3]
    assert detector.state["rate"][27] >= without.state["rate"][27]


def test_a_post_that_arrives_after_the_deadline_but_was_before_it_resolves() -> None:
    detector = watched(regular())
    last, (quiet_at, _) = int(detector.state["last_at"]), detector.deadlines
    detector.pass_time(quiet_at + HOUR_MS)
    assert detector.post(quiet_at - HOUR_MS) == (True, False, quiet_at - HOUR_MS - last)


def test_nights_and_weekends_count_for_little() -> None:
    detector = watched(regular())
    day = MONDAY + 8 * WEEK_MS
    work = detector.measure(day + 8 * HOUR_MS, day + 20 * HOUR_MS)
    night = detector.measure(day + 20 * HOUR_MS, day + 32 * HOUR_MS)
    saturday = detector.measure(day + 5 * DAY_MS + 8 * HOUR_MS, day + 5 * DAY_MS + 20 * HOUR_MS)
    assert night < work / 8
    assert night < saturday < work * 0.8
    assert 12 * UNIT * 0.6 < work < 12 * UNIT * 1.3  # -log(1 - 0.6) = 0.92 an hour


@pytest.mark.parametrize(("zone", "change"), [("Europe/Berlin", 1_774_746_000_000), ("UTC", None)])
def test_the_habit_moves_with_the_clocks(zone: str, change: int | None) -> None:
    """From 2026-03-29 01:00 UTC on clocks in Berlin are an hour ahead of where they were."""
    first = 1_774_742_400_000 - 10 * WEEK_MS  # a Sunday at 00:00 UTC
    detector = watched(regular(10, zone, first=first), zone)
    before, after = first + 9 * WEEK_MS + 4 * DAY_MS, first + 10 * WEEK_MS + 4 * DAY_MS  # Thursdays
    morning = detector.measure(before + 6 * HOUR_MS, before + 12 * HOUR_MS)
    shift = 0 if change is None else HOUR_MS
    assert detector.measure(after + 6 * HOUR_MS - shift, after + 12 * HOUR_MS - shift) == morning
    if change is not None:
        assert detector.measure(after + 6 * HOUR_MS, after + 12 * HOUR_MS) > morning
        week = sum(map(int, detector.state["rate"]))
        assert detector.measure(change - 72 * HOUR_MS, change + 95 * HOUR_MS) == week - int(
            detector.state["rate"][6 * 24 + 2]  # there was no 02:00 to 03:00 that Sunday
        )


def test_after_a_very_long_silence_history_begins_anew() -> None:
    posts = regular()
    detector = watched(posts)
    back = posts[-1] + 26 * WEEK_MS + 1
    detector.pass_time(back)
    assert detector.post(back) == (True, True, back - posts[-1])
    fresh = watched([back])
    assert detector.array.tobytes() == fresh.array.tobytes()


def test_an_outage_does_not_make_the_next_one_hard_to_see() -> None:
    posts = regular(12)
    outage = [at for at in posts if not MONDAY + 8 * WEEK_MS < at < MONDAY + 8 * WEEK_MS + 10 * DAY_MS]
    usual, after = _levels(watched(posts)), _levels(watched(outage))
    assert usual[1] < after[1] < 1.15 * usual[1]
    assert usual[0] < after[0] < 1.15 * usual[0]


def test_a_group_that_becomes_slow_for_good_is_silent_at_first_and_then_no_more() -> None:
    chance, slow = random.Random(2), regular(24)
    slow = [at for at in slow if at < MONDAY + 10 * WEEK_MS or chance.random() < 0.2]
    detector, opened = Detector(), []
    for at in slow:
        opened += [moment for kind, moment in detector.pass_time(at) if kind == "silent"]
        detector.post(at)
    weeks = [(moment - MONDAY) // WEEK_MS for moment in opened]
    assert weeks
    assert min(weeks) >= 10
    assert max(weeks) < 20


def test_evidence_is_as_of_the_opening() -> None:
    detector = watched(regular())
    last, (quiet_at, silent_at) = int(detector.state["last_at"]), detector.deadlines
    detector.pass_time(silent_at + 3 * DAY_MS)
    for kind, at, level in zip(
        (QUIET, SILENT), (quiet_at, silent_at), _levels(detector), strict=True
    ):  # fmt: skip
        found = evidence(detector.state, detector.zone, kind)
        assert found == (detector.measure(last, at) / UNIT, level / UNIT, (at - last) / HOUR_MS)
        assert found[1] <= found[0] < found[1] + 0.01


def test_other_rules_move_the_deadlines_and_leave_what_is_open() -> None:
    detector = watched(regular())
    same = detector.array.copy()
    renew(detector.state, detector.zone, detector.rules[0])
    assert detector.deadlines == (int(same[0]["quiet_at"]), int(same[0]["silent_at"]))
    quiet_at, silent_at = detector.deadlines
    detector.pass_time(quiet_at)
    renew(detector.state, detector.zone, rules_row(Silence(return_days=3650, quiet_days=90))[0])
    assert detector.deadlines[0] == quiet_at
    assert detector.deadlines[1] > silent_at
    assert detector.pass_time(NEVER - 1) == [("silent", detector.deadlines[1])]
    renew(detector.state, detector.zone, rules_row(Silence(min_posts=100_000))[0])
    assert detector.pass_time(NEVER - 1) == []
    begin(detector.state)
    renew(detector.state, detector.zone, detector.rules[0])
    assert detector.deadlines == (NEVER, NEVER)


def test_rules_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="quiet_days must be less than return_days"):
        Silence(return_days=30, quiet_days=30)
    with pytest.raises(ValidationError, match="min_weeks must not be more than tail_weeks"):
        Silence(tail_weeks=4, min_weeks=5)


PLAIN = """
import random
import numba
from streams.groups.silence import record_post
from schemas.silence_rules import Silence
from tests.test_silence import Life, Detector, differences, regular, watched

assert numba.config.DISABLE_JIT and not hasattr(record_post, "py_func")
posts = [at for at in regular(7, "Europe/Berlin") if random.Random(at).random() < 0.5]
posts.append(posts[-1] + 9 * 86_400_000)
posts.append(posts[-1] - 3 * 86_400_000)
posts.append(posts[-1] + 4 * 86_400_000)
life = Life("Europe/Berlin", Silence(), [(max(posts[: i + 1]), at) for i, at in enumerate(posts)])
print(differences(life) or watched(posts, "Europe/Berlin").array.tobytes().hex())
"""


def test_uncompiled_it_is_the_same() -> None:
    def run(**environment: str) -> str:
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", PLAIN.replace("assert", "assert" if environment else "#")],
            cwd=Path(__file__).parent.parent,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        ).stdout

    plain = run(NUMBA_DISABLE_JIT="1")
    assert len(plain) == 2 * SILENCE.itemsize + 1, plain
    assert plain == run()
