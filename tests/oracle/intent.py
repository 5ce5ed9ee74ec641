"""Ladder 3. See docs/people.md, Intent."""

from __future__ import annotations

from typing import Any

from tests.oracle.calendar import start_of
from tests.oracle.person import MOST_BENEFITS, WINDOW_DAYS, Person
from tests.oracle.step import Due, Step, earliest

NAME = "intent"
BY_SCORE = ("none", "potential", "intent", "strong")
"""Segments that the score decides, the lowest first."""


def after_event(person: Person, action: str, moment: int) -> Step | None:
    """To the standing, if it is another."""
    to = standing(person, max(moment, person.since(NAME)))
    segment = person.segment(NAME)
    return None if to == segment else Step(to, _rule(segment, to, bought_now=action == "purchase"))


def due(person: Person) -> Due | None:
    """What time will bring the person in their segment."""
    segment, rules = person.segment(NAME), person.rules.intent

    def to_standing(at: int) -> Step:
        to = standing(person, at)
        return Step(to, _rule(segment, to, bought_now=False))

    dues = []
    benefits_end, others_end = _benefits_end(person), _others_end(person)
    if segment == "hunter":
        assert benefits_end is not None
        dues.append(Due(start_of(benefits_end, person.zone), to_standing))
    elif (
        others_end is not None
        and others_end > person.last_day
        and others_end > person.day(person.since(NAME))
        and benefits_end is not None
        and others_end < benefits_end
    ):
        dues.append(Due(start_of(others_end, person.zone), to_standing))
    if segment == "strong":
        dues.append(
            Due(person.intent.falls_below(rules.strong_score), lambda _: Step("intent", "score_faded"))
        )
    if segment == "intent":
        dues.append(
            Due(person.intent.falls_below(rules.intent_score), lambda _: Step("potential", "score_faded"))
        )
    return earliest(dues)


def evidence(person: Person, at: int) -> dict[str, Any]:
    """The values that decided a step."""
    return {
        "score": person.intent.as_of(at),
        "purchases": person.counts["purchase"],
        "benefits_28": person.benefits_in(person.day(at)),
        "purchase_at": person.purchase(1),
    }


def _benefits_end(person: Person) -> int | None:
    """The first day without enough benefit actions in the 28 that end on it, if last_day has enough."""
    found = 0
    for day, what in reversed(person.window(person.last_day)):
        found += min(what.benefits, MOST_BENEFITS)
        if found >= person.rules.intent.hunter_benefits:
            return day + WINDOW_DAYS
    return None


def _others_end(person: Person) -> int | None:
    """The first day without a talk or a purchase in the 28 that end on it, if there ever was one."""
    days = [] if person.talk_day is None else [person.talk_day]
    if person.counts["purchase"]:
        days.append(person.day(person.purchase(1)))
    return max(days) + WINDOW_DAYS if days else None


def standing(person: Person, moment: int) -> str:
    rules, score = person.rules.intent, person.intent.as_of(moment)
    end = max(person.day(moment), person.last_day)
    others_end = _others_end(person)
    if person.benefits_in(end) >= rules.hunter_benefits and (others_end is None or others_end <= end):
        return "hunter"
    if person.counts["purchase"]:
        return "buyer"
    if score >= rules.strong_score:
        return "strong"
    if score >= rules.intent_score:
        return "intent"
    return "potential" if score > 0 else "none"


def _rule(segment: str, to: str, *, bought_now: bool) -> str:
    if to == "hunter":
        return "benefits_only"
    if to == "buyer":
        return "hunting_ended" if segment == "hunter" and not bought_now else "bought"
    if segment not in BY_SCORE or to == "none":
        return "hunting_ended"
    return "score_reached" if BY_SCORE.index(to) > BY_SCORE.index(segment) else "score_faded"
