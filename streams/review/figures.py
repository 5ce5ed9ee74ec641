"""The figures of a review: what they are, how far they moved, and whether that says anything.

Their names and definitions are those of the view `period_review`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

SMALLEST_CHANGE = 0.1
"""A change of less than this part is none to speak of."""
DEVIATIONS = 2.0
"""Nor is one that is not more than so many standard deviations from none."""
SMALLEST_PART = 0.2
"""A contributor is named from this part of the change on."""
MOST_NAMED = 3


class Figure(NamedTuple):
    """One figure of a period."""

    name: str
    label: str
    plural: bool
    meaning: str


FIGURES: tuple[Figure, ...] = (
    Figure("active_people", "active people", True, "people with any action but leave"),
    Figure("newcomers", "new people", True, "people with their first activity ever"),
    Figure("joins", "joins", True, "events of that action"),
    Figure("leaves", "leaves", True, "events of that action"),
    Figure("posts", "posts of members", True, "posts of those who are neither operator nor moderator"),
    Figure("questions", "questions", True, "members' posts of kind question"),
    Figure("staff_posts", "posts of staff", True, "posts of operators and moderators"),
    Figure("shares", "shares", True, "events of that action"),
    Figure("views", "views", True, "events of that action"),
    Figure("purchases", "purchases", True, "events of that action"),
    Figure("amount", "amount paid", False, "what was paid, whatever the currency"),
)


class Verdict(Enum):
    """What a change says."""

    UNKNOWN = "there is no whole period before"
    FEW = "too few to say anything"
    SAME = "no change to speak of"
    UNEVEN = "few people, or chance, may make the difference"
    UP = "more"
    DOWN = "fewer"


class Part(NamedTuple):
    """What a group, a person, a channel or a reason has of a figure."""

    key: str
    now: float
    before: float

    @property
    def change(self) -> float:
        """By how much it moved."""
        return self.now - self.before


@dataclass(frozen=True)
class Change:
    """A figure in the period under review and in those before it."""

    figure: Figure
    values: Sequence[float]
    """One a period, the latest last."""
    squares: float
    """The sum of the squares of what each person changed by."""
    least: int
    """With fewer in both periods nothing is said (`rates_min_count`)."""
    count: float
    """How many the larger one of the two is made of: of an amount, the purchases."""
    by: Mapping[str, Sequence[Part]]
    """Its parts by group, person, channel or reason: those that moved most."""

    @property
    def now(self) -> float:
        """In the period."""
        return self.values[-1]

    @property
    def before(self) -> float | None:
        """In the one before; None where there is no whole one."""
        return self.values[-2] if len(self.values) > 1 else None

    @property
    def verdict(self) -> Verdict:
        """What the change says."""
        return judge(self.now, self.before, self.squares, self.count, self.least)

    def contributors(self, by: str) -> list[Part]:
        """Those that moved most in the direction of the change, the largest first."""
        if self.before is None:
            return []
        change = self.now - self.before
        found = [
            part
            for part in self.by.get(by, ())
            if part.change * change > 0 and abs(part.change) >= SMALLEST_PART * abs(change)
        ]
        return sorted(found, key=lambda part: (-abs(part.change), part.key))[:MOST_NAMED]


def judge(now: float, before: float | None, squares: float, count: float, least: int) -> Verdict:
    """What the difference between two periods says.

    `squares` is the sum of the squares of what each person changed by: were each as likely to do less as to
    do more, the sum of their changes would have this variance. (Of people counted once it is McNemar's test.)
    """
    if before is None:
        return Verdict.UNKNOWN
    if count < least:
        return Verdict.FEW
    change = now - before
    if abs(change) < SMALLEST_CHANGE * before or change == 0:
        return Verdict.SAME
    if abs(change) <= DEVIATIONS * math.sqrt(squares):
        return Verdict.UNEVEN
    return Verdict.UP if change > 0 else Verdict.DOWN
