"""What is kept of a person, one row of `PERSON` found by (community_id, user_id); and what kernels give."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from streams.columnar import Array, Bytes, Keyed, KeyedTable
from streams.compiled import codes
from streams.users.rulebook import Rulebook

NEVER = np.iinfo(np.int64).max
NO_DAY = -(1 << 30)
WINDOW_DAYS = 28
WINDOW_MASK = (1 << WINDOW_DAYS) - 1

LIFECYCLE, PYRAMID, INTENT, CLOSENESS, LEVEL = codes(5)
"""The ladders: their places in `on` and `since` of `PERSON`, and the order in which an event changes them."""

POINT_KINDS = ("join", "post", "share", "day", "invite", "purchase")
BY_JOIN, BY_POST, BY_SHARE, BY_DAY, BY_INVITE, BY_PURCHASE = codes(len(POINT_KINDS))

INVITED, STAY_TOLD, INVITED_BY_SHARE = 1, 2, 4
"""Bits of `flags`: somebody or a share brought them; that they stayed was told; it was a share."""

PERSON = np.dtype(
    [
        ("first_at", "i8"),  # ms; NEVER until the first event
        ("last_at", "i8"),  # ms, of activity; 0 before the first
        ("due", "i8"),  # ms: before it time alone changes nothing; NEVER
        ("since", "i8", (5,)),  # ms, of the current segment of each ladder
        ("score", "f8"),
        ("score_at", "i8"),  # ms
        ("intent_score", "f8"),
        ("intent_at", "i8"),  # ms
        ("level_points", "f8"),
        ("joined_at", "i8"),  # ms, the first join; 0 for none
        ("first_post_at", "i8"),  # ms; 0 for none
        ("purchase_at", "i8"),  # ms, the latest; 0 for none
        ("purchase_before", "i8"),  # ms, the one before
        ("counts", "u4", (6,)),  # per action, by its code
        ("points", "u4", (6,)),  # per kind of POINT_KINDS
        ("day", "i4"),  # the day of the latest activity, in the community's time zone
        ("days", "u4"),  # bit k: activity on day - k; 0 before the first
        ("ring", "u4", (WINDOW_DAYS,)),  # counts of a day, at day % 28: see figures.py
        ("talk_day", "i4"),  # the latest day of a talk; NO_DAY
        ("points_day", "i4"),  # the day that the earned_* count; NO_DAY
        ("groups", "u4"),
        ("groups_left", "u4"),
        ("replies", "u4"),
        ("benefits", "u4"),
        ("invites", "u4"),
        ("invites_stayed", "u4"),
        ("invited_by", "u4"),  # row in `names`, or in `vias`
        ("rules", "u2"),  # number of the rules in force, set anew at each start
        ("decays", "u2"),  # of level_points since last_at
        ("earned_purchase", "u2"),  # points for purchases on points_day
        ("earned_joins", "u1"),  # joins on points_day that earned points
        ("earned_posts", "u1"),
        ("earned_shares", "u1"),
        ("on", "u1", (5,)),  # the current segment of each ladder
        ("role", "u1"),
        ("medals", "u1"),  # bit per medal
        ("flags", "u1"),
    ]
)

MEMBERSHIP = np.dtype([("member", "u1")])
"""Found by (row of the person, row of the group), 8 bytes."""

NAME = np.dtype([("unused", "u1")])
"""Only numbers what it is found by: a group, a person, or a share, and its community."""

SHARE = np.dtype([("owner", "u4"), ("waiting", "u4")])
"""Found by 16 bytes of hash of (community_id, share_id).

`owner`: row in `names` + 1, 0 while it is not known; `waiting`: how many notes wait for it.
"""

WAITING = np.dtype([("at", "i8"), ("person", "u4"), ("kind", "u1")])
"""A note that waits for its share, found by (row of the share, number), 8 bytes. `person`: row in `names`."""

PEOPLE_BLOCK = 128
MEMBERSHIP_BLOCK = 2048
NAME_BLOCK = 1024

TRANSITION = np.dtype(
    [
        ("position", "u8"),
        ("row", "i8"),
        ("at", "i8"),
        ("day", "i4"),
        ("ladder", "u1"),
        ("before", "u1"),
        ("after", "u1"),
        ("rule", "u1"),
        ("x", "u1"),
        ("y", "u1"),
        ("number", "f8"),
        ("a", "i8"),
        ("b", "i8"),
        ("c", "i8"),
        ("d", "i8"),
    ]
)
"""One row of `segment_transitions` before it gets its words; from number on: the ladder's evidence."""

MEDAL = np.dtype([("position", "u8"), ("row", "i8"), ("at", "i8"), ("medal", "u1")])
"""One row of `medals` before it gets its words."""

NOTE = np.dtype([("at", "i8"), ("event", "i8"), ("kind", "u1"), ("by_share", "u1"), ("invited_by", "i8")])
"""A note to another partition: what caused it (number of the action in its message), and for `stayed` to whom
(row in `names`, or in `vias`); the others go to the action's link."""


class Moves(NamedTuple):
    """What kernels give, each filled from the front."""

    transitions: Array
    """Of `TRANSITION`."""
    medals: Array
    """Of `MEDAL`."""
    notes: Array
    """Of `NOTE`."""
    cursor: Array
    """int64: [0] transitions, [1] medals, [2] notes so far; [3] rows of the current message so far."""


class Desk(NamedTuple):
    """What a rule needs beside the person: few arrays, since kernels pass it by value at each call."""

    book: Rulebook
    moves: Moves


class People(NamedTuple):
    """The arrays of the users stage, as its kernels take them."""

    people: Keyed
    memberships: Keyed
    groups: Keyed
    names: Keyed
    vias: Keyed
    block_due: Array
    """For each block of people, a moment (ms) before which nobody in it is due."""
    scratch: Bytes
    """Where keys are put together."""
    desk: Desk


class Tables(NamedTuple):
    """The tables of one partition of users."""

    people: KeyedTable
    memberships: KeyedTable
    groups: KeyedTable
    names: KeyedTable
    """People of other partitions, by (community_id, user_id): who invited, who shared, who was invited."""
    vias: KeyedTable
    """Shares that brought people, by (community_id, share_id)."""
    shares: KeyedTable
    """Whose share it is, of the shares that belong to this partition."""
    waiting: KeyedTable

    @classmethod
    def empty(cls) -> Tables:
        """With nothing in them."""
        return cls(
            KeyedTable("people", PERSON, PEOPLE_BLOCK, flushed=True),
            KeyedTable("memberships", MEMBERSHIP, MEMBERSHIP_BLOCK),
            KeyedTable("groups", NAME, NAME_BLOCK),
            KeyedTable("names", NAME, NAME_BLOCK),
            KeyedTable("vias", NAME, NAME_BLOCK),
            KeyedTable("shares", SHARE, NAME_BLOCK),
            KeyedTable("waiting", WAITING, NAME_BLOCK),
        )
