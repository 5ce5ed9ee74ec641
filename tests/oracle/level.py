"""Ladder 4: levels by points that decay. See docs/people.md, Level."""

from __future__ import annotations

from typing import Any

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


def after_event(person: Person, action: str, moment: int) -> Step | None:
    """Up to the level of the points, never down."""
    reached = _level_of(person)
    return Step(f"level_{reached}", "points_reached") if reached > number(person) else None


def due(person: Person) -> Due | None:
    """When the points will have decayed below the threshold of the level."""
    level, rules = number(person), person.rules.level
    if level == 0:
        return None
    points, times = person.level_points, person.decays
    while points >= _threshold(person, level):
        points *= rules.decay_keep
        times += 1
    moment = person.last_at + times * rules.decay_days * DAY_MS

    def down(at: int) -> Step:
        decay(person, moment)
        assert (person.level_points, person.decays) == (points, times)
        return Step(f"level_{_level_of(person)}", "points_decayed")

    return Due(moment, down)


def evidence(person: Person, at: int) -> dict[str, Any]:
    """The values that decided a step."""
    return {"points": person.level_points, "last_at": person.last_at}


def _threshold(person: Person, level: int) -> float:
    rules = person.rules.level
    return rules.base * rules.growth ** (level - 1)


def _level_of(person: Person) -> int:
    levels = range(1, len(person.rules.level.titles))
    return sum(1 for level in levels if _threshold(person, level) <= person.level_points)
