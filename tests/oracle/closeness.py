"""Know, like, rely. See docs/people.md, Closeness."""

from __future__ import annotations

from typing import Any

from tests.oracle.calendar import DAY_MS, start_of
from tests.oracle.person import WINDOW_DAYS, Person
from tests.oracle.step import Due, Step

NAME = "closeness"
ORDER = ("know", "like", "rely")


def after_event(person: Person, action: str, moment: int) -> Step | None:
    """Up to the standing, never down."""
    step = standing(person, max(person.last_at, person.since(NAME)))
    return step if ORDER.index(step.to) > ORDER.index(person.segment(NAME)) else None


def due(person: Person) -> Due | None:
    """What time will bring the person in their segment."""
    segment = person.segment(NAME)
    if segment == "know":
        return None
    moment = _days_and_purchases_end(person) if segment == "rely" else _own_end(person)

    def down(at: int) -> Step:
        to = standing(person, at).to
        assert ORDER.index(to) < ORDER.index(segment)
        return Step(to, "faded")

    return Due(moment, down)


def evidence(person: Person, at: int) -> dict[str, Any]:
    """The values that decided a step."""
    return {
        "active_days_28": person.active_days(person.day(at)),
        "own_28": person.own(person.day(at)),
        "purchase_at": person.purchase(1),
        "purchase_before": person.purchase(2),
    }


def standing(person: Person, moment: int) -> Step:
    rules, end = person.rules.closeness, person.day(moment)
    if person.active_days(end) >= rules.rely_days:
        return Step("rely", "relies_by_days")
    until = _purchases_end(person)
    if until is not None and moment < until:
        return Step("rely", "relies_by_purchases")
    if person.own(end) >= rules.like_own:
        return Step("like", "own_contributions")
    return Step("know", "faded")


def _purchases_end(person: Person) -> int | None:
    """How long the purchases are enough to rely, if there are so many."""
    rules = person.rules.closeness
    if len(person.purchases_at) < rules.rely_purchases:
        return None
    return person.purchase(rules.rely_purchases) + rules.rely_purchase_days * DAY_MS


def _days_and_purchases_end(person: Person) -> int:
    few_days = start_of(person.first_day_with_fewer(person.rules.closeness.rely_days), person.zone)
    until = _purchases_end(person)
    return few_days if until is None else max(few_days, until)


def _own_end(person: Person) -> int:
    found = 0
    for day, what in reversed(person.window(person.last_day)):
        found += what.own
        if found >= person.rules.closeness.like_own:
            return start_of(day + WINDOW_DAYS, person.zone)
    raise AssertionError("somebody in like has contributions of their own in the window")
