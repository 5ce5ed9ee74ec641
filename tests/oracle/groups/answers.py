"""Topics that wait for their first reply, and how long it took. See docs/groups.md, Answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.oracle.calendar import DAY_MS, MINUTE_MS
from tests.oracle.groups.days import CLASSES, STAFF

GENERATION_MS = 7 * DAY_MS
LEAST_ANSWERS = 5
EDGES_MS = tuple(math.floor(MINUTE_MS * 2 ** (k / 2)) for k in range(CLASSES))


@dataclass
class Topic:
    """A post that others may answer."""

    content_id: str
    user_id: str
    at: int
    day: int
    clock: int
    question: bool
    """It is of kind question, and of a member."""
    answered: bool = False

    def known_at(self, clock: int) -> bool:
        """Whether it still is when an action comes."""
        return clock // GENERATION_MS <= self.clock // GENERATION_MS + 1


class Topics:
    """The topics of one group, by content_id."""

    def __init__(self) -> None:
        self._of: dict[str, Topic] = {}

    def begin(self, event: Mapping[str, Any], day: int, clock: int) -> Topic | None:
        """The topic that a post in the window is, if it is one, and not under a known id."""
        name = event["content_id"]
        if not name or event["reply_to"] or event["kind"] not in ("talk", "question"):
            return None
        if name in self._of and self._of[name].known_at(clock):
            return None
        question = event["kind"] == "question" and event["role"] not in STAFF
        self._of[name] = Topic(name, event["user_id"], event["occurred_at"], day, clock, question)
        return self._of[name]

    def answer(self, event: Mapping[str, Any], clock: int) -> Topic | None:
        """The topic to which a post is the first reply, if there is one."""
        topic = self._of.get(event["reply_to"])
        if topic is None or topic.answered or not topic.known_at(clock) or topic.user_id == event["user_id"]:
            return None
        topic.answered = True
        return topic


def class_of(delay: int) -> int:
    """The class of a delay, ms."""
    return next((k for k in range(CLASSES - 1) if delay <= EDGES_MS[k]), CLASSES - 1)


def quantile_s(classes: Sequence[int], tenths: int) -> float | None:
    """The edge of the class in which so many tenths of all delays are reached, seconds."""
    n = sum(classes)
    if n < LEAST_ANSWERS:
        return None
    least, so_far = -(-tenths * n // 10), 0
    for k, number in enumerate(classes):
        so_far += number
        if so_far >= least:
            return EDGES_MS[k] / 1000
    raise AssertionError("no class reaches all of them")
