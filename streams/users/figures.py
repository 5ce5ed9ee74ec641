"""A person's windows, scores and days: the figures that rules are made of. See docs/people.md, Figures.

Each day of the last 28 has one word in `ring`, at day % 28: all activities (14 bits), talks (7), shares (6)
and benefit actions (5). A count stops where its bits end.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from schemas.rules import DAY_MS
from streams.bits import bits_in
from streams.compiled import Integer, compiled
from streams.users.rulebook import Rulebook
from streams.users.state import NEVER, NO_DAY, WINDOW_DAYS, WINDOW_MASK

Row = Any
"""One row of `PERSON`."""
RuleSet = Any
"""One row of `RULE_SET`."""

_TALK, _SHARE, _BENEFIT = 14, 21, 27
_MOST, _MOST_TALKS, _MOST_SHARES, _MOST_BENEFITS = (1 << 14) - 1, (1 << 7) - 1, (1 << 6) - 1, (1 << 5) - 1
_REACH_MS = 18 * 3_600_000
"""No place is further from UTC."""


@compiled
def _offset_at(book: Rulebook, t: RuleSet, at: Integer) -> Integer:
    """Where in the book the offset stands that holds at a moment."""
    low = np.int64(t["zone_first"])
    high = low + np.int64(t["zone_count"])
    while high - low > 1:
        middle = (low + high) // 2
        if book.zone_starts[middle] <= at:
            low = middle
        else:
            high = middle
    return low


@compiled
def day_of(book: Rulebook, t: RuleSet, at: Integer) -> Integer:
    """The community's day of a moment, since 1970-01-01."""
    return (at + book.zone_offsets[_offset_at(book, t, at)]) // DAY_MS


@compiled
def start_of(book: Rulebook, t: RuleSet, day: Integer) -> Integer:
    """The first moment (ms) whose day is `day` or later."""
    end = np.int64(t["zone_first"]) + np.int64(t["zone_count"])
    i = _offset_at(book, t, day * DAY_MS - _REACH_MS)
    while True:
        moment = max(book.zone_starts[i], day * DAY_MS - book.zone_offsets[i])
        if i + 1 >= end or moment < book.zone_starts[i + 1]:
            return moment
        i += 1


@compiled
def is_active(row: Row) -> bool:
    """Whether there was any activity yet."""
    return bool(row["days"] != 0)


@compiled
def days_active(row: Row, day: Integer) -> Integer:
    """Active days among the 28 that end on `day`, or on the day of the latest activity if that is later."""
    shift = np.int64(max(np.int64(0), day - np.int64(row["day"])))
    if shift >= WINDOW_DAYS:
        return 0
    return bits_in((np.int64(row["days"]) << shift) & WINDOW_MASK)


@compiled
def days_end(row: Row, least: Integer) -> Integer:
    """The first day, from that of the latest activity on, whose window has fewer than `least` active days."""
    day = np.int64(row["day"])
    while days_active(row, day) >= least:
        day += 1
    return day


@compiled
def has_streak(row: Row, length: Integer) -> bool:
    """Whether some `length` days of the window in a row were active."""
    bits = np.int64(row["days"])
    for _ in range(length - 1):
        bits &= bits >> 1
    return bool(bits != 0)


@compiled
def _own(word: Integer) -> Integer:
    return ((word >> _TALK) & _MOST_TALKS) + ((word >> _SHARE) & _MOST_SHARES)


@compiled
def own_within(row: Row, day: Integer) -> Integer:
    """Talks and shares in the 28 days that end on `day`, or on the latest active day if that is later."""
    latest = np.int64(row["day"])
    count: Integer = 0
    for old in range(min(WINDOW_DAYS, WINDOW_DAYS - max(0, day - latest))):
        count += _own(np.int64(row["ring"][(latest - old) % WINDOW_DAYS]))
    return count


@compiled
def benefits_within(row: Row, day: Integer) -> Integer:
    """Benefit actions in those days."""
    latest = np.int64(row["day"])
    count: Integer = 0
    for old in range(min(WINDOW_DAYS, WINDOW_DAYS - max(0, day - latest))):
        count += np.int64(row["ring"][(latest - old) % WINDOW_DAYS]) >> _BENEFIT
    return count


@compiled
def own_since(row: Row, least: Integer) -> Integer:
    """The latest day on which or after which `least` of the window's talks and shares are; NO_DAY."""
    latest = np.int64(row["day"])
    count = 0
    for old in range(WINDOW_DAYS):
        count += _own(np.int64(row["ring"][(latest - old) % WINDOW_DAYS]))
        if count >= least:
            return latest - old
    return NO_DAY


@compiled
def benefits_since(row: Row, least: Integer) -> Integer:
    """The same of benefit actions."""
    latest = np.int64(row["day"])
    count: Integer = 0
    for old in range(WINDOW_DAYS):
        count += np.int64(row["ring"][(latest - old) % WINDOW_DAYS]) >> _BENEFIT
        if count >= least:
            return latest - old
    return NO_DAY


@compiled
def score_as_of(row: Row, at: Integer, half_life: float) -> float:
    """The activity score, decayed to the moment `at`."""
    score: float = row["score"]
    if at > row["score_at"]:
        score *= math.exp2(-((at - row["score_at"]) / half_life))
    return score


@compiled
def intent_as_of(row: Row, at: Integer, half_life: float) -> float:
    """The intent score, decayed to the moment `at`."""
    score: float = row["intent_score"]
    if at > row["intent_at"]:
        score *= math.exp2(-((at - row["intent_at"]) / half_life))
    return score


@compiled
def fades_at(score: float, score_at: Integer, half_life: float, least: float) -> Integer:
    """The first moment (ms) at which a score is below `least`."""
    if score < least:
        return score_at
    return score_at + np.int64(math.floor(half_life * math.log2(score / least))) + 1


@compiled
def record_day(row: Row, day: Integer, talks: int, shares: int, benefits: int) -> None:
    """Put one activity of a day into the windows; each of the last three is 0 or 1."""
    if not is_active(row) or day > row["day"]:
        gap = np.int64(WINDOW_DAYS) if not is_active(row) else day - np.int64(row["day"])
        if gap >= WINDOW_DAYS:
            row["days"] = 1
            for i in range(WINDOW_DAYS):
                row["ring"][i] = 0
        else:
            row["days"] = ((np.int64(row["days"]) << gap) | 1) & WINDOW_MASK
            for i in range(1, gap + 1):
                row["ring"][(row["day"] + i) % WINDOW_DAYS] = 0
        row["day"] = day
    elif row["day"] - day >= WINDOW_DAYS:
        return
    else:
        row["days"] = np.int64(row["days"]) | (np.int64(1) << (row["day"] - day))
    word = np.int64(row["ring"][day % WINDOW_DAYS])
    if word & _MOST < _MOST:
        word += 1
    if talks and (word >> _TALK) & _MOST_TALKS < _MOST_TALKS:
        word += 1 << _TALK
    if shares and (word >> _SHARE) & _MOST_SHARES < _MOST_SHARES:
        word += 1 << _SHARE
    if benefits and word >> _BENEFIT < _MOST_BENEFITS:
        word += 1 << _BENEFIT
    row["ring"][day % WINDOW_DAYS] = word


@compiled
def record_score(row: Row, at: Integer, weight: float, half_life: float, first: bool) -> None:
    """Put one activity into the activity score."""
    if first:
        row["score"] = weight
        row["score_at"] = at
    elif at >= row["score_at"]:
        row["score"] = row["score"] * math.exp2(-((at - row["score_at"]) / half_life)) + weight
        row["score_at"] = at
    else:
        row["score"] = row["score"] + weight * math.exp2(-((row["score_at"] - at) / half_life))


@compiled
def record_intent(row: Row, at: Integer, weight: float, half_life: float) -> None:
    """Put one action of a weight above 0 into the intent score."""
    if row["intent_score"] == 0.0:
        row["intent_score"] = weight
        row["intent_at"] = at
    elif at >= row["intent_at"]:
        row["intent_score"] = row["intent_score"] * math.exp2(-((at - row["intent_at"]) / half_life)) + weight
        row["intent_at"] = at
    else:
        row["intent_score"] = row["intent_score"] + weight * math.exp2(-((row["intent_at"] - at) / half_life))


@compiled
def later(due: Integer, moment: Integer) -> Integer:
    """`due`, or `moment` if that is later; NEVER stays."""
    return NEVER if due == NEVER else max(due, moment)
