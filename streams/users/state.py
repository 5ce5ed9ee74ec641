"""What is kept of a person: one row of `PERSON`, found by (community_id, user_id)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from schemas.rules import DAY_MS, Rules
from streams.columnar import Keyed, KeyedTable

NEVER = np.iinfo(np.int64).max
WINDOW_DAYS = 28
WINDOW_MASK = (1 << WINDOW_DAYS) - 1
RING_MAX = 65_535

SEGMENTS = ("", "new", "active", "core", "resurrected", "join_and_stay", "silent", "lost")
NONE, NEW, ACTIVE, CORE, RESURRECTED, JOIN_AND_STAY, SILENT, LOST = range(len(SEGMENTS))

RULES = (
    "first_action",
    "enough_active_days",
    "core_activity",
    "core_days_faded",
    "core_score_faded",
    "no_second_active_day",
    "no_activity",
    "no_activity_for_long",
    "left_every_group",
    "acted_again",
    "return_kept",
)
(
    FIRST_ACTION,
    ENOUGH_ACTIVE_DAYS,
    CORE_ACTIVITY,
    CORE_DAYS_FADED,
    CORE_SCORE_FADED,
    NO_SECOND_ACTIVE_DAY,
    NO_ACTIVITY,
    NO_ACTIVITY_FOR_LONG,
    LEFT_EVERY_GROUP,
    ACTED_AGAIN,
    RETURN_KEPT,
) = range(len(RULES))

PERSON = np.dtype(
    [
        ("first_at", "i8"),  # ms
        ("last_at", "i8"),  # ms, of activity; 0 before the first
        ("since", "i8"),  # ms, of the current segment
        ("due", "i8"),  # ms, when time alone changes the segment; NEVER
        ("score", "f8"),
        ("score_at", "i8"),  # ms
        ("counts", "u4", (6,)),  # per action, by its code
        ("day", "i4"),  # of last_at, since 1970
        ("days", "u4"),  # bit k: activity on day - k
        ("ring", "u2", (WINDOW_DAYS,)),  # activities on a day, at day % 28
        ("groups", "u4"),
        ("groups_left", "u4"),
        ("segment", "u1"),
        ("role", "u1"),
    ]
)

MEMBERSHIP = np.dtype([("member", "u1")])
"""Found by (row of the person, row of the group), 8 bytes."""

GROUP = np.dtype([("unused", "u1")])
"""Only numbers the groups, found by (community_id, group_id)."""

PEOPLE_BLOCK = 256
MEMBERSHIP_BLOCK = 2048
GROUP_BLOCK = 1024

TRANSITION = np.dtype(
    [
        ("position", "u8"),
        ("row", "i8"),
        ("at", "i8"),
        ("last_at", "i8"),
        ("score", "f8"),
        ("groups", "u4"),
        ("before", "u1"),
        ("after", "u1"),
        ("rule", "u1"),
        ("days", "u1"),
    ]
)
"""One row of `segment_transitions` before it gets its words. Times in ms."""


class Thresholds(NamedTuple):
    """The rules of the ladder as numbers; spans in ms."""

    half_life: float
    weights: tuple[float, float, float, float, float, float]
    new: int
    silent: int
    lost: int
    resurrected: int
    active_days: int
    core_days: int
    core_score: float
    keep_days: int
    keep_score: float

    @classmethod
    def of(cls, rules: Rules) -> Thresholds:
        """From the rules in force."""
        ladder, w = rules.lifecycle, rules.weights
        return cls(
            rules.score_half_life_days * DAY_MS,
            (w.join, w.post, w.share, 0.0, w.purchase, w.view),
            ladder.new_days * DAY_MS,
            ladder.silent_days * DAY_MS,
            ladder.lost_days * DAY_MS,
            ladder.resurrected_days * DAY_MS,
            ladder.active_min_days,
            ladder.core_enter_days,
            ladder.core_enter_score,
            ladder.core_keep_days,
            ladder.core_keep_score,
        )


class People(NamedTuple):
    """The arrays of the users stage, as its kernels take them."""

    people: Keyed
    memberships: Keyed
    groups: Keyed
    block_due: np.ndarray
    """For each block of people, a moment (ms) before which nobody in it is due."""
    out: np.ndarray
    """Of `TRANSITION`, filled from the front."""
    cursor: np.ndarray
    """int64: [0] transitions in `out`, [1] those of the current message so far."""


def person_tables() -> tuple[KeyedTable, KeyedTable, KeyedTable]:
    """Empty tables of people, memberships and groups."""
    return (
        KeyedTable("people", PERSON, PEOPLE_BLOCK),
        KeyedTable("memberships", MEMBERSHIP, MEMBERSHIP_BLOCK),
        KeyedTable("groups", GROUP, GROUP_BLOCK),
    )
