"""One message of actions, or one tick, applied to the people of a partition. Compiled loops, no I/O."""

from __future__ import annotations

import numpy as np

from schemas.actions import LEAVE, VIEW
from streams.columnar import Array, Bytes, find_or_add, touch
from streams.compiled import Integer, compiled
from streams.hashing import join_key
from streams.text import Text
from streams.users.lifecycle import act, record_activity, settle
from streams.users.state import GROUP_BLOCK, MEMBERSHIP_BLOCK, NEVER, PEOPLE_BLOCK, People, Thresholds

MOVES_AT_ONCE = 16
"""More transitions than one action, or one settling, can ever cause."""


@compiled
def _pair(scratch: Bytes, a: Integer, b: Integer) -> int:
    for i in range(4):
        scratch[i] = (a >> (8 * i)) & 0xFF
        scratch[4 + i] = (b >> (8 * i)) & 0xFF
    return 8


@compiled
def _membership(
    state: People, index: Integer, action: int, community: Text, group: Text, i: int, scratch: Bytes
) -> None:
    """A person's groups: join, post, share and purchase put them in, leave takes them out."""
    n = join_key(
        scratch,
        community.data, community.offsets[i], community.offsets[i + 1],
        group.data, group.offsets[i], group.offsets[i + 1],
    )  # fmt: skip
    group_row, new = find_or_add(state.groups, scratch, n)
    if new:
        state.groups.dirty[group_row // GROUP_BLOCK] = 1
    n = _pair(scratch, index, group_row)
    row, new = find_or_add(state.memberships, scratch, n)
    member = state.memberships.rows[row]
    person = state.people.rows[index]
    now = np.uint8(0) if action == LEAVE else np.uint8(1)
    if new or member["member"] != now:
        if now == 1:
            person["groups"] += 1
        elif not new:
            person["groups"] -= 1
        member["member"] = now
        state.memberships.dirty[row // MEMBERSHIP_BLOCK] = 1


@compiled
def absorb_actions(
    state: People,
    t: Thresholds,
    start: int,
    absorbed: int,
    base: int,
    source_offset: Array,
    clock: Array,
    occurred_at: Array,
    action: Array,
    role: Array,
    community: Text,
    user: Text,
    group: Text,
) -> int:
    """Apply actions from number `start` on, skipping those at or below the offset `absorbed`.

    Stops early when `state.out` is nearly full; the number of the first action not applied.
    """
    scratch = np.empty(2048, np.uint8)
    room = len(state.out) - 2 * MOVES_AT_ONCE
    for i in range(start, len(action)):
        if source_offset[i] <= absorbed:
            continue
        if state.cursor[0] > room:
            return i
        n = join_key(
            scratch,
            community.data, community.offsets[i], community.offsets[i + 1],
            user.data, user.offsets[i], user.offsets[i + 1],
        )  # fmt: skip
        index, new = find_or_add(state.people, scratch, n)
        touch(state.people, index, PEOPLE_BLOCK)
        row = state.people.rows[index]
        at = occurred_at[i]
        code = action[i]
        if new:
            row["first_at"] = at
            row["due"] = NEVER
        else:
            settle(state, index, clock[i], base, t)
            if at < row["first_at"]:
                row["first_at"] = at
        row["counts"][code] += 1
        if role[i]:
            row["role"] = role[i]
        if code != VIEW:
            _membership(state, index, code, community, group, i, scratch)
        if code == LEAVE:
            row["groups_left"] += 1
        else:
            record_activity(row, at, t.weights[code], t.half_life)
        act(state, index, code, at, base, t)
        settle(state, index, clock[i], base, t)
        block = index // PEOPLE_BLOCK
        if row["due"] < state.block_due[block]:
            state.block_due[block] = row["due"]
    return len(action)


@compiled
def settle_due(state: People, t: Thresholds, clock: int, base: int) -> bool:
    """Settle everyone who is due by `clock`; False when `state.out` filled up first (call again).

    Nobody else is looked at: `block_due` says in which blocks someone may be due.
    """
    room = len(state.out) - MOVES_AT_ONCE
    count = state.people.size[0]
    for block in range((count + PEOPLE_BLOCK - 1) // PEOPLE_BLOCK):
        if state.block_due[block] > clock:
            continue
        earliest = NEVER
        for index in range(block * PEOPLE_BLOCK, min((block + 1) * PEOPLE_BLOCK, count)):
            row = state.people.rows[index]
            if row["due"] <= clock:
                if state.cursor[0] > room:
                    return False
                settle(state, index, clock, base, t)
                touch(state.people, index, PEOPLE_BLOCK)
            if row["due"] < earliest:
                earliest = row["due"]
        state.block_due[block] = earliest
    return True
