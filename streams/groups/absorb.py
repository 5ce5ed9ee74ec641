"""Actions, in the order of docs/groups.md, applied to the groups of a partition. Compiled loops, no I/O."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from schemas.actions import (
    AD,
    BENEFIT,
    JOIN,
    LEAVE,
    POST,
    PURCHASE,
    QUESTION,
    SHARE,
    TALK,
    VIEW,
)
from streams.calendar import Zone
from streams.columnar import Array, Bytes, Keyed, clear, find, find_or_add, is_full, touch
from streams.compiled import Integer, compiled, inlined
from streams.groups import silence
from streams.groups.answers import hear, take_reply, watch_question, watch_staff_post
from streams.groups.benefits import begin_habit, credit_benefits, learn_post, take_ad, watch_benefit
from streams.groups.days import count, day_of, in_window
from streams.groups.members import (
    come_in,
    go_out,
    is_staff,
    makes_member,
    record_activity,
    set_role,
)
from streams.groups.moves import resolve_alert
from streams.groups.rulebook import start_of_day, zone_of
from streams.groups.settle import ROW_KEY, must_stop, plan, record_leave, settle, write_row_key
from streams.groups.state import (
    ADS,
    BENEFIT_ACTIONS,
    BENEFITS,
    GENERATION_MS,
    GROUP_BLOCK,
    GROUP_QUIET,
    GROUP_SILENCE,
    ICEBREAKERS,
    MEMBERSHIP_BLOCK,
    NEAR,
    NEVER,
    POSTS,
    PURCHASES,
    QUESTIONS,
    REPLIES,
    SHARES,
    STAFF_POSTS,
    TOPIC_BLOCK,
    TOPICS,
    VIEWS,
    WINDOW_DAYS,
    GroupState,
    Moves,
)
from streams.hashing import join_key
from streams.names import number_of
from streams.text import Text, is_given, is_same, write_text

Group = Any
"""One row of `GROUP`."""
Member = Any
"""One row of `MEMBERSHIP`."""
RuleSet = Any
"""One row of `GROUP_RULES`."""


class Actions(NamedTuple):
    """The columns of some actions, of one length and in order. `schemas.actions` says what is in them."""

    clock: Array
    occurred_at: Array
    action: Array
    role: Array
    kind: Array
    amount: Array
    community: Text
    group: Text
    user: Text
    content: Text
    reply_to: Text
    channel: Text
    inviter: Text
    rules: Array
    """Number of the rules of the community."""


@inlined
def _group(state: GroupState, scratch: Bytes, a: Actions, i: int) -> Integer:
    """The row of a group, with a new one's beginnings in it."""
    n = join_key(
        scratch,
        a.community.data, a.community.offsets[i], a.community.offsets[i + 1],
        a.group.data, a.group.offsets[i], a.group.offsets[i + 1],
    )  # fmt: skip
    index, new = find_or_add(state.groups, scratch, n)
    touch(state.groups, index, GROUP_BLOCK)
    if new:
        group = state.groups.rows[index]
        clock = a.clock[i]
        group["rules"] = a.rules[i]
        zone = zone_of(state.desk.book, a.rules[i])
        group["began_at"] = clock
        group["day"] = day_of(zone, clock)
        group["active_day"] = group["day"] - 2 * WINDOW_DAYS
        group["answer_day"] = group["active_day"]
        group["close_at"] = start_of_day(zone, np.int64(group["day"]) + 1)
        group["spam_until"] = NEVER
        group["health"] = 100.0
        begin_habit(group, zone, clock)
        silence.begin(group["silence"])
        plan(state, index)
    return index


@inlined
def _membership(state: GroupState, scratch: Bytes, a: Actions, i: int, index: Integer) -> Integer:
    """The row of a membership, linked to its group if it is new."""
    n = write_text(scratch, 0, a.user, i)
    scratch[n] = 0xFF
    for k in range(4):
        scratch[n + 1 + k] = (index >> (8 * k)) & 0xFF
    row, new = find_or_add(state.memberships, scratch, n + 5)
    state.memberships.dirty[row // MEMBERSHIP_BLOCK] = 1
    if new:
        member, group = state.memberships.rows[row], state.groups.rows[index]
        member["group"] = index
        member["next"] = group["first_member"]
        group["first_member"] = row + 1
        if group["memberships"] < NEAR:
            group["near"][group["memberships"]] = row
        group["memberships"] += 1
        touch(state.memberships, row, MEMBERSHIP_BLOCK)
    return row


@compiled
def _renew_generation(state: GroupState, clock: Integer) -> None:
    """Forget the topics of the generation before the last one."""
    generation = clock // GENERATION_MS
    before = state.generation[0]
    state.generation[0] = generation
    if generation > before + 1:
        clear(state.topics[0])
        clear(state.topics[1])
    else:
        clear(state.topics[generation % 2])


@compiled
def _join(names: Keyed, scratch: Bytes, member: Member, a: Actions, i: int) -> bool:
    """What a join says of somebody; whether anything is new."""
    new = False
    if is_given(a.channel, i):
        channel = number_of(names, scratch, a.channel, i)
        new |= member["channel"] != channel
        member["channel"] = channel
    if is_given(a.inviter, i) and not is_same(a.inviter, a.user, i):
        inviter = number_of(names, scratch, a.inviter, i)
        new |= member["inviter"] != inviter
        member["inviter"] = inviter
    return bool(new)


@compiled
def _take_topic(
    state: GroupState, scratch: Bytes, a: Actions, i: int, index: Integer, author: Integer, base: Integer
) -> None:
    """A talk or question with an id waits for its first reply, unless its id is known."""
    n = write_text(scratch, write_row_key(scratch, index), a.content, i)
    half = state.generation[0] % 2
    if find(state.topics[1 - half], scratch, n) >= 0:
        return
    row, new = find_or_add(state.topics[half], scratch, n)
    if not new:
        return
    state.topics[half].dirty[row // TOPIC_BLOCK] = 1
    question = a.kind[i] == QUESTION and not is_staff(a.role[i])
    topic = state.topics[half].rows[row]
    topic["at"] = a.occurred_at[i]
    topic["author"] = author
    topic["answered"] = 0
    topic["question"] = question
    if question:
        group = state.groups.rows[index]
        number = group["rules"]
        count(group, day_of(zone_of(state.desk.book, number), a.occurred_at[i]), QUESTIONS)
        watch_question(
            state.desk.moves, group, index, state.desk.book.sets[number],
            a.occurred_at[i], a.clock[i], row, half, author, base,
        )  # fmt: skip


@compiled
def _take_reply(
    state: GroupState, scratch: Bytes, a: Actions, i: int, index: Integer, author: Integer, day: Integer,
    base: Integer,
) -> None:  # fmt: skip
    """A reply, if what it replies to is known."""
    n = write_text(scratch, write_row_key(scratch, index), a.reply_to, i)
    group = state.groups.rows[index]
    zone = zone_of(state.desk.book, group["rules"])
    for half in range(2):
        topics = state.topics[half]
        row = find(topics, scratch, n)
        if row >= 0:
            take_reply(
                state.desk.moves, group, index, zone, topics, row, half, author,
                a.occurred_at[i], day, a.clock[i], not is_staff(a.role[i]), base,
            )  # fmt: skip
            return


@compiled
def _count_post(group: Group, day: Integer, staff: bool, kind: Integer, reply: bool) -> None:
    """The counts of a day that a post alone decides."""
    count(group, day, STAFF_POSTS if staff else POSTS)
    if reply:
        count(group, day, REPLIES)
    elif staff:
        count(group, day, TOPICS)
    if kind == BENEFIT:
        count(group, day, BENEFITS if staff else BENEFIT_ACTIONS)
    elif kind == AD and not staff:
        count(group, day, ADS)


@compiled
def _end_silence(
    moves: Moves, group: Group, index: Integer, zone: Zone, at: Integer, t: RuleSet, base: Integer
) -> None:
    """A post, for the silence detector (`t` are its rules): what was open resolves."""
    resolved, gap = silence.record_post(group["silence"], zone, at, t)
    if resolved & silence.SILENT:
        resolve_alert(moves, group, index, GROUP_SILENCE, at, base)["x"][0] = gap / 3_600_000
    if resolved & silence.QUIET:
        resolve_alert(moves, group, index, GROUP_QUIET, at, base)["x"][0] = gap / 3_600_000


@inlined
def _post(
    state: GroupState, scratch: Bytes, a: Actions, i: int, index: Integer, row: Integer, zone: Zone,
    day: Integer, base: Integer,
) -> None:  # fmt: skip
    """A post, beyond its author's membership."""
    group, t = state.groups.rows[index], state.desk.book.sets[a.rules[i]]
    at, clock, kind, staff = a.occurred_at[i], a.clock[i], a.kind[i], is_staff(a.role[i])
    moves = state.desk.moves
    inside = in_window(group, day)
    if inside:
        _count_post(group, day, staff, kind, is_given(a.reply_to, i))
        if is_given(a.reply_to, i):
            _take_reply(state, scratch, a, i, index, row, day, base)
        elif is_given(a.content, i) and kind in (TALK, QUESTION):
            _take_topic(state, scratch, a, i, index, row, base)
    if staff:
        if inside:
            watch_staff_post(group, at)
            if kind == BENEFIT:
                watch_benefit(group, zone, t, at, clock)
    else:
        if inside:
            hear(group, zone, t, at)
        if not credit_benefits(group, at) and inside:
            learn_post(group, zone, at)
        if kind == AD:
            take_ad(moves, group, index, t, at, clock, base)
    group["posts_total"] += 1
    group["last_post_at"] = max(np.int64(group["last_post_at"]), at)
    if group["last_author"] != row + 1:
        group["other_kind"] = group["last_kind"]
        group["last_author"] = row + 1
    group["last_kind"] = kind
    _end_silence(moves, group, index, zone, at, state.desk.book.silence[a.rules[i]], base)


@inlined
def _apply(state: GroupState, scratch: Bytes, a: Actions, i: int, index: Integer, base: Integer) -> None:
    group = state.groups.rows[index]
    zone = zone_of(state.desk.book, a.rules[i])
    at, action = a.occurred_at[i], a.action[i]
    day = day_of(zone, at)
    row = _membership(state, scratch, a, i, index)
    member = state.memberships.rows[row]
    if action == LEAVE:
        if member["member"]:
            go_out(group, member, row, at, a.clock[i], day)
            record_leave(state, group, index, a.clock[i], at)
            touch(state.memberships, row, MEMBERSHIP_BLOCK)
        return
    new = False
    if not member["member"] and makes_member(action):
        come_in(group, member, at, day)
        new = True
    if action == JOIN:
        new |= _join(state.names, scratch, member, a, i)
    if a.role[i] and action in (JOIN, POST):
        new |= set_role(group, member, a.role[i])
    record_activity(group, member, action, at, day)
    if action == POST:
        first = np.int64(member["first_post_at"])
        if first == 0:
            ice = state.desk.book.sets[a.rules[i]]["ice"]
            if member["member"] and 0 <= at - np.int64(member["joined_at"]) <= ice:
                count(group, day, ICEBREAKERS)
        if first == 0 or at < first:
            member["first_post_at"] = at
            new = True
        _post(state, scratch, a, i, index, row, zone, day, base)
    elif action == SHARE:
        group["shares_total"] += 1
        count(group, day, SHARES)
    elif action == PURCHASE:
        group["purchases_total"] += 1
        group["units_total"] += a.amount[i] // 1_000_000
        group["millionths_total"] += a.amount[i] % 1_000_000
        count(group, day, PURCHASES)
        if not member["buyer"]:
            member["buyer"] = 1
            group["buyers"] += member["member"]
    elif action == VIEW:
        group["views_total"] += 1
        count(group, day, VIEWS)
    if new:
        touch(state.memberships, row, MEMBERSHIP_BLOCK)


@compiled
def absorb_actions(state: GroupState, a: Actions, order: Array, start: int, base: Integer) -> Integer:
    """Apply actions in `order` (their numbers) from place `start` on; the place of the first not applied.

    Stops early when `moves` is to be taken, or there is no room for one more chart.
    """
    scratch = state.scratch
    moves = state.desk.moves
    for place in range(start, len(order)):
        i = order[place]
        if must_stop(moves) or is_full(state.churn, ROW_KEY):
            return place
        if a.clock[i] // GENERATION_MS > state.generation[0]:
            _renew_generation(state, a.clock[i])
        index = _group(state, scratch, a, i)
        due = state.groups.rows[index]["due"] <= a.clock[i]
        if due and (not settle(state, index, a.clock[i], base) or must_stop(moves)):
            return place
        _apply(state, scratch, a, i, index, base)
        if a.action[i] in (POST, LEAVE):
            plan(state, index)
    return len(order)
