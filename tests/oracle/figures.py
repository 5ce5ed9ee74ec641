"""What one event adds to a person's figures. See docs/people.md, Figures."""

from __future__ import annotations

import math
from typing import Any

from tests.oracle.level import decay
from tests.oracle.person import Day, Person

INTO_GROUP = ("join", "post", "share", "purchase")

Event = dict[str, Any]
"""An accepted event, as `tests.oracle.intake` has it."""


def is_talk(event: Event) -> bool:
    """A post of kind talk or question."""
    return bool(event["action"] == "post" and event["kind"] in ("talk", "question"))


def is_benefit(event: Event) -> bool:
    """A post of kind benefit by a member."""
    return bool(event["action"] == "post" and event["kind"] == "benefit" and event["role"] == "member")


def take_in(person: Person, event: Event) -> None:
    """Everything that an event says of a person, but for ladders, medals and invites."""
    action, moment = event["action"], event["occurred_at"]
    person.first_at = moment if person.first_at is None else min(person.first_at, moment)
    person.counts[action] += 1
    if action in ("post", "join") and event["role"]:
        person.role = event["role"]
    if action in INTO_GROUP:
        person.groups.add(event["group_id"])
    if action == "leave":
        person.groups.discard(event["group_id"])
        return
    _move_last(person, moment)
    _count_day(person, event)
    person.score.add(getattr(person.rules.weights, action), moment)
    if weight := _intent_weight(person, event):
        person.intent.add(weight, moment)
    match action:
        case "join":
            person.joins_at.append(moment)
        case "post":
            person.posts_at.append(moment)
        case "purchase":
            person.purchases_at.append(moment)
    _earn(person, event)


def _move_last(person: Person, moment: int) -> None:
    """Decay the level points for the time without activity, which ends here."""
    if not person.active:
        person.active, person.last_at = True, moment
    elif moment > person.last_at:
        decay(person, moment)
        person.decays = 0
        person.last_at = moment


def _count_day(person: Person, event: Event) -> None:
    number = person.day(event["occurred_at"])
    day = person.days.setdefault(number, Day())
    day.activities += 1
    if is_talk(event):
        day.talks += 1
        person.talk_day = number if person.talk_day is None else max(person.talk_day, number)
    if event["action"] == "share":
        day.shares += 1
    if is_benefit(event):
        day.benefits += 1
        person.benefits += 1
    if event["action"] == "post" and event["reply_to"]:
        person.replies += 1


def _intent_weight(person: Person, event: Event) -> float:
    rules, action = person.rules.intent, event["action"]
    if action == "purchase":
        return rules.purchase
    if action == "post" and event["kind"] == "question" and event["role"] == "member":
        return rules.question
    if action in ("view", "join") and event["via_share_id"]:
        return rules.click
    if is_benefit(event):
        return rules.benefit
    if action == "view":
        return rules.view
    return 0.0


def _earn(person: Person, event: Event) -> None:
    """Points of the day and of the action; an action of an older day counts in the points day."""
    rules, action = person.rules.points, event["action"]
    day = person.day(event["occurred_at"])
    if person.points_day is None or day > person.points_day:
        person.points_day = day
        person.earned_today = dict.fromkeys(person.earned_today, 0)
        _add_points(person, "day", rules.day)
    today = person.earned_today
    if action in ("join", "post", "share"):
        if today[action] < getattr(rules, f"{action}_per_day"):
            today[action] += 1
            _add_points(person, action, getattr(rules, action))
    elif action == "purchase":
        earned = math.floor(event["amount"]) * rules.purchase
        earned = min(earned, rules.purchase_per_day - today[action])
        today[action] += earned
        _add_points(person, action, earned)


def _add_points(person: Person, kind: str, points: int) -> None:
    person.points[kind] += points
    person.level_points += points
