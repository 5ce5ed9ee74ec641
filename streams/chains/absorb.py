"""Actions, in the order of docs/chains.md, applied to the contents of a partition. Compiled loops, no I/O."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from schemas.actions import JOIN, PURCHASE, SHARE, VIEW
from streams.chains.credit import MILLION, Credit, add, credit_path
from streams.chains.explosive import count_in_hour, finish_hours
from streams.chains.levels import write_number
from streams.chains.state import (
    ALERTS,
    COMMUNITY_BLOCK,
    CONTENT_BLOCK,
    KNOWN_SHARE,
    LEVELS_NEEDED,
    NEVER,
    OWN_ANCESTOR,
    OWN_PARENT,
    PERSON_BLOCK,
    REFUSALS,
    REFUSED_ROWS,
    SERIALS,
    ChainState,
    Moves,
)
from streams.chains.tree import come_in, levels_needed, top_of
from streams.columnar import Array, Bytes, find, find_or_add, is_full, touch
from streams.compiled import Integer, compiled, inlined
from streams.hashing import join_key
from streams.names import number_of
from streams.text import Text, is_given, is_same, write_text

COMMUNITY_KEY = 1024
"""More bytes than the key of a community has."""

Person = Any
"""One row of `PERSON`."""


class Actions(NamedTuple):
    """The columns of some actions, of one length and in order. `schemas.actions` says what is in them."""

    clock: Array
    occurred_at: Array
    action: Array
    amount: Array
    community: Text
    content: Text
    group: Text
    user: Text
    channel: Text
    share: Text
    parent: Text
    via: Text
    rules: Array
    """Number of the rules of the community."""


@compiled
def _write_key(scratch: Bytes, text: Text, i: int, serial: Integer) -> Integer:
    """The key of a share or a person of a content; its length."""
    n = write_text(scratch, 0, text, i)
    scratch[n] = 0xFF
    return write_number(scratch, n + 1, serial)


@inlined
def _content(state: ChainState, a: Actions, i: int) -> Integer:
    """The row of a content, with a new one's beginnings in it."""
    n = join_key(
        state.scratch,
        a.community.data, a.community.offsets[i], a.community.offsets[i + 1],
        a.content.data, a.content.offsets[i], a.content.offsets[i + 1],
    )  # fmt: skip
    index, new = find_or_add(state.contents, state.scratch, n)
    touch(state.contents, index, CONTENT_BLOCK)
    content = state.contents.rows[index]
    if new:
        n = write_text(state.scratch, 0, a.community, i)
        state.scratch[n] = 0xFF
        community, first = find_or_add(state.communities, state.scratch, n + 1)
        if first:
            state.communities.dirty[community // COMMUNITY_BLOCK] = 1
        content["community"] = community
        content["serial"] = state.counters[SERIALS]
        state.counters[SERIALS] += 1
        content["group"] = number_of(state.names, state.scratch, a.group, i)
        content["first_at"] = a.occurred_at[i]
        content["last_at"] = a.occurred_at[i]
        content["max_breadth"] = 1
        content["sum_of_sizes"] = 1
        content["sum_of_squares"] = 1
        content["resolve_at"] = NEVER
    content["last_at"] = max(np.int64(content["last_at"]), a.occurred_at[i])
    content["clock"] = a.clock[i]
    return index


@inlined
def _person(state: ChainState, a: Actions, i: int, index: Integer) -> Integer:
    """The row of who did it, of this content."""
    n = _write_key(state.scratch, a.user, i, state.contents.rows[index]["serial"])
    row, new = find_or_add(state.people, state.scratch, n)
    if new:
        state.people.rows[row]["content"] = index
    state.people.dirty[row // PERSON_BLOCK] = 1
    return row


@inlined
def _node(state: ChainState, text: Text, i: int, index: Integer) -> Integer:
    """The row of a share of a content, whether it has come or is only named."""
    n = _write_key(state.scratch, text, i, state.contents.rows[index]["serial"])
    row, new = find_or_add(state.nodes, state.scratch, n)
    if new:
        state.nodes.rows[row]["content"] = index
    return row


@compiled
def _refuse(state: ChainState, index: Integer, i: Integer, reason: Integer, base: Integer) -> None:
    cursor = state.moves.cursor
    refused = state.moves.refused[cursor[REFUSALS]]
    refused["action"] = i
    refused["reason"] = reason
    refused["position"] = base + cursor[REFUSED_ROWS]
    cursor[REFUSALS] += 1
    cursor[REFUSED_ROWS] += 1
    state.contents.rows[index]["refused"] += 1


@inlined
def _share(state: ChainState, a: Actions, i: int, index: Integer, base: Integer) -> bool:
    """A share; False: not applied, `levels` needs room first."""
    nodes, content, t = state.nodes, state.contents.rows[index], state.rules[a.rules[i]]
    if is_given(a.parent, i) and is_same(a.parent, a.share, i):
        n = _write_key(state.scratch, a.share, i, content["serial"])
        row = find(nodes, state.scratch, n)
        known = row >= 0 and nodes.rows[row]["known"]
        _refuse(state, index, i, KNOWN_SHARE if known else OWN_PARENT, base)
        return True
    row = _node(state, a.share, i, index)
    if nodes.rows[row]["known"]:
        _refuse(state, index, i, KNOWN_SHARE, base)
        return True
    parent, depth = np.int64(-1), np.int64(1)
    if is_given(a.parent, i):
        parent = _node(state, a.parent, i, index)
        if nodes.rows[parent]["known"]:
            depth = np.int64(nodes.rows[parent]["depth"]) + 1
            top = nodes.rows[top_of(nodes, parent)]
            if top["orphan"] and top["parent"] == row + 1 and a.clock[i] - top["clock"] <= t["orphan"]:
                _refuse(state, index, i, OWN_ANCESTOR, base)
                return True
    needed = levels_needed(state, depth)
    if needed:
        state.moves.cursor[LEVELS_NEEDED] = needed
        return False
    node = nodes.rows[row]
    node["group"] = number_of(state.names, state.scratch, a.group, i)
    node["channel"] = number_of(state.names, state.scratch, a.channel, i)
    who = _person(state, a, i, index)
    node["person"] = who + 1
    person = state.people.rows[who]
    again = person["shared"]
    if not again:
        person["shared"] = 1
        content["sharers"] += 1
    come_in(state, index, row, parent, a.occurred_at[i], a.clock[i], t["orphan"], again)
    count_in_hour(state, index, a.occurred_at[i], a.clock[i], t, base)
    return True


@inlined
def _credit(state: ChainState, a: Actions, i: int, index: Integer) -> None:
    """A view, join or purchase: of the content, and of the share through which it came."""
    action, buyer, amount = a.action[i], np.int64(0), np.int64(0)
    if action == PURCHASE:
        amount = a.amount[i]
        person = state.people.rows[_person(state, a, i, index)]
        if not person["bought"]:
            person["bought"] = 1
            buyer = np.int64(1)
    credit = Credit(
        np.int64(action == VIEW), np.int64(action == JOIN), np.int64(action == PURCHASE), buyer,
        amount // MILLION, amount % MILLION,
    )  # fmt: skip
    add(state.contents.rows[index], credit)
    if is_given(a.via, i):
        credit_path(state.nodes, _node(state, a.via, i, index), credit)


@compiled
def _must_stop(moves: Moves) -> bool:
    """Whether there may be no room for what one more action gives."""
    cursor = moves.cursor
    return bool(cursor[ALERTS] == len(moves.alerts) or cursor[REFUSALS] == len(moves.refused))


@compiled
def absorb_actions(state: ChainState, a: Actions, order: Array, start: int, base: Integer) -> Integer:
    """Apply actions in `order` (their numbers) from place `start` on; the place of the first not applied.

    Stops early when `moves` is to be taken, or there is no room for one more community or for levels.
    """
    for place in range(start, len(order)):
        i = order[place]
        if _must_stop(state.moves) or is_full(state.communities, COMMUNITY_KEY):
            return place
        finish_hours(state, a.clock[i])
        index = _content(state, a, i)
        if a.action[i] == SHARE:
            if not _share(state, a, i, index, base):
                return place
        else:
            _credit(state, a, i, index)
    return len(order)
