"""Churn spikes: a group that more people leave than usually do. The definition is docs/churn.md.

Method: a cumulative sum (Page 1954, "Continuous inspection schemes") of log-likelihood ratios of a doubling,
of negative binomial counts against a baseline with the rhythm of the week (NB-CUSUM: Höhle and Paul 2008,
"Count data regression charts for the monitoring of surveillance time series"; in R, `algo.glrnb` of the
package surveillance). With x leaves in a step in which mu are expected, with the variance mu + spread * mu^2:

    S = max(0, S + x * (log(2) - b) - b / spread),    b = log((1 + 2 * spread * mu) / (1 + spread * mu))

An alarm opens at the end of a step with leaves after which S >= h. It resolves when S, at most h meanwhile,
is 0 again. A step is an hour, a day or a week, by how many usually leave.

False alarms: h is set from what a week usually tells, so that a group has one in `false_alarm_months`.
How unsure the baseline is makes the chart expect more (`margin`). Parameters: `schemas.churn_rules`.

Time is walked lazily: steps without leaves only lower S, and where S is 0 they are jumped. Once a week what
the week was like is learnt, empty hours and all, in one pass over its 168 hours (churn_baseline.py).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from schemas.churn_rules import Churn
from schemas.rules import HOUR_MS
from streams.calendar import Zone, place_in, start_of_hour
from streams.compiled import Integer, codes, compiled
from streams.groups.churn_baseline import (
    LOG_2,
    SPIKE,
    RuleRow,
    State,
    expected_in,
    learn,
    llr,
    set_chart,
    set_rates,
)

NEVER = np.iinfo(np.int64).max
NOTHING, OPENED, RESOLVED, USUAL = codes(4)
KINDS = ("", "opened", "resolved", "usual")
"""What time does. `usual`: an alert ends after `longest_days`; what goes on is the level from now on."""

_MOST = SPIKE - 1
"""So many leaves of an hour (day) are counted at most."""
_MONDAY = 3
"""The days by which weeks that begin on Monday are ahead of those that begin with 1970."""


def _state(slots: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("due", "i8"),  # ms: before it time alone changes nothing; NEVER
            ("sum", "f8"),  # S
            ("threshold", "f8"),  # h
            ("spread", "f8"),  # of the counts of a step
            ("margin", "f8"),  # the chart expects so many times the rates: they may be that wrong
            ("expected", "f8"),  # by the rates, in the run: the steps since S left 0
            ("expected_high", "f8"),  # the same up to `high`
            ("level", "f8"),  # decayed sums: leaves
            ("level_weeks", "f8"),  # weeks
            ("level_squares", "f8"),  # and squares of the weights of weeks
            ("rhythm_weeks", "f8"),  # weeks in `cells`
            ("errors", "f8", (3,)),  # of hours, days, weeks: (x - mu)^2 - mu
            ("squares", "f8", (3,)),  # mu^2
            ("noise", "f8"),  # the variance of errors[1]
            ("slot", "i4"),  # the hour (day) that all is taken in up to, numbered since 1970 there
            ("first", "i4"),  # the first slot of the first whole week
            ("run", "i4"),  # the first slot of the run
            ("high", "i4"),  # the slot after the last step of the run with S >= h
            ("opened", "i4"),  # the slot with whose start the alarm opened; 0 for none
            ("count", "u4"),  # leaves in the run
            ("count_high", "u4"),  # the same up to `high`
            ("now", "u4"),  # leaves in the current step
            ("weeks", "u2"),  # learnt
            ("step", "u1"),  # slots a step; 0 while it isn't watched
            ("rates", "f4", (slots,)),  # leaves expected in each hour (day) of the week, from Monday on
            ("cells", "f4", (slots,)),  # decayed leaves in each
            ("counts", "u2", (slots,)),  # leaves in each of the current week
        ]
    )


CHURN = _state(168)
"""The state for leaves; 1,859 bytes. A row of zeros is not valid before `begin`."""
CHURN_BY_DAY = _state(7)
"""The state for a count watched by the day at most, as of members who fall silent; 249 bytes."""

CHURN_RULES = np.dtype(
    [
        ("false_alarm_months", "f8"),
        ("hourly_from", "f8"),  # leaves a week
        ("daily_from", "f8"),  # leaves a week
        ("level_keep", "f8"),  # what is kept of a sum after a week
        ("rhythm_keep", "f8"),
        ("late", "i8"),  # ms
        ("warm_up_weeks", "i4"),
        ("longest_days", "i4"),
        ("least_leaves", "i4"),
    ]
)
"""The thresholds as kernels take them."""


def numbers(rules: Churn) -> dict[str, Any]:
    """The fields of `CHURN_RULES`."""
    return {
        "false_alarm_months": rules.false_alarm_months,
        "hourly_from": rules.hourly_from * 7,
        "daily_from": rules.daily_from * 7,
        "level_keep": 2.0 ** (-1.0 / rules.level_half_life_weeks),
        "rhythm_keep": 2.0 ** (-1.0 / rules.rhythm_half_life_weeks),
        "late": rules.late_hours * HOUR_MS,
        "warm_up_weeks": rules.warm_up_weeks,
        "longest_days": rules.longest_days,
        "least_leaves": rules.least_leaves,
    }


class Change(NamedTuple):
    """What a due moment changed, with its evidence; only `kind` and `at` count if nothing changed."""

    kind: Integer
    """Of `KINDS`."""
    at: Integer
    """ms: the end of the step that decided."""
    began_at: Integer
    """ms: when the run began."""
    ended_at: Integer
    """ms: the end of the last step after which S >= h; `at` when it opens."""
    count: Integer
    """Leaves from `began_at` to `ended_at`."""
    expected: float
    """How many are expected there."""
    score: float
    """S."""
    threshold: float
    """h."""


@compiled
def hour_shown(zone: Zone, at: Integer) -> Integer:
    """The highest hour number that clocks there have shown by a moment: it never goes back."""
    place = place_in(zone, at)
    hour = (at + zone.offsets[place]) // HOUR_MS
    if place > 0:
        hour = max(hour, (zone.starts[place] - 1 + zone.offsets[place - 1]) // HOUR_MS)
    return hour


@compiled
def _slot_of(s: State, zone: Zone, at: Integer) -> Integer:
    return hour_shown(zone, at) // (168 // len(s["counts"]))


@compiled
def _start_of(s: State, zone: Zone, slot: Integer) -> Integer:
    return start_of_hour(zone, slot * (168 // len(s["counts"])))


@compiled
def _place(s: State, slot: Integer) -> Integer:
    """Where in the week a slot is."""
    slots = len(s["counts"])
    return (slot + _MONDAY * (slots // 7)) % slots


@compiled
def begin(s: State, zone: Zone, clock: Integer) -> None:
    """History begins, at the clock of the group's first action of any kind. On a row of zeros, first of all.

    Nothing happens before the first leave, so then is early enough: a group that nobody left needs no row.
    """
    s["due"] = NEVER
    s["slot"] = _slot_of(s, zone, clock)
    s["first"] = s["slot"] - _place(s, np.int64(s["slot"])) + len(s["counts"])


@compiled
def _mark(s: State, first: Integer, end: Integer) -> None:
    """These slots, as far as they are of the current week, are part of an alarm."""
    slot = np.int64(s["slot"])
    for part in range(max(first, slot - _place(s, slot)), end):
        s["counts"][_place(s, part)] = SPIKE


@compiled
def _close(s: State, rules: RuleRow, first: Integer, end: Integer) -> Integer:
    """The step of the slots from `first` to `end` is over."""
    x, h = np.int64(s["now"]), np.float64(s["threshold"])
    mu = expected_in(s, _place(s, first), end - first)
    before, opened = np.float64(s["sum"]), s["opened"] != 0
    if opened:
        before = min(before, h)
        _mark(s, first, end)
    elif before == 0.0:
        s["run"] = first
        s["count"] = 0
        s["expected"] = 0.0
    after = before + llr(x, mu * np.float64(s["margin"]), np.float64(s["spread"]))
    s["now"] = 0
    s["sum"] = max(0.0, after)
    s["count"] += x
    s["expected"] += mu
    if after >= h and (opened or x > 0):
        s["high"] = end
        s["count_high"] = s["count"]
        s["expected_high"] = s["expected"]
        if not opened:
            s["opened"] = end
            _mark(s, np.int64(s["run"]), end)
            return OPENED
    elif opened and after <= 0.0:
        s["opened"] = 0
        return RESOLVED
    if opened and end - s["opened"] >= rules["longest_days"] * (len(s["counts"]) // 7):
        ratio = max(1.0, s["count"] / s["expected"])
        s["level"] *= ratio
        for place in range(len(s["counts"])):
            s["rates"][place] = np.float64(s["rates"][place]) * ratio
        s["sum"] = 0.0
        s["opened"] = 0
        return USUAL
    return NOTHING


@compiled
def _end_week(s: State, rules: RuleRow) -> None:
    """The slot is the first of a new week."""
    if s["slot"] > s["first"]:
        learn(s, rules)
        set_rates(s)
        if s["weeks"] >= rules["warm_up_weeks"] and s["opened"] == 0:
            set_chart(s, rules)
    for place in range(len(s["counts"])):
        s["counts"][place] = 0
    s["now"] = 0


@compiled
def _advance(s: State, rules: RuleRow, target: Integer) -> Integer:
    """Take in all steps that are over when the slot `target` begins; what the last of them changed."""
    kind = NOTHING
    while s["slot"] < target:
        slot, step = np.int64(s["slot"]), np.int64(s["step"])
        week_end = slot - _place(s, slot) + len(s["counts"])
        if step == 0 or (s["sum"] == 0.0 and s["now"] == 0):
            s["slot"] = min(target, week_end)
        else:
            first = slot - _place(s, slot) % step
            if first + step > target:
                s["slot"] = target
                return kind
            kind = _close(s, rules, first, first + step)
            s["slot"] = first + step
        if s["slot"] == week_end:
            _end_week(s, rules)
    return kind


@compiled
def _plan(s: State, zone: Zone) -> None:
    """Time alone changes something at the end of this step, if an alarm opens there or one is open."""
    s["due"] = NEVER
    slot, step, x = np.int64(s["slot"]), np.int64(s["step"]), np.int64(s["now"])
    if step == 0:
        return
    first = slot - _place(s, slot) % step
    if s["opened"] == 0:
        before, h = np.float64(s["sum"]), np.float64(s["threshold"])
        if x == 0 or before + x * LOG_2 < h:
            return
        mu = expected_in(s, _place(s, first), step) * np.float64(s["margin"])
        if before + llr(x, mu, np.float64(s["spread"])) < h:
            return
    s["due"] = _start_of(s, zone, first + step)


@compiled
def record_leave(s: State, rules: RuleRow, zone: Zone, clock: Integer, at: Integer) -> None:
    """Somebody left at `at`, taken in when the clock was `clock`; what was due by then has been done."""
    record_leaves(s, rules, zone, clock, at, 1)


@compiled
def record_leaves(s: State, rules: RuleRow, zone: Zone, clock: Integer, at: Integer, count: Integer) -> None:
    """`record_leave`, `count` times (0 or more)."""
    if count == 0 or clock - at > rules["late"]:
        return
    _advance(s, rules, _slot_of(s, zone, clock))
    place = _place(s, np.int64(s["slot"]))
    counted = np.int64(s["counts"][place])
    more = min(np.int64(count), np.int64(_MOST - counted))
    s["counts"][place] = counted + more
    s["now"] += more
    _plan(s, zone)


@compiled
def renew(s: State, zone: Zone) -> None:
    """The time zone may be another one from now on: when is the current step over?"""
    _plan(s, zone)


@compiled
def due(s: State) -> Integer:
    """The moment (ms) at which `pass_time` is due, before anything with a clock from then on; NEVER."""
    return np.int64(s["due"])


@compiled
def pass_time(s: State, rules: RuleRow, zone: Zone) -> Change:
    """Do what is due, once `due` has come: the end of a step."""
    at, slot, step = np.int64(s["due"]), np.int64(s["slot"]), np.int64(s["step"])
    h = np.float64(s["threshold"])
    kind = _advance(s, rules, slot - _place(s, slot) % step + step)
    _plan(s, zone)
    return Change(
        kind,
        at,
        _start_of(s, zone, np.int64(s["run"])),
        _start_of(s, zone, np.int64(s["high"])),
        np.int64(s["count_high"]),
        np.float64(s["expected_high"]),
        np.float64(s["sum"]),
        h,
    )
