"""Ladder 4, levels: by points that decay without activity.

The definition is ``docs/people.md``, Level; thresholds are in ``schemas/rules.py``.
"""

from __future__ import annotations

from schemas.rules import MOST_LEVELS
from streams.columnar import Array
from streams.compiled import Integer, codes, compiled
from streams.users.figures import Row, RuleSet, is_active
from streams.users.ladder import Ladder, Step
from streams.users.state import LEVEL, NEVER, Desk
from streams.users.transitions import write_transition

SEGMENTS = tuple(f"level_{n}" for n in range(MOST_LEVELS))

RULES = ("points_reached", "points_decayed")
POINTS_REACHED, POINTS_DECAYED = codes(len(RULES))

LADDER = Ladder(
    "level",
    "level",
    "How much has this person contributed?",
    SEGMENTS,
    RULES,
    (
        Step(
            "level_n", "points_reached", "{base} points for level_1, {growth} times more for each further one"
        ),
        Step(
            "level_n", "points_decayed",
            "too few points for the level: after each {decay_days} days without activity {decay_keep} of "
            "them are kept",
        ),
    ),
)  # fmt: skip

_MOST_DECAYS = 65_535


def evidence(found: Array) -> list[str]:
    """JSON of each transition of this ladder."""
    return [
        f'{{"points":{points!r},"last_at":{last}}}'
        for points, last in zip(found["number"].tolist(), found["a"].tolist(), strict=True)
    ]


@compiled
def _level_of(points: float, t: RuleSet) -> Integer:
    level = 0
    while level < t["levels"] and points >= t["thresholds"][level]:
        level += 1
    return level


@compiled
def decay(row: Row, t: RuleSet, at: Integer) -> None:
    """Multiply the points as often as months without activity are over at the moment `at`."""
    if not is_active(row) or at <= row["last_at"]:
        return
    times = (at - row["last_at"]) // t["decay"]
    while row["decays"] < min(times, _MOST_DECAYS):
        row["level_points"] *= t["decay_keep"]
        row["decays"] += 1


@compiled
def _move(desk: Desk, row: Row, index: Integer, rule: int, at: Integer, base: Integer) -> None:
    points: float = row["level_points"]
    after = _level_of(points, desk.book.sets[row["rules"]])
    write_transition(
        desk, row, index, base, LEVEL, after, rule, at, points, row["last_at"], 0, 0, 0, 0, 0
    )  # fmt: skip


@compiled
def act(desk: Desk, row: Row, index: Integer, at: Integer, base: Integer) -> None:
    """The step up that one action, or a note, causes, if any, after its points are in the row."""
    t = desk.book.sets[row["rules"]]
    level = row["on"][LEVEL]
    if level < t["levels"] and row["level_points"] >= t["thresholds"][level]:
        _move(desk, row, index, POINTS_REACHED, max(at, row["since"][LEVEL]), base)


@compiled
def is_short(row: Row, t: RuleSet) -> bool:
    """Whether the points are too few for the level: a note had them decay ahead of the clock."""
    level = row["on"][LEVEL]
    return bool(level > 0 and (level > t["levels"] or row["level_points"] < t["thresholds"][level - 1]))


@compiled
def _decays_to_demotion(row: Row, t: RuleSet) -> Integer:
    """How many decays since last_at, those done included, until the points are too few for the level."""
    times = row["decays"]
    points = row["level_points"]
    least = t["thresholds"][row["on"][LEVEL] - 1]
    while points >= least:
        points *= t["decay_keep"]
        times += 1
    return times


@compiled
def next_due(row: Row, t: RuleSet) -> Integer:
    """When time alone changes the segment; NEVER if it does not."""
    if row["on"][LEVEL] == 0:
        return NEVER
    if row["on"][LEVEL] > t["levels"]:
        return row["since"][LEVEL]  # the rules have fewer levels than they had
    return row["last_at"] + _decays_to_demotion(row, t) * t["decay"]


@compiled
def pass_time(desk: Desk, row: Row, index: Integer, due: Integer, base: Integer) -> None:
    """Decay up to the due moment, and move to the level that the points give."""
    decay(row, desk.book.sets[row["rules"]], due)
    _move(desk, row, index, POINTS_DECAYED, max(due, row["since"][LEVEL]), base)
