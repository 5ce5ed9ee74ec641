"""Ladder 2. See docs/people.md, Pyramid."""

from __future__ import annotations

from typing import Any

from tests.oracle.calendar import DAY_MS
from tests.oracle.person import Person
from tests.oracle.step import Due, Step, earliest

NAME = "pyramid"
ENDED = {"staff": "role_ended", "valuable": "value_faded", "invalid": "did_something"}
"""The rule by which one becomes general, by what one was."""


def after_event(person: Person, action: str, moment: int) -> Step | None:
    """To the standing, if it is another."""
    to, rule = standing(person, max(moment, person.since(NAME)))
    segment = person.segment(NAME)
    return None if to == segment else Step(to, rule or ENDED[segment])


def due(person: Person) -> Due | None:
    """What time will bring the person in their segment."""
    segment, rules = person.segment(NAME), person.rules.pyramid
    lifecycle = person.places["lifecycle"]
    bought = person.purchase(1)
    moments = []
    if segment in ("general", "invalid") and lifecycle.segment == "core":
        moments.append(lifecycle.since)
    if segment == "general" and person.done == 0 and person.joined_at > 0:
        moments.append(person.joined_at + rules.invalid_days * DAY_MS)
    if segment == "valuable" and lifecycle.segment != "core":
        faded = bought + rules.valuable_days * DAY_MS
        moments.append(max(faded, lifecycle.since) if bought > 0 else lifecycle.since)

    def step(at: int) -> Step:
        to, rule = standing(person, at)
        return Step(to, rule or ENDED[segment])

    return earliest([Due(moment, step) for moment in moments])


def evidence(person: Person, at: int) -> dict[str, Any]:
    """The values that decided a step."""
    return {
        "role": person.role,
        "invites_stayed": person.invites_stayed,
        "purchase_at": person.purchase(1),
        "lifecycle": person.segment("lifecycle"),
        "done": person.done,
    }


def standing(person: Person, moment: int) -> tuple[str, str]:
    """The segment at a moment, and the rule; no rule for general."""
    rules, bought, joined = person.rules.pyramid, person.purchase(1), person.joined_at
    if person.role in ("operator", "moderator"):
        return "staff", "has_a_role"
    if person.invites_stayed >= rules.organiser_invited:
        return "organiser", "invited_who_stayed"
    if bought > 0 and moment < bought + rules.valuable_days * DAY_MS:
        return "valuable", "bought_lately"
    if person.segment("lifecycle") == "core":
        return "valuable", "core_member"
    if joined > 0 and moment >= joined + rules.invalid_days * DAY_MS and person.done == 0:
        return "invalid", "did_nothing"
    return "general", ""
