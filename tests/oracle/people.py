"""People and their lifecycle, again. See docs/lifecycle.md, People.

Each event of a person is: settle(c), apply, settle(c), where c is its partition's clock after it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.rules import Lifecycle, Rules

DAY_MS = 86_400_000
MOST_A_DAY = 65_535
COUNT_COLUMNS = {
    "join": "joins",
    "post": "posts",
    "share": "shares",
    "leave": "leaves",
    "purchase": "purchases",
    "view": "views",
}
INTO_GROUP = ("join", "post", "share", "purchase")

Due = tuple[int, str, str]
"""When a transition is due, to which segment, by which rule."""


@dataclass
class Person:
    """Everything that is known of one person."""

    community_id: str
    user_id: str
    segment: str = ""
    since: int = 0
    first_at: int | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNT_COLUMNS, 0))
    role: str = ""
    active: bool = False  # whether there was any activity
    last_at: int = 0
    days: dict[int, int] = field(default_factory=dict)  # day -> activities on it, never thrown away
    score: float = 0.0
    score_at: int = 0
    groups: set[str] = field(default_factory=set)


def people(
    accepted: Iterable[tuple[dict[str, Any], int]], final_clock_ms: int, rules: Rules | None = None
) -> tuple[dict[tuple[str, str], dict[str, Any]], list[dict[str, Any]]]:
    """Rows of `users` by (community, user), and rows of `segment_transitions`, each person's in order.

    `accepted` are events with the clock after them (`Judged.with_clocks`); a person's own keep the order of
    the log. At the end everyone is settled up to `final_clock_ms`.
    """
    ladder = Ladder(rules or Rules())
    everyone: dict[tuple[str, str], Person] = {}
    for event, clock in accepted:
        who = (event["community_id"], event["user_id"])
        if who not in everyone:
            everyone[who] = Person(*who)
        person = everyone[who]
        ladder.settle(person, clock)
        ladder.apply(person, event)
        ladder.settle(person, clock)
    for person in everyone.values():
        ladder.settle(person, final_clock_ms)
    return {who: _user_row(person) for who, person in everyone.items()}, ladder.transitions


def day_of(moment: int) -> int:
    """Whole days since 1970, UTC."""
    return moment // DAY_MS


def active_days(person: Person, last_day: int) -> int:
    """Active days of the 28 that end on `last_day`, or on the day of the last activity if that is later."""
    if not person.active:
        return 0
    end = max(last_day, day_of(person.last_at))
    return sum(1 for day in range(end - 27, end + 1) if day in person.days)


def actions_within(person: Person, number_of_days: int) -> int:
    """Activities in so many days that end on the day of the last one."""
    if not person.active:
        return 0
    end = day_of(person.last_at)
    return sum(min(person.days.get(day, 0), MOST_A_DAY) for day in range(end - number_of_days + 1, end + 1))


class Ladder:
    """The rules of one run, and the transitions so far."""

    def __init__(self, rules: Rules) -> None:
        self.rules: Lifecycle = rules.lifecycle
        self.weights: dict[str, float] = rules.weights.model_dump()
        self.half_life: float = rules.score_half_life_days * DAY_MS
        self.transitions: list[dict[str, Any]] = []

    # --- one event -------------------------------------------------------------------------------

    def apply(self, person: Person, event: dict[str, Any]) -> None:
        """Take one event in: first what it says of the person, then at most one transition."""
        action, moment = event["action"], event["occurred_at"]
        person.first_at = moment if person.first_at is None else min(person.first_at, moment)
        person.counts[action] += 1
        if action in ("post", "join") and event["role"]:
            person.role = event["role"]
        if action in INTO_GROUP:
            person.groups.add(event["group_id"])
        if action == "leave":
            person.groups.discard(event["group_id"])
            self._after_leave(person, moment)
        else:
            self._count_activity(person, action, moment)
            self._after_activity(person, moment)

    def _count_activity(self, person: Person, action: str, moment: int) -> None:
        weight = self.weights[action]
        if not person.active:
            person.score, person.score_at = weight, moment
        elif moment >= person.score_at:
            person.score = person.score * math.exp2(-((moment - person.score_at) / self.half_life)) + weight
            person.score_at = moment
        else:
            person.score = person.score + weight * math.exp2(-((person.score_at - moment) / self.half_life))
        person.last_at = max(person.last_at, moment) if person.active else moment
        person.active = True
        # Windows only move on: a day that is before the window now is in none that comes.
        person.days[day_of(moment)] = person.days.get(day_of(moment), 0) + 1

    def _after_leave(self, person: Person, moment: int) -> None:
        if person.segment != "lost" and not person.groups:
            self._move(person, moment, "lost", "left_every_group")

    def _after_activity(self, person: Person, moment: int) -> None:
        days = active_days(person, day_of(person.last_at))
        if person.segment == "":
            self._move(person, moment, "new", "first_action")
        elif person.segment in ("silent", "lost"):
            self._move(person, moment, "resurrected", "acted_again")
        elif person.segment in ("new", "join_and_stay"):
            if days >= self.rules.active_min_days:
                self._move(person, moment, "active", "enough_active_days")
        elif (
            person.segment == "active"
            and days >= self.rules.core_enter_days
            and person.score >= self.rules.core_enter_score
        ):
            self._move(person, moment, "core", "core_activity")

    # --- time ------------------------------------------------------------------------------------

    def settle(self, person: Person, clock: int) -> None:
        """Make every transition that time has brought up to `clock`."""
        while True:
            dues = self._dues(person)
            if not dues:
                return
            due, segment, rule = min(dues, key=lambda one: one[0])  # at a tie, the first
            if due > clock:
                return
            self._move(person, due, segment, rule)

    def _dues(self, person: Person) -> list[Due]:
        """What time will bring the person in their segment, in the order of the table."""
        rules = self.rules
        silent_at = person.last_at + rules.silent_days * DAY_MS
        lost_at = person.last_at + rules.lost_days * DAY_MS
        match person.segment:
            case "new":
                return [(person.since + rules.new_days * DAY_MS, "join_and_stay", "no_second_active_day")]
            case "join_and_stay" | "silent":
                return [(lost_at, "lost", "no_activity_for_long")]
            case "active":
                return [(silent_at, "silent", "no_activity")]
            case "core":
                return [
                    (silent_at, "silent", "no_activity"),
                    (self._days_fade_at(person), "active", "core_days_faded"),
                    (self._score_fades_at(person), "active", "core_score_faded"),
                ]
            case "resurrected":
                return [(silent_at, "silent", "no_activity"), *self._return_kept(person)]
        return []

    def _days_fade_at(self, person: Person) -> int:
        """The start of the first day with too few active days among the 28 that end on it."""
        day = day_of(person.last_at)
        found = active_days(person, day)
        while found >= self.rules.core_keep_days:
            day += 1  # nothing was done on this day, and the one 28 before it falls out
            found -= day - 28 in person.days
        return day * DAY_MS

    def _score_fades_at(self, person: Person) -> int:
        keep = self.rules.core_keep_score
        if person.score < keep:
            return person.score_at
        return person.score_at + math.floor(self.half_life * math.log2(person.score / keep)) + 1

    def _return_kept(self, person: Person) -> list[Due]:
        kept_at = person.since + self.rules.resurrected_days * DAY_MS
        days = active_days(person, day_of(kept_at))
        if days < self.rules.active_min_days:
            return []
        is_core = (
            days >= self.rules.core_enter_days
            and self._score_as_of(person, kept_at) >= self.rules.core_enter_score
        )
        return [(kept_at, "core" if is_core else "active", "return_kept")]

    # --- both ------------------------------------------------------------------------------------

    def _score_as_of(self, person: Person, moment: int) -> float:
        if moment <= person.score_at:
            return person.score
        return person.score * math.exp2(-((moment - person.score_at) / self.half_life))

    def _move(self, person: Person, moment: int, segment: str, rule: str) -> None:
        """To another segment at `moment`, or when the current one began if that is later."""
        at = max(moment, person.since)
        evidence = {
            "active_days_28": active_days(person, day_of(at)),
            "score": self._score_as_of(person, at),
            "last_at": person.last_at,
            "groups": len(person.groups),
        }
        self.transitions.append(
            {
                "community_id": person.community_id,
                "user_id": person.user_id,
                "ladder": "lifecycle",
                "from_segment": person.segment,
                "to_segment": segment,
                "at": at,
                "rule": rule,
                "evidence": json.dumps(evidence, separators=(",", ":")),
            }
        )
        person.segment, person.since = segment, at


def _user_row(person: Person) -> dict[str, Any]:
    return {
        "community_id": person.community_id,
        "user_id": person.user_id,
        "segment": person.segment,
        "segment_since": person.since,
        "first_at": person.first_at,
        "last_at": person.last_at,
        **{column: person.counts[action] for action, column in COUNT_COLUMNS.items()},
        "active_days_28": active_days(person, day_of(person.last_at)),
        "actions_7": actions_within(person, 7),
        "actions_28": actions_within(person, 28),
        "score": person.score,
        "score_at": person.score_at,
        "groups": len(person.groups),
        "groups_left": person.counts["leave"],
        "role": person.role,
    }
