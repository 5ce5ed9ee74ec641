"""What time alone changes in a group: each thing at the moment at which it is due, in order.

See docs/groups.md, Order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.calendar import Zone
from streams.columnar import Array, Bytes, Keyed, find_or_add, is_full, touch
from streams.compiled import Integer, codes, compiled, inlined
from streams.groups import churn, silence
from streams.groups.answers import next_question, settle_question
from streams.groups.benefits import next_benefit, settle_benefit, settle_spam
from streams.groups.close import close_day
from streams.groups.moves import open_alert, resolve_alert
from streams.groups.rulebook import zone_of
from streams.groups.state import (
    ALERTS,
    CHURN_BLOCK,
    CHURN_SPIKE,
    FALLING_SILENT,
    GROUP_BLOCK,
    GROUP_QUIET,
    GROUP_SILENCE,
    NEVER,
    PAUSED,
    GroupState,
    Moves,
)

Group = Any
"""One row of `GROUP`."""

ROW_KEY = 4
"""Bytes of the row of a group in a key."""
CHANGES_AT_ONCE = 32
"""More alerts than one thing that is due, or one action, can ever change."""

_CLOSE, _QUESTION, _BENEFIT, _SPAM, _SILENCE, _LEAVES, _FALLS = codes(7)


@compiled
def must_stop(moves: Moves) -> bool:
    """Whether `moves` is to be taken before anything else: it is nearly full, or an alert needs evidence."""
    return bool(moves.cursor[PAUSED] or moves.cursor[ALERTS] > len(moves.alerts) - CHANGES_AT_ONCE)


@compiled
def write_row_key(scratch: Bytes, row: Integer) -> Integer:
    """Write the row of a group as 4 bytes; how many."""
    for i in range(4):
        scratch[i] = (row >> (8 * i)) & 0xFF
    return 4


@compiled
def _next_due(group: Group, churn_rows: Array, falls_rows: Array) -> tuple[int, Integer]:
    """What is due next, and when; of one moment the first in the order of docs/groups.md."""
    what, at = _CLOSE, np.int64(group["close_at"])
    due = next_question(group)[1]
    if due < at:
        what, at = _QUESTION, due
    due = next_benefit(group)[1]
    if due < at:
        what, at = _BENEFIT, due
    due = np.int64(group["spam_until"])
    if due < at:
        what, at = _SPAM, due
    due = silence.due(group["silence"])
    if due < at:
        what, at = _SILENCE, due
    if group["churn"] > 0:
        due = churn.due(churn_rows[np.int64(group["churn"]) - 1]["churn"])
        if due < at:
            what, at = _LEAVES, due
    if group["falls"] > 0:
        due = churn.due(falls_rows[np.int64(group["falls"]) - 1]["churn"])
        if due < at:
            what, at = _FALLS, due
    return what, at


@compiled
def _fall_silent(moves: Moves, group: Group, index: Integer, zone: Zone, base: Integer) -> None:
    """The group is quiet, or silent, as of its deadline."""
    state = group["silence"]
    kind = silence.pass_time(state, silence.due(state))
    rule = GROUP_QUIET if kind == silence.QUIET else GROUP_SILENCE
    at = silence.opened_at(state, kind)
    alert = open_alert(moves, group, index, rule, at, base)
    measure, level, hours = silence.evidence(state, zone, kind)
    alert["x"][0] = measure
    alert["x"][1] = level
    alert["x"][2] = hours


@compiled
def _tell_churn(
    moves: Moves, group: Group, index: Integer, rule: int, change: churn.Change, base: Integer
) -> None:
    """An alert of a churn detector opens or resolves."""
    if change.kind == churn.NOTHING:
        return
    if change.kind == churn.OPENED:
        alert = open_alert(moves, group, index, rule, change.at, base)
    else:
        alert = resolve_alert(moves, group, index, rule, change.at, base)
    alert["x"][0] = change.count
    alert["x"][1] = change.expected
    alert["x"][2] = change.score
    alert["x"][3] = change.threshold
    alert["x"][4] = change.began_at
    alert["x"][5] = change.ended_at
    moves.cursor[PAUSED] = 1 + (change.kind == churn.USUAL)


@compiled
def _chart(
    charts: Keyed, scratch: Bytes, number: Integer, index: Integer, zone: Zone, began_at: Integer
) -> Integer:
    """The row + 1 of a group's chart: `number`, or that of a new one if it has none yet (0)."""
    if number == 0:
        row, _ = find_or_add(charts, scratch, write_row_key(scratch, index))
        churn.begin(charts.rows[row]["churn"], zone, began_at)
        number = row + 1
    charts.dirty[(number - 1) // CHURN_BLOCK] = 1
    return number


@compiled
def _record_falls(state: GroupState, group: Group, index: Integer, fell_silent: Integer, at: Integer) -> None:
    """So many members fell silent on the day that ends at `at`."""
    if fell_silent == 0:
        return
    book = state.desk.book
    zone, rules = zone_of(book, group["rules"]), book.churn[group["rules"]]
    number = _chart(
        state.falls, state.scratch, np.int64(group["falls"]), index, zone, np.int64(group["began_at"])
    )
    group["falls"] = number
    churn.record_leaves(state.falls.rows[number - 1]["churn"], rules, zone, at - 1, at - 1, fell_silent)


@compiled
def record_leave(state: GroupState, group: Group, index: Integer, clock: Integer, at: Integer) -> None:
    """Somebody left."""
    book = state.desk.book
    zone, rules = zone_of(book, group["rules"]), book.churn[group["rules"]]
    number = _chart(
        state.churn, state.scratch, np.int64(group["churn"]), index, zone, np.int64(group["began_at"])
    )
    group["churn"] = number
    churn.record_leave(state.churn.rows[number - 1]["churn"], rules, zone, clock, at)


@compiled
def settle(state: GroupState, index: Integer, to: Integer, base: Integer) -> bool:
    """Do all that is due up to a moment. False: stopped before the end, call again with `moves` taken."""
    group = state.groups.rows[index]
    if group["due"] > to:
        return True
    desk = state.desk
    moves = desk.moves
    t = desk.book.sets[group["rules"]]
    zone = zone_of(desk.book, group["rules"])
    while True:
        what, at = _next_due(group, state.churn.rows, state.falls.rows)
        if at > to:
            group["due"] = at
            return True
        if must_stop(moves) or is_full(state.falls, ROW_KEY):
            group["due"] = at
            return False
        changes = moves.cursor[ALERTS]
        if what == _CLOSE:
            fell_silent = close_day(state, group, index, zone, t, base)
            _record_falls(state, group, index, fell_silent, at)
        elif what == _QUESTION:
            settle_question(moves, group, index, next_question(group)[0], at, base)
            touch(state.groups, index, GROUP_BLOCK)
        elif what == _BENEFIT:
            settle_benefit(moves, group, index, t, next_benefit(group)[0], at, base)
            touch(state.groups, index, GROUP_BLOCK)
        elif what == _SPAM:
            settle_spam(moves, group, index, at, base)
        elif what == _SILENCE:
            _fall_silent(moves, group, index, zone, base)
        elif what == _LEAVES:
            row = np.int64(group["churn"]) - 1
            change = churn.pass_time(state.churn.rows[row]["churn"], desk.book.churn[group["rules"]], zone)
            state.churn.dirty[row // CHURN_BLOCK] = 1
            _tell_churn(moves, group, index, CHURN_SPIKE, change, base)
        else:
            row = np.int64(group["falls"]) - 1
            change = churn.pass_time(state.falls.rows[row]["churn"], desk.book.churn[group["rules"]], zone)
            state.falls.dirty[row // CHURN_BLOCK] = 1
            _tell_churn(moves, group, index, FALLING_SILENT, change, base)
        if moves.cursor[ALERTS] > changes:
            touch(state.groups, index, GROUP_BLOCK)


@inlined
def plan(state: GroupState, index: Integer) -> None:
    """Say when something is due next, after an action."""
    group = state.groups.rows[index]
    at = _next_due(group, state.churn.rows, state.falls.rows)[1]
    group["due"] = at
    block = index // GROUP_BLOCK
    if at < state.block_due[block]:
        state.block_due[block] = at


@compiled
def settle_due(state: GroupState, clock: Integer, base: Integer) -> bool:
    """Settle every group that is due by `clock`; False when stopped before the end (call again).

    Nobody else is looked at: `block_due` says in which blocks one may be due.
    """
    count = state.groups.size[0]
    for block in range((count + GROUP_BLOCK - 1) // GROUP_BLOCK):
        if state.block_due[block] > clock:
            continue
        earliest = np.int64(NEVER)
        for index in range(block * GROUP_BLOCK, min((block + 1) * GROUP_BLOCK, count)):
            due = np.int64(state.groups.rows[index]["due"])
            if due <= clock:
                state.groups.dirty[block] = 1
                if not settle(state, index, clock, base):
                    return False
                due = np.int64(state.groups.rows[index]["due"])
            if due < earliest:
                earliest = due
        state.block_due[block] = earliest
    return True
