"""What is known of a generated group: traits, events as columns, and what is true of it by its rates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bench.quality.rhythm import START_MS
from schemas.actions import ACTION_CODES, KINDS, ROLES
from schemas.rules import DAY_MS

Moments = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

WEEKS = 26
DAYS = WEEKS * 7 + 2
"""Local days that a group may see."""
END_MS = START_MS + WEEKS * 7 * DAY_MS
SYMPTOMS = (
    "hit_and_run", "hollow_growth", "monologue", "no_response", "benefit_deaf", "spam_ridden",
    "chaos_warning",
)  # fmt: skip
MEMBER, OPERATOR = ROLES.index("member"), ROLES.index("operator")


class Events(NamedTuple):
    """What happened in a group, in order of t; a column each, codes of `schemas.actions`."""

    t: Moments
    user: Moments
    action: Moments
    role: Moments
    kind: Moments
    content: Moments
    """0: none."""
    reply_to: Moments
    """0: none."""


class Spell(NamedTuple):
    """A planted symptom."""

    symptom: str
    first: int
    end: int
    """Local days, half open."""


@dataclass(frozen=True)
class Traits:
    """What a generated group is like."""

    posts_a_day: float
    """Of members, in conversations; answers to staff, ads and what benefits draw come on top."""
    in_talk: float
    """Posts a conversation, the mean of a geometric."""
    day_shape: float
    """Of the gamma of mean 1 by which the posts of whole days vary."""
    joins_a_day: float
    joins_shape: float
    early: float
    """Part of newcomers who are gone within 7 days."""
    looks_a_day: float
    """Of a newcomer who stays."""
    base_leaves: float
    """Leaves of old members, to joins."""
    staff_a_day: float
    answered: float
    """Part of staff topics that get an answer."""
    ads: float
    """Part of members' posts."""
    lift: float
    benefits_a_week: int
    fixed_hour: bool
    """Benefits come at one hour of the day, on fixed days; else whenever people are awake."""


@dataclass(frozen=True)
class Group:
    """A generated group."""

    name: str
    zone: str
    traits: Traits
    spell: Spell | None
    events: Events
    expected: dict[str, Floats]
    """What the rates of each local day say: joins, gone (of who joins then, early), leaves, posts, ads,
    staff_posts, unheard."""
    benefits: Moments
    lifts: Floats
    """True ones, of each benefit, and"""
    usual: Floats
    """what is usual in its hour."""


def rows(group: Group) -> Iterator[dict[str, object]]:
    """The group's events with the contract's words, for a run of the real stages."""
    names = list(ACTION_CODES)
    for t, user, action, role, kind, content, reply_to in zip(
        *(c.tolist() for c in group.events), strict=True
    ):
        yield {
            "t": t, "group_id": group.name, "user_id": f"u{user}", "action": names[action],
            "role": ROLES[role], "kind": KINDS[kind], "content_id": f"c{content}" if content else "",
            "reply_to": f"c{reply_to}" if reply_to else "",
        }  # fmt: skip
