"""Topics that wait for a first reply, questions, and staff posts that are heard. See docs/groups.md."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.rules import DAY_MS
from streams.calendar import Zone
from streams.columnar import Array, Keyed
from streams.compiled import Integer, compiled
from streams.groups.days import count, count_answer, day_of
from streams.groups.moves import open_alert, resolve_alert
from streams.groups.state import (
    CLASSES,
    HEARD,
    NEVER,
    QUESTION_ANSWERS,
    TOPIC_BLOCK,
    UNANSWERED_QUESTION,
    WATCHED,
    Moves,
)

Group = Any
"""One row of `GROUP`."""
RuleSet = Any
"""One row of `GROUP_RULES`."""

EDGES: Array = np.array([int(60_000 * 2 ** (k / 2)) for k in range(CLASSES)], np.int64)
"""Upper edges of the classes of delays; ms. The last class is open: its edge stands for it."""


@compiled
def class_of(delay: Integer) -> Integer:
    """The class of a delay (ms)."""
    k = 0
    while k < CLASSES - 1 and delay > EDGES[k]:
        k += 1
    return k


@compiled
def _settle_unanswered(moves: Moves, group: Group, index: Integer, at: Integer, base: Integer) -> None:
    """One unanswered question fewer."""
    group["unanswered"] -= 1
    if group["unanswered"] == 0:
        resolve_alert(moves, group, index, UNANSWERED_QUESTION, at, base)


@compiled
def _drop_question(
    moves: Moves, group: Group, index: Integer, place: Integer, at: Integer, base: Integer
) -> None:
    """A question is no longer watched."""
    was_unanswered = group["question_due"][place] == NEVER
    last = np.int64(group["questions"]) - 1
    for i in range(place, last):
        group["question_at"][i] = group["question_at"][i + 1]
        group["question_due"][i] = group["question_due"][i + 1]
        group["question_topic"][i] = group["question_topic"][i + 1]
        group["question_half"][i] = group["question_half"][i + 1]
        group["question_author"][i] = group["question_author"][i + 1]
    group["questions"] = last
    if was_unanswered:
        _settle_unanswered(moves, group, index, at, base)


@compiled
def watch_question(
    moves: Moves,
    group: Group,
    index: Integer,
    t: RuleSet,
    at: Integer,
    clock: Integer,
    topic: Integer,
    half: Integer,
    author: Integer,
    base: Integer,
) -> None:
    """A member asks; if the group watches 8 questions already, the first of them is dropped."""
    if at + DAY_MS <= clock:
        return
    if group["questions"] == WATCHED:
        _drop_question(moves, group, index, 0, clock, base)
    place = np.int64(group["questions"])
    group["question_at"][place] = at
    group["question_due"][place] = max(at + np.int64(t["answer"]), clock)
    group["question_topic"][place] = topic
    group["question_half"][place] = half
    group["question_author"][place] = author
    group["questions"] = place + 1


@compiled
def next_question(group: Group) -> tuple[Integer, Integer]:
    """Which question is due next, and when; the first of those of one moment. NEVER."""
    place, first = -1, np.int64(NEVER)
    for i in range(np.int64(group["questions"])):
        due = np.int64(group["question_due"][i])
        if due == NEVER:
            due = np.int64(group["question_at"][i]) + DAY_MS
        if due < first:
            place, first = i, due
    return place, first


@compiled
def settle_question(
    moves: Moves, group: Group, index: Integer, place: Integer, at: Integer, base: Integer
) -> None:
    """A question becomes unanswered, or is a day old and watched no longer."""
    if group["question_due"][place] == NEVER:
        _drop_question(moves, group, index, place, at, base)
        return
    group["question_due"][place] = NEVER
    group["unanswered"] += 1
    if group["unanswered"] == 1:
        open_alert(moves, group, index, UNANSWERED_QUESTION, at, base)["x"][0] = 1.0


@compiled
def take_reply(
    moves: Moves,
    group: Group,
    index: Integer,
    zone: Zone,
    topics: Keyed,
    topic: Integer,
    half: Integer,
    author: Integer,
    at: Integer,
    day: Integer,
    clock: Integer,
    by_member: bool,
    base: Integer,
) -> None:
    """A reply to a topic that is known. The first one by another user answers it."""
    row = topics.rows[topic]
    if row["answered"] or row["author"] == author:
        return
    row["answered"] = 1
    topics.dirty[topic // TOPIC_BLOCK] = 1
    count_answer(group, day, class_of(max(0, at - np.int64(row["at"]))))
    if not row["question"]:
        return
    if by_member:
        count(group, day_of(zone, np.int64(row["at"])), QUESTION_ANSWERS)
    for i in range(np.int64(group["questions"])):
        if group["question_topic"][i] == topic and group["question_half"][i] == half:
            _drop_question(moves, group, index, i, clock, base)
            return


@compiled
def watch_staff_post(group: Group, at: Integer) -> None:
    """A staff post waits to be heard; if 8 do already, the first of them is dropped."""
    kept = np.int64(group["staff_posts"])
    if kept == WATCHED:
        for i in range(kept - 1):
            group["staff_at"][i] = group["staff_at"][i + 1]
        kept -= 1
    group["staff_at"][kept] = at
    group["staff_posts"] = kept + 1


@compiled
def hear(group: Group, zone: Zone, t: RuleSet, at: Integer) -> None:
    """A member posts: staff posts shortly before are heard."""
    kept = 0
    for i in range(np.int64(group["staff_posts"])):
        said = np.int64(group["staff_at"][i])
        if said <= at <= said + t["heard"]:
            count(group, day_of(zone, said), HEARD)
        else:
            group["staff_at"][kept] = said
            kept += 1
    group["staff_posts"] = kept
