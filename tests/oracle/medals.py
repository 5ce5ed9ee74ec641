"""Medals, once each. See docs/people.md, Medals."""

from __future__ import annotations

from tests.oracle.person import Person


def earned(person: Person, *, came_back: bool) -> list[str]:
    """The medals that a person has earned now and had not before, in order.

    `came_back`: this event moved them from lost to resurrected.
    """
    rules, counts = person.rules.medals, person.counts
    held = {
        "first_post": counts["post"] >= 1,
        "streak": _longest_streak(person) >= rules.streak_days,
        "many_posts": counts["post"] >= rules.posts,
        "many_invites": person.invites >= rules.invites,
        "first_purchase": counts["purchase"] >= 1,
        "comeback": came_back,
    }
    return [medal for medal, holds in held.items() if holds and medal not in person.medals]


def _longest_streak(person: Person) -> int:
    """The most active days in a row in the 28 that end on last_day."""
    longest, length, before = 0, 0, None
    for day, _ in person.window(person.last_day):
        length = length + 1 if before == day - 1 else 1
        longest, before = max(longest, length), day
    return longest
