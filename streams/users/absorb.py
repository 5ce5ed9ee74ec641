"""A message of actions or notes, or a tick, applied to the people of a partition. Compiled loops, no I/O."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from schemas.actions import (
    BENEFIT,
    IS_REPLY,
    JOIN,
    JOINED,
    LEAVE,
    LINKS_SHARE,
    POST,
    PURCHASE,
    QUESTION,
    ROLES,
    SHARE,
    SHARED,
    STAYED,
    TALK,
    VIA_SHARE,
    VIEW,
)
from streams.columnar import Array, Bytes, Keyed, find_or_add, touch
from streams.compiled import Integer, compiled
from streams.hashing import join_key
from streams.text import Text
from streams.users.closeness import act as act_closeness
from streams.users.figures import (
    Row,
    RuleSet,
    day_of,
    days_active,
    is_active,
    record_day,
    record_intent,
    record_score,
)
from streams.users.intent import act as act_intent
from streams.users.ladders import look_again, settle
from streams.users.level import act as act_level
from streams.users.level import decay, is_short
from streams.users.lifecycle import LOST, RESURRECTED
from streams.users.lifecycle import act as act_lifecycle
from streams.users.medals import give_medals
from streams.users.points import earn, earn_points
from streams.users.pyramid import act as act_pyramid
from streams.users.state import (
    BY_INVITE,
    INVITED,
    INVITED_BY_SHARE,
    LIFECYCLE,
    MEMBERSHIP_BLOCK,
    NAME_BLOCK,
    NEVER,
    NO_DAY,
    PEOPLE_BLOCK,
    STAY_TOLD,
    Desk,
    People,
)

MOVES_AT_ONCE = 128
"""More transitions, medals or notes than one action or one settling can ever cause."""

_MEMBER = ROLES.index("member")


class Actions(NamedTuple):
    """The columns of one message of actions, of one length. `schemas.actions` says what is in them."""

    source_offset: Array
    clock: Array
    occurred_at: Array
    action: Array
    role: Array
    kind: Array
    flags: Array
    amount: Array
    community: Text
    user: Text
    group: Text
    link: Text
    rules: Array
    """Number of the rules of the community."""


class Notes(NamedTuple):
    """The columns of one message of notes to people."""

    source_offset: Array
    at: Array
    kind: Array
    by_share: Array
    community: Text
    to: Text
    rules: Array


@compiled
def _pair(scratch: Bytes, a: Integer, b: Integer) -> Integer:
    for i in range(4):
        scratch[i] = (a >> (8 * i)) & 0xFF
        scratch[4 + i] = (b >> (8 * i)) & 0xFF
    return 8


@compiled
def _person(people: Keyed, scratch: Bytes, community: Text, user: Text, i: int, rules: Array) -> Integer:
    """The row of a person, with a new one's defaults in it."""
    n = join_key(
        scratch,
        community.data, community.offsets[i], community.offsets[i + 1],
        user.data, user.offsets[i], user.offsets[i + 1],
    )  # fmt: skip
    index, new = find_or_add(people, scratch, n)
    touch(people, index, PEOPLE_BLOCK)
    if new:
        row = people.rows[index]
        row["first_at"] = NEVER
        row["due"] = NEVER
        row["talk_day"] = NO_DAY
        row["points_day"] = NO_DAY
        row["rules"] = rules[i]
    return index


@compiled
def _membership(
    groups: Keyed,
    memberships: Keyed,
    person: Row,
    index: Integer,
    action: int,
    community: Text,
    group: Text,
    i: int,
    scratch: Bytes,
) -> None:
    """A person's groups: join, post, share and purchase put them in, leave takes them out."""
    n = join_key(
        scratch,
        community.data, community.offsets[i], community.offsets[i + 1],
        group.data, group.offsets[i], group.offsets[i + 1],
    )  # fmt: skip
    group_row, new = find_or_add(groups, scratch, n)
    if new:
        groups.dirty[group_row // NAME_BLOCK] = 1
    n = _pair(scratch, index, group_row)
    row, new = find_or_add(memberships, scratch, n)
    member = memberships.rows[row]
    now = np.uint8(0) if action == LEAVE else np.uint8(1)
    if new or member["member"] != now:
        if now == 1:
            person["groups"] += 1
        elif not new:
            person["groups"] -= 1
        member["member"] = now
        memberships.dirty[row // MEMBERSHIP_BLOCK] = 1


@compiled
def _intent_weight(t: RuleSet, action: int, kind: int, as_member: bool, via_share: bool) -> float:
    weight = 0.0
    if action == PURCHASE:
        weight = t["by_purchase"]
    elif action == POST and kind == QUESTION and as_member:
        weight = t["by_question"]
    elif action in (VIEW, JOIN) and via_share:
        weight = t["by_click"]
    elif action == POST and kind == BENEFIT and as_member:
        weight = t["by_benefit"]
    elif action == VIEW:
        weight = t["by_view"]
    return weight


@compiled
def _record_moments(row: Row, action: int, at: Integer) -> None:
    """First join and post, last two purchases."""
    if action == JOIN:
        row["joined_at"] = at if row["counts"][JOIN] == 1 else min(row["joined_at"], at)
    elif action == POST:
        row["first_post_at"] = at if row["counts"][POST] == 1 else min(row["first_post_at"], at)
    elif action == PURCHASE:
        if at > row["purchase_at"]:
            row["purchase_before"] = row["purchase_at"]
            row["purchase_at"] = at
        elif at > row["purchase_before"]:
            row["purchase_before"] = at


@compiled
def _record(
    desk: Desk,
    row: Row,
    index: Integer,
    at: Integer,
    action: int,
    kind: int,
    as_member: bool,
    flags: int,
    amount: Integer,
    base: Integer,
) -> None:
    """The figures of one activity, and the transitions and medals that follow."""
    t = desk.book.sets[row["rules"]]
    day = day_of(desk.book, t, at)
    talk = action == POST and kind in (TALK, QUESTION)
    benefit = action == POST and kind == BENEFIT and as_member
    first = not is_active(row)
    if first or at > row["last_at"]:
        decay(row, t, at)
        row["decays"] = 0
        row["last_at"] = at
    record_day(row, day, talk, action == SHARE, benefit)
    record_score(row, at, t["weights"][action], t["half_life"], first)
    weight = _intent_weight(t, action, kind, as_member, bool(flags & VIA_SHARE))
    if weight > 0:
        record_intent(row, at, weight, t["intent_half_life"])
    if talk:
        row["talk_day"] = max(np.int64(row["talk_day"]), day)
    if benefit:
        row["benefits"] += 1
    if flags & IS_REPLY:
        row["replies"] += 1
    _record_moments(row, action, at)
    earn_points(row, t, action, day, amount)
    before = row["on"][LIFECYCLE]
    act_lifecycle(desk, row, index, action, at, base)
    act_pyramid(desk, row, index, at, base)
    if weight > 0 or talk or benefit or action == PURCHASE:
        act_intent(desk, row, index, action, at, base)
    act_closeness(desk, row, index, talk or action == SHARE, action == PURCHASE, at, base)
    act_level(desk, row, index, at, base)
    came_back = before == LOST and row["on"][LIFECYCLE] == RESURRECTED
    give_medals(desk, row, index, at, came_back, base)


@compiled
def _note(desk: Desk, i: int, at: Integer, kind: int, by_share: int, invited_by: Integer) -> None:
    cursor = desk.moves.cursor
    note = desk.moves.notes[cursor[2]]
    note["at"] = at
    note["event"] = i
    note["kind"] = kind
    note["by_share"] = by_share
    note["invited_by"] = invited_by
    cursor[2] += 1


@compiled
def _tell(state: People, row: Row, a: Actions, i: int, scratch: Bytes) -> None:
    """Whoever brought the person hears of it: see docs/people.md, Invites."""
    desk = state.desk
    t = desk.book.sets[row["rules"]]
    at = a.occurred_at[i]
    if a.action[i] == JOIN and row["counts"][JOIN] == 1 and a.link.offsets[i + 1] > a.link.offsets[i]:
        by_share = bool(a.flags[i] & LINKS_SHARE)
        n = join_key(
            scratch,
            a.community.data, a.community.offsets[i], a.community.offsets[i + 1],
            a.link.data, a.link.offsets[i], a.link.offsets[i + 1],
        )  # fmt: skip
        if by_share:
            found, _ = find_or_add(state.vias, scratch, n)
            state.vias.dirty[found // NAME_BLOCK] = 1
            row["flags"] |= INVITED | INVITED_BY_SHARE
        else:
            found, _ = find_or_add(state.names, scratch, n)
            state.names.dirty[found // NAME_BLOCK] = 1
            row["flags"] |= INVITED
        row["invited_by"] = found
        _note(desk, i, at, JOINED, by_share, found)
    if row["flags"] & (INVITED | STAY_TOLD) == INVITED and days_active(row, row["day"]) >= t["stayed_days"]:
        row["flags"] |= STAY_TOLD
        by_share = bool(row["flags"] & INVITED_BY_SHARE)
        _note(desk, i, at, STAYED, by_share, row["invited_by"])


@compiled
def absorb_actions(
    state: People, a: Actions, start: int, absorbed: int, now: Integer, base: Integer
) -> Integer:
    """Apply actions from number `start` on, skipping those at or below the offset `absorbed`.

    `now`: the stage's clock, ms; it is ahead of the actions of a source that was idle. Stops early when a
    buffer of `Moves` is nearly full; the number of the first action not applied.
    """
    scratch = state.scratch
    desk = state.desk
    cursor = desk.moves.cursor
    room = len(desk.moves.transitions) - 2 * MOVES_AT_ONCE
    for i in range(start, len(a.action)):
        if a.source_offset[i] <= absorbed:
            continue
        if cursor[0] > room or cursor[1] > room or cursor[2] > room:
            return i
        index = _person(state.people, scratch, a.community, a.user, i, a.rules)
        row = state.people.rows[index]
        clock = max(a.clock[i], now)
        if row["due"] <= clock:
            look_again(desk, row, index, clock, base)
        at = a.occurred_at[i]
        action = a.action[i]
        written = cursor[3]
        first = not is_active(row)
        joined_at = row["joined_at"]
        if at < row["first_at"]:
            row["first_at"] = at
        row["counts"][action] += 1
        if a.role[i]:
            row["role"] = a.role[i]
        if action != VIEW:
            _membership(
                state.groups, state.memberships, row, index, action, a.community, a.group, i, scratch
            )  # fmt: skip
        if action == LEAVE:
            row["groups_left"] += 1
            act_lifecycle(desk, row, index, action, at, base)
            if is_active(row):
                act_pyramid(desk, row, index, at, base)
        else:
            as_member = a.role[i] == _MEMBER
            _record(
                desk, row, index, at, action, a.kind[i], as_member, a.flags[i], a.amount[i], base
            )  # fmt: skip
            if action == SHARE:
                _note(desk, i, at, SHARED, 1, 0)
            if row["flags"] & (INVITED | STAY_TOLD) == INVITED or (
                action == JOIN and row["counts"][JOIN] == 1
            ):
                _tell(state, row, a, i, scratch)
        # Else more activity only puts off what time would do.
        if (
            first
            or cursor[3] > written
            or row["on"][LIFECYCLE] == RESURRECTED
            or row["joined_at"] != joined_at
            or a.kind[i] == BENEFIT
            or is_short(row, desk.book.sets[row["rules"]])
        ):
            look_again(desk, row, index, clock, base)
        block = index // PEOPLE_BLOCK
        if row["due"] < state.block_due[block]:
            state.block_due[block] = row["due"]
    return len(a.action)


@compiled
def absorb_notes(
    state: People, c: Notes, start: int, absorbed: int, clock: Integer, base: Integer
) -> Integer:
    """Apply notes to people from number `start` on; see `absorb_actions`. `clock`: the stage's, ms."""
    scratch = state.scratch
    desk = state.desk
    cursor = desk.moves.cursor
    room = len(desk.moves.transitions) - 2 * MOVES_AT_ONCE
    for i in range(start, len(c.at)):
        if c.source_offset[i] <= absorbed or c.by_share[i]:
            continue
        if cursor[0] > room or cursor[1] > room:
            return i
        index = _person(state.people, scratch, c.community, c.to, i, c.rules)
        row = state.people.rows[index]
        t = desk.book.sets[row["rules"]]
        settle(desk, row, index, clock, base)
        at = c.at[i]
        if c.kind[i] == JOINED:
            row["invites"] += 1
        else:
            row["invites_stayed"] += 1
            decay(row, t, at)
            earn(row, BY_INVITE, t["invite_points"])
        if is_active(row):
            act_pyramid(desk, row, index, at, base)
            act_level(desk, row, index, at, base)
            give_medals(desk, row, index, at, False, base)
            look_again(desk, row, index, clock, base)
            block = index // PEOPLE_BLOCK
            if row["due"] < state.block_due[block]:
                state.block_due[block] = row["due"]
    return len(c.at)


@compiled
def settle_due(state: People, clock: Integer, base: Integer) -> bool:
    """Settle everyone who is due by `clock`; False when a buffer filled up first (call again).

    Nobody else is looked at: `block_due` says in which blocks someone may be due.
    """
    desk = state.desk
    cursor = desk.moves.cursor
    room = len(desk.moves.transitions) - MOVES_AT_ONCE
    count = state.people.size[0]
    for block in range((count + PEOPLE_BLOCK - 1) // PEOPLE_BLOCK):
        if state.block_due[block] > clock:
            continue
        earliest = NEVER
        for index in range(block * PEOPLE_BLOCK, min((block + 1) * PEOPLE_BLOCK, count)):
            row = state.people.rows[index]
            if row["due"] <= clock:
                if cursor[0] > room:
                    return False
                written = cursor[3]
                settle(desk, row, index, clock, base)
                if cursor[3] > written:
                    touch(state.people, index, PEOPLE_BLOCK)
                else:
                    state.people.dirty[block] = 1
            if row["due"] < earliest:
                earliest = row["due"]
        state.block_due[block] = earliest
    return True
