"""Ladder 2, the pyramid: staff, organiser, valuable, general, invalid.

The definition is ``docs/people.md``, Pyramid; thresholds are in ``schemas/rules.py``.
"""

from __future__ import annotations

import numpy as np

from schemas.actions import POST, PURCHASE, ROLES, SHARE, VIEW
from streams.columnar import Array
from streams.compiled import Integer, codes, compiled
from streams.users.figures import Row, RuleSet
from streams.users.ladder import Ladder, Step
from streams.users.lifecycle import CORE
from streams.users.lifecycle import SEGMENTS as LIFECYCLE_SEGMENTS
from streams.users.state import LIFECYCLE, NEVER, PYRAMID, Desk
from streams.users.transitions import write_transition

SEGMENTS = ("general", "staff", "organiser", "valuable", "invalid")
GENERAL, STAFF, ORGANISER, VALUABLE, INVALID = codes(len(SEGMENTS))

RULES = (
    "has_a_role",
    "invited_who_stayed",
    "bought_lately",
    "core_member",
    "did_nothing",
    "role_ended",
    "value_faded",
    "did_something",
)
(
    HAS_A_ROLE,
    INVITED_WHO_STAYED,
    BOUGHT_LATELY,
    CORE_MEMBER,
    DID_NOTHING,
    ROLE_ENDED,
    VALUE_FADED,
    DID_SOMETHING,
) = codes(len(RULES))

LADDER = Ladder(
    "pyramid",
    "pyramid",
    "What is this person to the community?",
    SEGMENTS,
    RULES,
    (
        Step("staff", "has_a_role", "operator or moderator, by their latest post or join that names a role"),
        Step(
            "organiser", "invited_who_stayed",
            "{organiser_invited} people came on their invitation or share and had {stayed_days} active days",
        ),
        Step("valuable", "bought_lately", "a purchase within {valuable_days} days"),
        Step("valuable", "core_member", "core on the lifecycle"),
        Step("invalid", "did_nothing", "joined {invalid_days} days ago and did nothing since"),
        Step("general", "role_ended", "from staff: none of these any more"),
        Step("general", "value_faded", "from valuable: none of these any more"),
        Step("general", "did_something", "from invalid: none of these any more"),
    ),
)  # fmt: skip

_OPERATOR = ROLES.index("operator")


def evidence(found: Array) -> list[str]:
    """JSON of each transition of this ladder."""
    return [
        f'{{"role":"{ROLES[role]}","invites_stayed":{stayed},"purchase_at":{bought},'
        f'"lifecycle":"{LIFECYCLE_SEGMENTS[lifecycle]}","done":{done}}}'
        for role, stayed, bought, lifecycle, done in zip(
            found["x"].tolist(), found["a"].tolist(), found["b"].tolist(), found["y"].tolist(),
            found["c"].tolist(), strict=True,
        )
    ]  # fmt: skip


@compiled
def _done(row: Row) -> Integer:
    counts = row["counts"]
    return np.int64(counts[POST]) + counts[SHARE] + counts[PURCHASE] + counts[VIEW]


@compiled
def _standing(row: Row, t: RuleSet, at: Integer) -> tuple[int, int]:
    """The segment at a moment, and the rule that says so: the first that holds."""
    if row["role"] >= _OPERATOR:
        return STAFF, HAS_A_ROLE
    if row["invites_stayed"] >= t["organiser_invited"]:
        return ORGANISER, INVITED_WHO_STAYED
    if row["purchase_at"] > 0 and at < row["purchase_at"] + t["valuable"]:
        return VALUABLE, BOUGHT_LATELY
    if row["on"][LIFECYCLE] == CORE:
        return VALUABLE, CORE_MEMBER
    if row["joined_at"] > 0 and at >= row["joined_at"] + t["invalid"] and _done(row) == 0:
        return INVALID, DID_NOTHING
    segment = row["on"][PYRAMID]
    if segment == STAFF:
        return GENERAL, ROLE_ENDED
    if segment == VALUABLE:
        return GENERAL, VALUE_FADED
    return GENERAL, DID_SOMETHING


@compiled
def _look(desk: Desk, row: Row, index: Integer, at: Integer, base: Integer) -> None:
    after, rule = _standing(row, desk.book.sets[row["rules"]], at)
    if after != row["on"][PYRAMID]:
        write_transition(
            desk, row, index, base, PYRAMID, after, rule, at, 0.0, row["invites_stayed"], row["purchase_at"],
            _done(row), 0, row["role"], row["on"][LIFECYCLE],
        )  # fmt: skip


@compiled
def act(desk: Desk, row: Row, index: Integer, at: Integer, base: Integer) -> None:
    """The transition that one action, or a note, causes, if any, after its figures are in the row."""
    _look(desk, row, index, max(at, row["since"][PYRAMID]), base)


@compiled
def next_due(row: Row, t: RuleSet) -> Integer:
    """When time alone changes the segment; NEVER if it does not."""
    segment = row["on"][PYRAMID]
    core = row["on"][LIFECYCLE] == CORE
    if segment == VALUABLE:
        if core:
            return NEVER
        ended = row["since"][LIFECYCLE]
        return max(row["purchase_at"] + t["valuable"], ended) if row["purchase_at"] > 0 else ended
    if segment in (STAFF, ORGANISER):
        return NEVER
    due = row["since"][LIFECYCLE] if core else NEVER
    if segment == GENERAL and row["joined_at"] > 0 and _done(row) == 0:
        due = min(due, row["joined_at"] + t["invalid"])
    return due


@compiled
def pass_time(desk: Desk, row: Row, index: Integer, due: Integer, base: Integer) -> None:
    """Move to the standing at the due moment."""
    _look(desk, row, index, max(due, row["since"][PYRAMID]), base)
