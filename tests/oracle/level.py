"""Ladder 4: levels by points that decay. See docs/people.md, Level."""

from __future__ import annotations

from typing import Any

from schemas.rules import CommunityRules
from tests.oracle.calendar import DAY_MS
from tests.oracle.person import Person
from tests.oracle.step import Due, Step

NAME = "level"


def decay(person: Person, until: int) -> None:
    """Multiply the points for each whole `decay_days` since last_at, but for those of which it was done."""
    times = (until - person.last_at) // (person.rules.level.decay_days * DAY_MS)
    while person.decays < times:
        person.level_points *= person.rules.level.decay_keep
        person.decays += 1


def number(person: Person) -> int:
    """The level on which a person stands."""
    return int(person.segment(NAME).removeprefix("level_"))


def reached_by(rules: CommunityRules, points: float) -> int:
    """The level of so many points: how many thresholds they reach."""
    return sum(1 for level in range(1, len(rules.level.titles)) if _threshold(rules, level) <= points)


def after_event(person: Person, action: str, moment: int) -> Step | None:
    """Up to the level of the points, never down."""
    reached = reached_by(person.rules, person.level_points)
    return Step(f"level_{reached}", "points_reached") if reached > number(person) else None


def due(person: Person) -> Due | None:
    """When the points will have decayed below the threshold of the level."""
    level, rules = number(person), person.rules.level
    if level == 0:
        return None
    points, times = person.level_points, person.decays
    while points >= _threshold(person.rules, level):
        points *= rules.decay_keep
        times += 1
    moment = person.last_at + times * rules.decay_days * DAY_MS

    def down(at: int) -> Step:
        decay(person, moment)
        assert (person.level_points, person.decays) == (points, times)
        return Step(f"level_{reached_by(person.rules, person.level_points)}", "points_decayed")

    return Due(moment, down)


def evidence(person: Person, at: int) -> dict[str, Any]:
    """The values that decided a step."""
    return {"points": person.level_points, "last_at": person.last_at}


def _threshold(rules: CommunityRules, level: int) -> float:
    return rules.level.base * rules.level.growth ** (level - 1)
