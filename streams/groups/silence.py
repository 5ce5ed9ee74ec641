"""Group silence: whether a group has posted nothing for longer than it ever does in a year.

Habit: for each hour of the week the chance that it has a post, as an intensity; the length of a gap is
measured in it, so nights and weekends count for little. Tail: the longest gaps of each of the last weeks, so
measured, give a generalised Pareto tail, and that the length that comes once in the return period, a year: so
a group that goes on as ever is called silent once in that time. The deadline is known at each post, and until
then there is nothing to do.

Source: Coles, An Introduction to Statistical Modeling of Extreme Values (2001), chapter 4 (peaks over
threshold, return levels) and 3.5 (the largest few of each block); Hosking and Wallis (1987).
The definition is ``docs/silence.md``; what was measured, ``docs/decisions/0014-silence.md``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from schemas.rules import DAY_MS, HOUR_MS
from schemas.silence_rules import Silence
from streams.calendar import WEEK_HOURS, Zone, hour_of, hour_of_week, place_in, week_of
from streams.columnar import Array
from streams.compiled import Integer, compiled, making_arrays

NEVER = np.iinfo(np.int64).max
QUIET, SILENT = 1, 2
"""Bits of `open`: a warning, an alert."""

WEEK_MS = 7 * DAY_MS
HABIT_WEEKS = 32
TAIL_WEEKS = 26
HABIT_DAYS = 7
"""There is no habit before so many days, and so no measure of a gap."""
LONGEST = 5
"""So many gaps of each week are remembered; three quarters of them make the tail."""
MIN_EXCEEDANCES = 8
_WEEK = 1 << 20
"""The weight of a whole week of habit, this week's."""
UNIT = 4096
"""Intensities and levels are in so many parts of 1."""
_COARSE = 32
"""A remembered gap is in steps of so many of those parts."""
_MOST = (1 << 16) - 1
_MOST_LEVEL = _MOST_POSTS = _ALL_WEEKS = (1 << 32) - 1

SILENCE = np.dtype(
    [
        ("last_at", "i8"),  # ms, the latest t of a post
        ("quiet_at", "i8"),  # ms: quiet from then on if no post comes; NEVER
        ("silent_at", "i8"),  # ms: silent from then on, not before quiet_at; NEVER
        ("posts", "u4"),  # since the beginning; 0 before it
        ("first", "i4"),  # hour number of the first of them
        ("hour", "i4"),  # the highest hour number of a post
        ("quiet_level", "u4"),  # parts of UNIT; 0: too few gaps to say
        ("silent_level", "u4"),
        ("hours", "u4", (WEEK_HOURS,)),  # of the week: bit k, a post in it k weeks before the week of `hour`
        ("rate", "u2", (WEEK_HOURS,)),  # intensity of each, parts of UNIT an hour; 0: no habit yet
        ("gaps", "u2", (TAIL_WEEKS, LONGEST)),  # of week w at w % TAIL_WEEKS, the longest first
        ("open", "u1"),
    ]
)
"""What is kept of a group, 1,313 bytes. It begins with `begin`, not with zeros."""

SILENCE_RULES = np.dtype(
    [
        ("weights", "i8", (HABIT_WEEKS,)),  # of a week by its age, parts of _WEEK
        ("sums", "i8", (HABIT_WEEKS + 1,)),  # of so many of them
        ("prior", "f8"),
        ("tail_weeks", "i8"),
        ("quiet_days", "f8"),
        ("return_days", "f8"),
        ("min_ms", "i8"),
        ("min_posts", "i8"),
        ("min_hours", "i8"),  # of history
        ("shape_max", "f8"),
        ("shape_doubt", "f8"),
    ]
)
"""The thresholds as kernels take them."""

Row = Any
"""One row of `SILENCE`, or a field of that type."""
RuleSet = Any
"""One row of `SILENCE_RULES`, or a field of that type."""


def numbers(rules: Silence) -> dict[str, Any]:
    """The fields of `SILENCE_RULES`."""
    weights = [math.floor(_WEEK * 2 ** -(k / rules.half_life_weeks) + 0.5) for k in range(HABIT_WEEKS)]
    return {
        "weights": weights,
        "sums": [sum(weights[:k]) for k in range(HABIT_WEEKS + 1)],
        "prior": _WEEK * rules.prior_weeks,
        "tail_weeks": rules.tail_weeks,
        "quiet_days": rules.quiet_days,
        "return_days": rules.return_days,
        "min_ms": rules.min_hours * HOUR_MS,
        "min_posts": rules.min_posts,
        "min_hours": rules.min_weeks * WEEK_HOURS,
        "shape_max": rules.shape_max,
        "shape_doubt": rules.shape_doubt,
    }


@compiled
def begin(state: Row) -> None:
    """A group without posts."""
    state["posts"] = 0
    state["quiet_at"] = NEVER
    state["silent_at"] = NEVER
    state["quiet_level"] = 0
    state["silent_level"] = 0
    state["open"] = 0
    for h in range(WEEK_HOURS):
        state["hours"][h] = 0
        state["rate"][h] = 0
    for w in range(TAIL_WEEKS):
        for i in range(LONGEST):
            state["gaps"][w, i] = 0


@compiled
def _walk(rate: Array, zone: Zone, start: Integer, end: Integer, need: Integer) -> tuple[Integer, Integer]:
    """Go on from `start` until the measure is `need`, or until `end`: where that is, and the measure.

    Moments in ms, measures in parts of UNIT times ms.
    """
    length = np.int64(0)
    at = np.int64(start)
    place = place_in(zone, at)
    while at < end:
        while place + 1 < len(zone.starts) and at >= zone.starts[place + 1]:
            place += 1
        local = at + zone.offsets[place]
        until = min(end, at + HOUR_MS - local % HOUR_MS)
        if place + 1 < len(zone.starts):
            until = min(until, zone.starts[place + 1])
        here = np.int64(rate[hour_of_week(local // HOUR_MS)])
        more = here * (until - at)
        if length + more >= need:
            return at - (length - need) // here, need
        length += more
        at = until
    return end, length


@compiled
def measure(state: Row, zone: Zone, start: Integer, end: Integer) -> Integer:
    """The length of a gap from `start` to `end` (ms), measured in the habit now in force; parts of UNIT."""
    return _walk(state["rate"], zone, start, end, np.int64(NEVER))[1] // HOUR_MS


@making_arrays
def _set_habit(state: Row, t: RuleSet) -> None:
    """Set `rate` from the days before that of `hour`."""
    first, hour = np.int64(state["first"]), np.int64(state["hour"])
    passed = hour_of_week(hour) // 24 * 24
    prior = t["prior"]
    bits = np.empty(WEEK_HOURS, np.int64)
    seen = np.empty(WEEK_HOURS, np.int64)
    weeks = 0
    for h in range(WEEK_HOURS):
        newest = 0 if h < passed else 1
        end = min(HABIT_WEEKS, (hour - hour_of_week(hour) + h - first) // WEEK_HOURS + 1)
        bits[h] = np.int64(state["hours"][h]) >> newest << newest
        seen[h] = t["sums"][max(newest, end)] - t["sums"][newest]
        weeks = max(weeks, end)
    misses = seen.copy()
    for k in range(weeks):
        weight = t["weights"][k]
        for h in range(WEEK_HOURS):
            misses[h] -= weight & -((bits[h] >> k) & 1)
    day_misses = np.zeros(24, np.int64)
    day_seen = np.zeros(24, np.int64)
    for h in range(WEEK_HOURS):
        day_misses[h % 24] += misses[h]
        day_seen[h % 24] += seen[h]
    mean = (day_misses.sum() + 0.5 * _WEEK) / (day_seen.sum() + _WEEK)
    for i in range(24):
        of_day = (day_misses[i] + prior * mean) / (day_seen[i] + prior)
        for h in range(i, WEEK_HOURS, 24):
            none = (misses[h] + prior * of_day) / (seen[h] + prior)
            state["rate"][h] = min(_MOST, max(1, np.int64(math.floor(0.5 - UNIT * math.log(none)))))


@compiled
def _level(longest: Array, count: Integer, days: Integer, return_days: float, t: RuleSet) -> Integer:
    """The measure of a gap that comes once in `return_days`, from the `count` longest of so many days.

    Few gaps tell little of the tail: the shape is drawn to 0 by `shape_doubt`, and 1 / count is added to it,
    which makes it the tail of the next gap, not the fitted one (exactly so where the tail is exponential).
    """
    threshold = np.int64(longest[count])
    total = np.int64(0)
    for i in range(count):
        total += np.int64(longest[i]) - threshold
    mean = total / count
    squares = 0.0
    for i in range(count):
        off = np.int64(longest[i]) - threshold - mean
        squares += off * off
    shape = 0.0
    if squares > 0.0:
        shape = 0.5 * (1.0 - mean * mean * (count - 1) / squares) * count / (count + t["shape_doubt"])
        shape = min(max(shape, 0.0), t["shape_max"])
    scale = mean * (1.0 - shape)
    shape += 1.0 / count
    expected = max(1.0, count * return_days / days)
    level = threshold + scale * (expected**shape - 1.0) / shape
    return min(_MOST_LEVEL, np.int64(math.ceil(level * _COARSE)))


@making_arrays
def _set_levels(state: Row, t: RuleSet) -> None:
    """Set the levels from the gaps of this week and those before it."""
    first, hour = np.int64(state["first"]), np.int64(state["hour"])
    week = week_of(hour)
    oldest = week - t["tail_weeks"] + 1
    kept = np.zeros(TAIL_WEEKS * LONGEST, np.int64)
    found = 0
    for w in range(oldest, week + 1):
        for i in range(LONGEST):
            gap = np.int64(state["gaps"][w % TAIL_WEEKS, i])
            if gap > 0:
                kept[found] = gap
                found += 1
    state["quiet_level"] = 0
    state["silent_level"] = 0
    count = 3 * found // 4
    if count >= MIN_EXCEEDANCES:
        longest = np.sort(kept[:found])[::-1]
        days = max(1, min(hour // 24 - (first // 24 + HABIT_DAYS), (hour + 72) // 24 - 7 * oldest))
        state["quiet_level"] = _level(longest, count, days, t["quiet_days"], t)
        state["silent_level"] = _level(longest, count, days, t["return_days"], t)


@compiled
def _deadline(state: Row, zone: Zone, level: Integer, t: RuleSet) -> Integer:
    last = np.int64(state["last_at"])
    end = last + t["tail_weeks"] * WEEK_MS
    at = _walk(state["rate"], zone, last, end, level * HOUR_MS)[0]
    return NEVER if at == end else max(at, last + t["min_ms"])


@compiled
def _set_deadlines(state: Row, zone: Zone, t: RuleSet) -> None:
    """Set the moments from which on the group is quiet, and silent, if no post comes; what is open stays."""
    history = np.int64(state["hour"]) - np.int64(state["first"])
    watched = state["silent_level"] > 0 and state["posts"] >= t["min_posts"] and history >= t["min_hours"]
    if state["open"] & QUIET == 0:
        state["quiet_at"] = _deadline(state, zone, np.int64(state["quiet_level"]), t) if watched else NEVER
    if state["open"] & SILENT == 0:
        state["silent_at"] = _deadline(state, zone, np.int64(state["silent_level"]), t) if watched else NEVER


@compiled
def _start(state: Row, at: Integer, hour: Integer) -> None:
    begin(state)
    state["posts"] = 1
    state["first"] = hour
    state["hour"] = hour
    state["last_at"] = at


@compiled
def _mark(state: Row, hour: Integer) -> None:
    """The hour has a post."""
    age = week_of(np.int64(state["hour"])) - week_of(hour)
    if hour >= state["first"] and age < HABIT_WEEKS:
        h = hour_of_week(hour)
        state["hours"][h] = np.int64(state["hours"][h]) | (np.int64(1) << age)


@compiled
def _go_to(state: Row, hour: Integer) -> None:
    """The latest hour with a post is now this one, maybe of a later week."""
    before, week = week_of(np.int64(state["hour"])), week_of(hour)
    state["hour"] = hour
    if week > before:
        for h in range(WEEK_HOURS):
            state["hours"][h] = (np.int64(state["hours"][h]) << (week - before)) & _ALL_WEEKS
        for w in range(max(before + 1, week - TAIL_WEEKS + 1), week + 1):
            for i in range(LONGEST):
                state["gaps"][w % TAIL_WEEKS, i] = 0


@compiled
def _keep(state: Row, gap: Integer) -> None:
    """Remember a gap that ended this week if it is one of the longest of it."""
    longest = state["gaps"][week_of(np.int64(state["hour"])) % TAIL_WEEKS]
    for i in range(LONGEST):
        other = np.int64(longest[i])
        if gap > other:
            longest[i] = gap
            gap = other


@compiled
def record_post(state: Row, zone: Zone, at: Integer, t: RuleSet) -> tuple[Integer, Integer]:
    """Take in a post; what had been open (bits of `open`) and resolves with it, and the gap it ends (ms).

    A post that is not later than the latest so far only counts in the habit: 0, 0.
    """
    hour = hour_of(zone, at)
    if state["posts"] == 0:
        _start(state, at, hour)
        _mark(state, hour)
        return np.int64(0), np.int64(0)
    last = np.int64(state["last_at"])
    state["posts"] = min(np.int64(state["posts"]) + 1, _MOST_POSTS)
    if at <= last:
        _mark(state, hour)
        return np.int64(0), np.int64(0)
    resolved = np.int64(state["open"])
    if at - last > t["tail_weeks"] * WEEK_MS:
        _start(state, at, hour)
    else:
        gap = min(_MOST, measure(state, zone, last, at) // _COARSE)
        if resolved & SILENT:
            gap = min(gap, np.int64(state["quiet_level"]) // _COARSE)
        today = np.int64(state["hour"]) // 24
        if hour > state["hour"]:
            _go_to(state, hour)
        _keep(state, gap)
        state["last_at"] = at
        state["open"] = 0
        if hour // 24 > today and hour // 24 >= state["first"] // 24 + HABIT_DAYS:
            _set_habit(state, t)
            _set_levels(state, t)
        _set_deadlines(state, zone, t)
    _mark(state, hour)
    return resolved, at - last


@compiled
def due(state: Row) -> Integer:
    """The next moment (ms) at which time alone changes something; NEVER."""
    if state["open"] & QUIET == 0:
        return np.int64(state["quiet_at"])
    if state["open"] & SILENT == 0:
        return np.int64(state["silent_at"])
    return np.int64(NEVER)


@compiled
def pass_time(state: Row, to: Integer) -> int:
    """Open what is due next, if it is by the moment `to`: QUIET or SILENT, as of its deadline; else 0."""
    if due(state) > to:
        return 0
    kind = QUIET if state["open"] & QUIET == 0 else SILENT
    state["open"] = state["open"] | kind
    return kind


@compiled
def opened_at(state: Row, kind: int) -> Integer:
    """When that which is open opened (ms)."""
    return np.int64(state["quiet_at"]) if kind == QUIET else np.int64(state["silent_at"])


@compiled
def evidence(state: Row, zone: Zone, kind: int) -> tuple[float, float, float]:
    """Of what is open, as it opened: the measure of the gap, the level, the hours since the last post."""
    last, at = np.int64(state["last_at"]), opened_at(state, kind)
    level = np.int64(state["quiet_level"]) if kind == QUIET else np.int64(state["silent_level"])
    return measure(state, zone, last, at) / UNIT, level / UNIT, (at - last) / HOUR_MS


@compiled
def renew(state: Row, zone: Zone, t: RuleSet) -> None:
    """Judge the group by other rules than before, as of its latest post; what is open stays open."""
    if state["rate"][0] > 0:
        _set_habit(state, t)
        _set_levels(state, t)
        _set_deadlines(state, zone, t)
