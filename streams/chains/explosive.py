"""Contents that are shared more within their first hour than nearly all others. See docs/chains.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.chains.state import (
    ALERT_ROWS,
    ALERTS,
    CLASSES,
    COMMUNITY_BLOCK,
    CONTENT_BLOCK,
    FIRST_HOUR_MS,
    HOUR_FIRST,
    HOUR_LAST,
    ChainState,
)
from streams.compiled import Integer, compiled

RuleSet = Any
"""One row of `CHAIN_RULES`."""


@compiled
def class_of(count: Integer) -> Integer:
    """The class of a count of shares: itself up to 31, then 16 an octave."""
    if count < 32:
        return count
    octave = np.int64(0)
    while count >> octave >= 32:
        octave += 1
    return np.int64(32 + (octave - 1) * 16 + ((count >> octave) & 15))


@compiled
def finish_hours(state: ChainState, clock: Integer) -> None:
    """The counts of contents whose first hour is over at `clock` go to their communities."""
    counters = state.counters
    while counters[HOUR_FIRST]:
        row = counters[HOUR_FIRST] - 1
        content = state.contents.rows[row]
        if content["first_share_clock"] + FIRST_HOUR_MS > clock:
            return
        community = state.communities.rows[content["community"]]
        community["classes"][class_of(np.int64(content["hour_shares"]))] += 1
        community["finished"] += 1
        state.communities.dirty[content["community"] // COMMUNITY_BLOCK] = 1
        state.contents.dirty[row // CONTENT_BLOCK] = 1
        counters[HOUR_FIRST] = content["next_in_hour"]
        content["next_in_hour"] = 0
    counters[HOUR_LAST] = 0


@compiled
def _begin_hour(state: ChainState, index: Integer) -> None:
    counters = state.counters
    if counters[HOUR_LAST]:
        last = counters[HOUR_LAST] - 1
        state.contents.rows[last]["next_in_hour"] = index + 1
        state.contents.dirty[last // CONTENT_BLOCK] = 1
    else:
        counters[HOUR_FIRST] = index + 1
    counters[HOUR_LAST] = index + 1


@compiled
def count_in_hour(
    state: ChainState, index: Integer, at: Integer, clock: Integer, t: RuleSet, base: Integer
) -> None:
    """A share has come in: count it if it is of the first hour, and tell if that makes it explosive."""
    content = state.contents.rows[index]
    if content["shares"] == 1:
        content["first_share_at"] = at
        content["first_share_clock"] = clock
        _begin_hour(state, index)
    elif content["first_share_clock"] + FIRST_HOUR_MS <= clock:
        return
    content["hour_shares"] += 1
    shares = np.int64(content["hour_shares"])
    if shares < t["shares"] or content["explosive_at"]:
        return
    community = state.communities.rows[content["community"]]
    finished = np.int64(community["finished"])
    if finished < t["contents"]:
        return
    as_many = np.int64(0)
    for k in range(class_of(shares), CLASSES):
        as_many += community["classes"][k]
    if as_many < t["part"] * finished:
        content["explosive_at"] = clock
        content["resolve_at"] = clock + t["explosive"]
        cursor = state.moves.cursor
        alert = state.moves.alerts[cursor[ALERTS]]
        alert["row"] = index
        alert["position"] = base + cursor[ALERT_ROWS]
        alert["at"] = clock
        alert["shares"] = shares
        alert["contents"] = finished
        alert["as_many"] = as_many
        cursor[ALERTS] += 1
        cursor[ALERT_ROWS] += 1
