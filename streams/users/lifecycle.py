"""Ladder 1, the lifecycle: new, active, core, resurrected, join_and_stay, silent, lost.

The definition, rule by rule, is ``docs/lifecycle.md``; thresholds are in ``schemas/rules.py``. Each function
here works on one person's row and knows neither Kafka nor the wall clock.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from schemas.actions import LEAVE
from schemas.rules import DAY_MS
from streams.compiled import Integer, compiled
from streams.users.state import (
    ACTED_AGAIN,
    ACTIVE,
    CORE,
    CORE_ACTIVITY,
    CORE_DAYS_FADED,
    CORE_SCORE_FADED,
    ENOUGH_ACTIVE_DAYS,
    FIRST_ACTION,
    JOIN_AND_STAY,
    LEFT_EVERY_GROUP,
    LOST,
    NEVER,
    NEW,
    NO_ACTIVITY,
    NO_ACTIVITY_FOR_LONG,
    NO_SECOND_ACTIVE_DAY,
    NONE,
    RESURRECTED,
    RETURN_KEPT,
    RING_MAX,
    SILENT,
    WINDOW_DAYS,
    WINDOW_MASK,
    People,
    Thresholds,
)

Row = Any
"""One row of `PERSON`."""


@compiled
def days_active(row: Row, day: Integer) -> int:
    """Active days among the 28 that end on `day`, or on the day of the last activity if that is later."""
    shift = np.int64(max(np.int64(0), day - np.int64(row["day"])))
    if shift >= WINDOW_DAYS:
        return 0
    bits = (np.int64(row["days"]) << shift) & WINDOW_MASK
    count = 0
    while bits:
        bits &= bits - 1
        count += 1
    return count


@compiled
def score_as_of(row: Row, at: int, half_life: float) -> float:
    """The activity score, decayed to the moment `at`."""
    score: float = row["score"]
    if at > row["score_at"]:
        score *= math.exp2(-((at - row["score_at"]) / half_life))
    return score


@compiled
def record_activity(row: Row, at: int, weight: float, half_life: float) -> None:
    """Put one activity at the moment `at` into the windows and the score."""
    day = at // DAY_MS
    first = row["days"] == 0
    if first or day > row["day"]:
        gap = np.int64(WINDOW_DAYS) if first else day - np.int64(row["day"])
        if gap >= WINDOW_DAYS:
            row["days"] = 1
            for i in range(WINDOW_DAYS):
                row["ring"][i] = 0
        else:
            row["days"] = ((np.int64(row["days"]) << gap) | 1) & WINDOW_MASK
            for i in range(1, gap + 1):
                row["ring"][(row["day"] + i) % WINDOW_DAYS] = 0
        row["day"] = day
        row["ring"][day % WINDOW_DAYS] = 1
    elif row["day"] - day < WINDOW_DAYS:
        row["days"] = np.int64(row["days"]) | (np.int64(1) << (row["day"] - day))
        if row["ring"][day % WINDOW_DAYS] < RING_MAX:
            row["ring"][day % WINDOW_DAYS] += 1
    if first:
        row["score"] = weight
        row["score_at"] = at
        row["last_at"] = at
    elif at >= row["score_at"]:
        row["score"] = row["score"] * math.exp2(-((at - row["score_at"]) / half_life)) + weight
        row["score_at"] = at
    else:
        row["score"] = row["score"] + weight * math.exp2(-((row["score_at"] - at) / half_life))
    if at > row["last_at"]:
        row["last_at"] = at


@compiled
def core_days_end(row: Row, keep_days: int) -> np.int64:
    """The start (ms) of the first day with fewer than `keep_days` active days in its window."""
    day = np.int64(row["day"])
    while days_active(row, day) >= keep_days:
        day += 1
    return day * DAY_MS


@compiled
def core_score_end(row: Row, half_life: float, keep_score: float) -> np.int64:
    """The first moment (ms) at which the score is below `keep_score`."""
    if row["score"] < keep_score:
        return np.int64(row["score_at"])
    return (
        np.int64(row["score_at"]) + np.int64(math.floor(half_life * math.log2(row["score"] / keep_score))) + 1
    )


@compiled
def next_change(row: Row, t: Thresholds) -> tuple[Integer, int, int]:
    """When time alone changes the segment, to which, and by which rule; (NEVER, 0, 0) if it does not."""
    segment = row["segment"]
    if segment == NEW:
        return row["since"] + t.new, JOIN_AND_STAY, NO_SECOND_ACTIVE_DAY
    if segment in (JOIN_AND_STAY, SILENT):
        return row["last_at"] + t.lost, LOST, NO_ACTIVITY_FOR_LONG
    if segment in (NONE, LOST):
        return NEVER, 0, 0
    due, after, rule = row["last_at"] + t.silent, SILENT, NO_ACTIVITY
    if segment == CORE:
        fade = core_days_end(row, t.keep_days)
        if fade < due:
            due, after, rule = fade, ACTIVE, CORE_DAYS_FADED
        fade = core_score_end(row, t.half_life, t.keep_score)
        if fade < due:
            due, after, rule = fade, ACTIVE, CORE_SCORE_FADED
    elif segment == RESURRECTED:
        kept = row["since"] + t.resurrected
        if kept < due:
            days = days_active(row, kept // DAY_MS)
            if days >= t.active_days:
                due, rule = kept, RETURN_KEPT
                core = days >= t.core_days and score_as_of(row, kept, t.half_life) >= t.core_score
                after = CORE if core else ACTIVE
    return due, after, rule


@compiled
def move(state: People, index: Integer, after: int, at: int, rule: int, base: int, half_life: float) -> None:
    """Put a person into the segment `after` from the moment `at` on, and write down why."""
    row = state.people.rows[index]
    out = state.out[state.cursor[0]]
    out["position"] = base | state.cursor[1]
    out["row"] = index
    out["at"] = at
    out["last_at"] = row["last_at"]
    out["score"] = score_as_of(row, at, half_life)
    out["groups"] = row["groups"]
    out["before"] = row["segment"]
    out["after"] = after
    out["rule"] = rule
    out["days"] = days_active(row, at // DAY_MS)
    state.cursor[0] += 1
    state.cursor[1] += 1
    row["segment"] = after
    row["since"] = at


@compiled
def settle(state: People, index: Integer, clock: int, base: int, t: Thresholds) -> None:
    """Make true what time alone has changed up to `clock`, and note when it will do so next."""
    row = state.people.rows[index]
    due, after, rule = next_change(row, t)
    while due <= clock:
        move(state, index, after, max(due, row["since"]), rule, base, t.half_life)
        due, after, rule = next_change(row, t)
    row["due"] = due


@compiled
def act(state: People, index: Integer, action: int, at: int, base: int, t: Thresholds) -> None:
    """The transition that one action causes, if any, after its figures are in the row."""
    row = state.people.rows[index]
    segment = row["segment"]
    moment = max(at, row["since"])
    if action == LEAVE:
        if segment != LOST and row["groups"] == 0:
            move(state, index, LOST, moment, LEFT_EVERY_GROUP, base, t.half_life)
    elif segment == NONE:
        move(state, index, NEW, moment, FIRST_ACTION, base, t.half_life)
    elif segment in (SILENT, LOST):
        move(state, index, RESURRECTED, moment, ACTED_AGAIN, base, t.half_life)
    elif segment in (NEW, JOIN_AND_STAY):
        if days_active(row, row["day"]) >= t.active_days:
            move(state, index, ACTIVE, moment, ENOUGH_ACTIVE_DAYS, base, t.half_life)
    elif segment == ACTIVE and days_active(row, row["day"]) >= t.core_days and row["score"] >= t.core_score:
        move(state, index, CORE, moment, CORE_ACTIVITY, base, t.half_life)
