"""Who is in a group and what they did there lately. See docs/groups.md, Memberships."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.actions import JOIN, POST, PURCHASE, ROLES, SHARE
from schemas.group_tables import LEFT_AFTER
from schemas.rules import DAY_MS
from streams.compiled import Integer, compiled
from streams.groups.days import count, in_window
from streams.groups.state import JOINS, LEAVES, MOST_POSTS_A_DAY, WINDOW_DAYS, WINDOW_MASK

Group = Any
"""One row of `GROUP`."""
Member = Any
"""One row of `MEMBERSHIP`."""

OPERATOR = ROLES.index("operator")
_SILENCE, _UNANSWERED = LEFT_AFTER.index("silence"), LEFT_AFTER.index("unanswered")


@compiled
def is_staff(role: Integer) -> bool:
    """Whether a role is operator or moderator."""
    return bool(role >= OPERATOR)


@compiled
def come_in(group: Group, member: Member, at: Integer, day: Integer) -> None:
    """Somebody who is out comes in."""
    member["member"] = 1
    member["joined_at"] = at
    member["joined_day"] = day
    member["phase"] = group["phase"] + 1
    group["members"] += 1
    group["staff"] += is_staff(member["role"])
    group["buyers"] += member["buyer"]
    group["joins_total"] += 1
    count(group, day, JOINS)


@compiled
def _asks(group: Group, row: Integer) -> bool:
    """Whether a watched question of theirs is open."""
    for i in range(np.int64(group["questions"])):  # noqa: SIM110 (numba)
        if group["question_author"][i] == row:
            return True
    return False


@compiled
def go_out(group: Group, member: Member, row: Integer, at: Integer, clock: Integer, day: Integer) -> None:
    """Somebody who is in leaves."""
    if _asks(group, row):
        member["left_after"] = _UNANSWERED
    elif np.int64(group["last_post_at"]) < at - DAY_MS:
        member["left_after"] = _SILENCE
    else:
        other = group["last_author"] != row + 1
        member["left_after"] = group["last_kind"] if other else group["other_kind"]
    member["member"] = 0
    member["left_at"] = at
    member["left_clock"] = clock
    group["members"] -= 1
    group["staff"] -= is_staff(member["role"])
    group["buyers"] -= member["buyer"]
    group["leaves_total"] += 1
    count(group, day, LEAVES)


@compiled
def set_role(group: Group, member: Member, role: Integer) -> bool:
    """Their role from now on; whether that is another one."""
    if member["role"] == role:
        return False
    if member["member"]:
        group["staff"] += np.int64(is_staff(role)) - np.int64(is_staff(member["role"]))
    member["role"] = role
    return True


@compiled
def record_activity(group: Group, member: Member, action: Integer, at: Integer, day: Integer) -> None:
    """The days of an activity. Those kept are the 28 that end with their latest active day."""
    member["last_at"] = max(np.int64(member["last_at"]), at)
    latest = np.int64(member["day"])
    if member["days"] == 0:
        latest = day
        member["day"] = day
    elif day > latest:
        shift = min(day - latest, WINDOW_DAYS)
        for k in range(shift):
            member["posts"][(day - k) % WINDOW_DAYS] = 0
        member["days"] = (np.int64(member["days"]) << shift) & WINDOW_MASK
        member["own_days"] = (np.int64(member["own_days"]) << shift) & WINDOW_MASK
        member["share_days"] = (np.int64(member["share_days"]) << shift) & WINDOW_MASK
        latest = day
        member["day"] = day
    if in_window(group, day):
        group["active_day"] = max(np.int64(group["active_day"]), day)
    age = latest - day
    if age >= WINDOW_DAYS:
        return
    bit = np.int64(1) << age
    member["days"] = np.int64(member["days"]) | bit
    if action in (POST, SHARE):
        member["own_days"] = np.int64(member["own_days"]) | bit
    if action == SHARE:
        member["share_days"] = np.int64(member["share_days"]) | bit
    if action == POST:
        slot = day % WINDOW_DAYS
        member["posts"][slot] = min(np.int64(member["posts"][slot]) + 1, MOST_POSTS_A_DAY)


@compiled
def makes_member(action: Integer) -> bool:
    """Whether an action puts somebody who is out in."""
    return bool(action in (JOIN, POST, SHARE, PURCHASE))
