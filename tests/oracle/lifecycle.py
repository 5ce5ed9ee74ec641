"""Ladder 1. See docs/people.md, Lifecycle."""

from __future__ import annotations

from typing import Any

from tests.oracle.calendar import DAY_MS, start_of
from tests.oracle.person import Person
from tests.oracle.step import Due, Step, earliest

NAME = "lifecycle"


def after_event(person: Person, action: str, moment: int) -> Step | None:
    """The first row of the table that fits."""
    segment, rules = person.segment(NAME), person.rules.lifecycle
    if action == "leave":
        if segment != "lost" and not person.groups:
            return Step("lost", "left_every_group")
        return None
    days = person.active_days(person.last_day)
    if segment == "":
        return Step("new", "first_action")
    if segment in ("silent", "lost"):
        return Step("resurrected", "acted_again")
    if segment in ("new", "join_and_stay") and days >= rules.active_min_days:
        return Step("active", "enough_active_days")
    if segment == "active" and days >= rules.core_enter_days and person.score.value >= rules.core_enter_score:
        return Step("core", "core_activity")
    return None


def due(person: Person) -> Due | None:
    """What time will bring the person in their segment."""
    rules = person.rules.lifecycle
    silent = _due(person.last_at + rules.silent_days * DAY_MS, "silent", "no_activity")
    lost = _due(person.last_at + rules.lost_days * DAY_MS, "lost", "no_activity_for_long")
    match person.segment(NAME):
        case "new":
            until = person.since(NAME) + rules.new_days * DAY_MS
            return _due(until, "join_and_stay", "no_second_active_day")
        case "join_and_stay" | "silent":
            return lost
        case "active":
            return silent
        case "core":
            few_days = start_of(person.first_day_with_fewer(rules.core_keep_days), person.zone)
            low_score = person.score.falls_below(rules.core_keep_score)
            return earliest(
                [
                    silent,
                    _due(few_days, "active", "core_days_faded"),
                    _due(low_score, "active", "core_score_faded"),
                ]
            )
        case "resurrected":
            return earliest([silent, *_return_kept(person)])
    return None


def evidence(person: Person, at: int) -> dict[str, Any]:
    """The values that decided a step."""
    return {
        "active_days_28": person.active_days(person.day(at)),
        "score": person.score.as_of(at),
        "last_at": person.last_at,
        "groups": len(person.groups),
    }


def _due(moment: int, to: str, rule: str) -> Due:
    return Due(moment, lambda _: Step(to, rule))


def _return_kept(person: Person) -> list[Due]:
    rules = person.rules.lifecycle
    kept_at = person.since(NAME) + rules.resurrected_days * DAY_MS
    days = person.active_days(person.day(kept_at))
    if days < rules.active_min_days:
        return []
    is_core = days >= rules.core_enter_days and person.score.as_of(kept_at) >= rules.core_enter_score
    return [_due(kept_at, "core" if is_core else "active", "return_kept")]
