"""The six symptoms and the chaos warning, judged at the close of a day; and what health is made of.

See docs/groups.md, Symptoms: there is one row of the table for each function `_...` here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from streams.columnar import Array
from streams.compiled import Integer, compiled
from streams.groups.benefits import lift_sums
from streams.groups.moves import is_open, open_alert, resolve_alert
from streams.groups.state import (
    BENEFIT_DEAF,
    BENEFIT_LIFT_LOST,
    BENEFIT_RESULTS,
    BENEFITS_BEFORE,
    CHAOS_WARNING,
    HIT_AND_RUN,
    HOLLOW_GROWTH,
    MONOLOGUE,
    NO_RESPONSE,
    SPAM_RIDDEN,
    Moves,
)

Group = Any
"""One row of `GROUP`."""
RuleSet = Any
"""One row of `GROUP_RULES`."""


class Finding(NamedTuple):
    """What was found of a symptom."""

    there: Any
    severity: float
    """Before it is cut to 0..1."""
    a: Any
    """Evidence, in the order of `evidence.NAMES`."""
    b: Any
    c: Any
    d: Any


@compiled
def _differs_from_7(x: Integer, before: Integer, z: float) -> bool:
    """Whether a count of 7 days surely differs from that of the 7 before."""
    return bool(abs(x - before) >= z * math.sqrt(float(x + before)))


@compiled
def _differs_from_21(x: Integer, before: Integer, z: float) -> bool:
    """Whether a count of 7 days surely differs from the mean week of the 21 before."""
    return bool(abs(x - before / 3) >= z * math.sqrt(x + before / 9))


@compiled
def _surely_over(part: Integer, whole: Integer, line: float, z: float) -> bool:
    """Whether a part of a whole is over a line by more than chance would have it."""
    return bool(part > line * whole + z * math.sqrt(line * (1.0 - line) * whole))


@compiled
def _over(part: Integer, whole: Integer, line: float) -> float:
    """How far a part of a whole is over a line: 0 at the line, 1 where it is all of it."""
    if whole <= 0:
        return 0.0
    over: float = (part / whole - line) / (1.0 - line)
    return over


@compiled
def _is_part(
    t: RuleSet, on: bool, part: Integer, whole: Integer, line: float, least: Integer, sure: float
) -> bool:
    """Whether a symptom is there that is a part of a whole over a line."""
    if on:
        return bool(part > t["keep"] * line * whole)
    return bool(whole >= least and _surely_over(part, whole, line, sure))


@compiled
def _hit_and_run(group: Group, t: RuleSet, on: bool) -> Finding:
    newcomers = np.int64(group["figures"]["newcomers"])
    gone = np.int64(group["figures"]["gone_early"])
    line = t["early_part"]
    there = _is_part(t, on, gone, newcomers, line, t["early_joins"], t["early_sure"])
    return Finding(there, _over(gone, newcomers, line), newcomers, gone, 0.0, 0.0)


@compiled
def _hollow_growth(group: Group, t: RuleSet, on: bool) -> Finding:
    joins, joins_before = np.int64(group["figures"]["joins_7"]), np.int64(group["figures"]["joins_7_before"])
    posts, posts_before = np.int64(group["figures"]["posts_7"]), np.int64(group["figures"]["posts_7_before"])
    if on:
        there = (
            posts_before > 0
            and joins >= t["keep"] * t["growth"] * joins_before
            and t["keep"] * posts <= t["fall"] * posts_before
        )
    else:
        joins_21 = np.int64(group["figures"]["joins_28"]) - joins
        posts_21 = np.int64(group["figures"]["posts_28"]) - posts
        there = (
            joins > 0
            and joins_before > 0
            and posts_before > 0
            and joins >= t["growth"] * joins_before
            and posts <= t["fall"] * posts_before
            and joins_21 >= t["growth_joins"]
            and joins >= t["growth"] * joins_21 / 3
            and posts <= t["fall"] * posts_21 / 3
            and _differs_from_21(joins, joins_21, t["growth_sure"])
            and _differs_from_21(posts, posts_21, t["fall_sure"])
        )
    severity = 1.0 - posts / (t["fall"] * posts_before) if posts_before > 0 else 0.0
    return Finding(there, severity, joins, joins_before, posts, posts_before)


@compiled
def _monologue(group: Group, t: RuleSet, on: bool) -> Finding:
    staff, posts = np.int64(group["figures"]["staff_posts_7"]), np.int64(group["figures"]["posts_7"])
    whole = staff + posts
    line = t["staff_part"]
    there = _is_part(t, on, staff, whole, line, t["staff_posts"], t["staff_sure"])
    return Finding(there, _over(staff, whole, line), staff, posts, 0.0, 0.0)


@compiled
def _no_response(group: Group, t: RuleSet, on: bool) -> Finding:
    staff, heard = np.int64(group["figures"]["staff_posts_7"]), np.int64(group["figures"]["heard_7"])
    unheard = staff - heard
    line = t["unheard_part"]
    there = _is_part(t, on, unheard, staff, line, t["heard_posts"], t["heard_sure"])
    return Finding(there, _over(unheard, staff, line), staff, heard, 0.0, 0.0)


@compiled
def _benefit_deaf(group: Group, t: RuleSet) -> Finding:
    posts, usual, severity = np.int64(0), 0.0, 0.0
    if group["results"] == BENEFIT_RESULTS:
        posts, usual = lift_sums(group, BENEFITS_BEFORE, BENEFIT_RESULTS)
    if usual > 0.0:
        severity = 1.0 - posts / (t["lift"] * usual)
    return Finding(is_open(group, BENEFIT_LIFT_LOST), severity, posts, usual, 0.0, 0.0)


@compiled
def _spam_ridden(group: Group, t: RuleSet, on: bool) -> Finding:
    ads, posts = np.int64(group["figures"]["ads_7"]), np.int64(group["figures"]["posts_7"])
    line = t["ads_part"]
    there = _is_part(t, on, ads, posts, line, t["ads_posts"], t["ads_sure"])
    return Finding(there, _over(ads, posts, line), ads, posts, 0.0, 0.0)


@compiled
def _chaos_warning(group: Group, t: RuleSet, on: bool) -> Finding:
    joins, joins_before = np.int64(group["figures"]["joins_7"]), np.int64(group["figures"]["joins_7_before"])
    leaves, spam = np.int64(group["figures"]["leaves_7"]), is_open(group, SPAM_RIDDEN)
    line = t["chaos_leaves"]
    if on:
        there = (
            joins > 0
            and joins >= t["keep"] * t["chaos_growth"] * joins_before
            and (leaves > t["keep"] * line * joins or spam)
        )
    else:
        joins_21 = np.int64(group["figures"]["joins_28"]) - joins
        leaves_21 = np.int64(group["figures"]["leaves_28"]) - leaves
        many_leave = (
            leaves > line * joins
            and leaves > leaves_21 / 3
            and _differs_from_21(leaves, leaves_21, t["chaos_rise"])
        )
        there = (
            joins >= t["chaos_joins"]
            and joins >= t["chaos_growth"] * joins_before
            and _differs_from_7(joins, joins_before, t["chaos_sure"])
            and joins >= t["chaos_growth"] * joins_21 / 3
            and _differs_from_21(joins, joins_21, t["chaos_rise"])
            and (many_leave or spam)
        )
    severity = max(0.01, _over(leaves, joins, line))
    return Finding(there, severity, joins, joins_before, leaves, 1.0 if spam else 0.0)


@compiled
def _decide(
    moves: Moves, group: Group, index: Integer, rule: Integer, found: Finding, at: Integer, base: Integer
) -> None:
    """Open, keep or end a symptom."""
    on = is_open(group, rule)
    severity = min(1.0, max(0.0, found.severity)) if found.there else 0.0
    group["severity"][rule - HIT_AND_RUN] = severity
    if found.there == on:
        return
    if found.there:
        alert = open_alert(moves, group, index, rule, at, base)
    else:
        alert = resolve_alert(moves, group, index, rule, at, base)
    alert["x"][0] = found.a
    alert["x"][1] = found.b
    alert["x"][2] = found.c
    alert["x"][3] = found.d
    alert["x"][4] = severity


@compiled
def judge_symptoms(
    moves: Moves, group: Group, index: Integer, t: RuleSet, at: Integer, base: Integer
) -> None:
    """All seven, in order, by the figures of the day that closes at `at`."""
    found = _hit_and_run(group, t, is_open(group, HIT_AND_RUN))
    _decide(moves, group, index, HIT_AND_RUN, found, at, base)
    found = _hollow_growth(group, t, is_open(group, HOLLOW_GROWTH))
    _decide(moves, group, index, HOLLOW_GROWTH, found, at, base)
    found = _monologue(group, t, is_open(group, MONOLOGUE))
    _decide(moves, group, index, MONOLOGUE, found, at, base)
    found = _no_response(group, t, is_open(group, NO_RESPONSE))
    _decide(moves, group, index, NO_RESPONSE, found, at, base)
    found = _benefit_deaf(group, t)
    _decide(moves, group, index, BENEFIT_DEAF, found, at, base)
    found = _spam_ridden(group, t, is_open(group, SPAM_RIDDEN))
    _decide(moves, group, index, SPAM_RIDDEN, found, at, base)
    found = _chaos_warning(group, t, is_open(group, CHAOS_WARNING))
    _decide(moves, group, index, CHAOS_WARNING, found, at, base)


@compiled
def health_of(severity: Array, participants: Integer, members: Integer, t: RuleSet) -> float:
    """0 to 100."""
    sound, weights = 0.0, 0.0
    for i in range(len(severity)):
        sound += t["weights"][i] * (1.0 - severity[i])
        weights += t["weights"][i]
    if members >= t["rates_min"]:
        rate = participants / members
        sound += t["participation"] * min(1.0, rate / t["participation_full"])
        weights += t["participation"]
    health: float = sound / weights * 100.0
    return health
