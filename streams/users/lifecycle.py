"""Ladder 1, the lifecycle: new, active, core, resurrected, join_and_stay, silent, lost.

The definition, rule by rule, is ``docs/people.md``, Lifecycle; thresholds are in ``schemas/rules.py``.
"""

from __future__ import annotations

from schemas.actions import LEAVE
from streams.columnar import Array
from streams.compiled import Integer, codes, compiled
from streams.users.figures import (
    Row,
    RuleSet,
    day_of,
    days_active,
    days_end,
    fades_at,
    is_active,
    score_as_of,
    start_of,
)
from streams.users.ladder import Ladder, Step
from streams.users.rulebook import Rulebook
from streams.users.state import LIFECYCLE, NEVER, Desk
from streams.users.transitions import write_transition

SEGMENTS = ("", "new", "active", "core", "resurrected", "join_and_stay", "silent", "lost")
NONE, NEW, ACTIVE, CORE, RESURRECTED, JOIN_AND_STAY, SILENT, LOST = codes(len(SEGMENTS))

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
) = codes(len(RULES))

LADDER = Ladder(
    "lifecycle",
    "lifecycle",
    "How active is this person?",
    SEGMENTS,
    RULES,
    (
        Step("new", "first_action", "their first action makes them new"),
        Step(
            "active", "enough_active_days", "from new or join_and_stay: {active_min_days} active days in 28"
        ),
        Step(
            "core", "core_activity",
            "from active: {core_enter_days} active days in 28 and a score of {core_enter_score}",
        ),
        Step("active", "core_days_faded", "from core: fewer than {core_keep_days} active days in 28"),
        Step("active", "core_score_faded", "from core: a score below {core_keep_score}"),
        Step(
            "join_and_stay", "no_second_active_day",
            "from new: {new_days} days without the {active_min_days} active days",
        ),
        Step(
            "silent", "no_activity", "from active, core or resurrected: {silent_days} days without activity"
        ),
        Step(
            "lost", "no_activity_for_long", "from silent or join_and_stay: {lost_days} days without activity"
        ),
        Step("lost", "left_every_group", "from any: they left the last group that they were in"),
        Step("resurrected", "acted_again", "from silent or lost: any activity"),
        Step(
            "core", "return_kept",
            "from resurrected, {resurrected_days} days later: {core_enter_days} active days in 28 and a "
            "score of {core_enter_score}",
        ),
        Step(
            "active", "return_kept",
            "from resurrected, {resurrected_days} days later: {active_min_days} active days in 28",
        ),
    ),
)  # fmt: skip


def evidence(found: Array) -> list[str]:
    """JSON of each transition of this ladder."""
    return [
        f'{{"active_days_28":{days},"score":{score!r},"last_at":{last},"groups":{groups}}}'
        for days, score, last, groups in zip(
            found["a"].tolist(), found["number"].tolist(), found["b"].tolist(), found["c"].tolist(),
            strict=True,
        )
    ]  # fmt: skip


@compiled
def _move(desk: Desk, row: Row, index: Integer, after: int, rule: int, at: Integer, base: Integer) -> None:
    t = desk.book.sets[row["rules"]]
    days = days_active(row, day_of(desk.book, t, at))
    score = score_as_of(row, at, t["half_life"])
    write_transition(
        desk,
        row,
        index,
        base,
        LIFECYCLE,
        after,
        rule,
        at,
        score,
        days,
        row["last_at"],
        row["groups"],
        0,
        0,
        0,
    )


@compiled
def act(desk: Desk, row: Row, index: Integer, action: int, at: Integer, base: Integer) -> None:
    """The transition that one action causes, if any, after its figures are in the row."""
    t = desk.book.sets[row["rules"]]
    segment = row["on"][LIFECYCLE]
    moment = max(at, row["since"][LIFECYCLE])
    if action == LEAVE:
        if segment != LOST and row["groups"] == 0:
            _move(desk, row, index, LOST, LEFT_EVERY_GROUP, moment, base)
    elif segment == NONE:
        _move(desk, row, index, NEW, FIRST_ACTION, moment, base)
    elif segment in (SILENT, LOST):
        _move(desk, row, index, RESURRECTED, ACTED_AGAIN, moment, base)
    elif segment in (NEW, JOIN_AND_STAY):
        if days_active(row, row["day"]) >= t["active_days"]:
            _move(desk, row, index, ACTIVE, ENOUGH_ACTIVE_DAYS, moment, base)
    elif (
        segment == ACTIVE
        and row["score"] >= t["core_score"]
        and days_active(row, row["day"]) >= t["core_days"]
    ):
        _move(desk, row, index, CORE, CORE_ACTIVITY, moment, base)


@compiled
def next_change(row: Row, t: RuleSet, book: Rulebook) -> tuple[Integer, int, int]:
    """When time alone changes the segment, to which, and by which rule; (NEVER, 0, 0) if it does not."""
    segment = row["on"][LIFECYCLE]
    since = row["since"][LIFECYCLE]
    if segment == NEW:
        return since + t["new"], JOIN_AND_STAY, NO_SECOND_ACTIVE_DAY
    if segment in (JOIN_AND_STAY, SILENT):
        return row["last_at"] + t["lost"], LOST, NO_ACTIVITY_FOR_LONG
    if segment in (NONE, LOST) or not is_active(row):
        return NEVER, 0, 0
    due, after, rule = row["last_at"] + t["silent"], SILENT, NO_ACTIVITY
    if segment == CORE:
        fade = start_of(book, t, days_end(row, t["keep_days"]))
        if fade < due:
            due, after, rule = fade, ACTIVE, CORE_DAYS_FADED
        fade = fades_at(row["score"], row["score_at"], t["half_life"], t["keep_score"])
        if fade < due:
            due, after, rule = fade, ACTIVE, CORE_SCORE_FADED
    elif segment == RESURRECTED:
        kept = since + t["resurrected"]
        if kept < due:
            days = days_active(row, day_of(book, t, kept))
            if days >= t["active_days"]:
                due, rule = kept, RETURN_KEPT
                core = days >= t["core_days"] and score_as_of(row, kept, t["half_life"]) >= t["core_score"]
                after = CORE if core else ACTIVE
    return due, after, rule


@compiled
def pass_time(desk: Desk, row: Row, index: Integer, base: Integer) -> None:
    """Do what `next_change` says."""
    due, after, rule = next_change(row, desk.book.sets[row["rules"]], desk.book)
    _move(desk, row, index, after, rule, max(due, row["since"][LIFECYCLE]), base)
