"""People, again: each partition's log in order, and what must come of it. See docs/people.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.rules import Rules
from tests.oracle import closeness, intent, level, lifecycle, medals, pyramid
from tests.oracle.calendar import HOUR_MS, date_of
from tests.oracle.figures import take_in
from tests.oracle.intake import Judged
from tests.oracle.invites import Note, Shares, caused_by
from tests.oracle.people_log import Acted, Entry
from tests.oracle.person import Person
from tests.oracle.step import Ladder, Step

LADDERS: tuple[Ladder, ...] = (lifecycle, pyramid, intent, closeness, level)
AT_A_NOTE: tuple[Ladder, ...] = (pyramid, level)

Row = dict[str, Any]


class Partition:
    """One partition of the people stage."""

    def __init__(self, number: int, judged: Judged, rules: Rules | None = None) -> None:
        self.number = number
        self.people: dict[tuple[str, str], Person] = {}
        self.transitions: list[Row] = []
        self.medals: list[Row] = []
        self.written: list[Note] = []
        """The notes that must have been written, in order."""
        self._rules = rules or Rules()
        self._shares = Shares()
        self._events = {
            (event["source_partition"], event["source_offset"]): (event, clock)
            for event, clock in judged.with_clocks()
        }

    def take(self, entry: Entry) -> None:
        """Take in what comes next."""
        if isinstance(entry, Acted):
            place = entry.source_partition, entry.source_offset
            if place not in self._events:
                return  # for `tests.oracle.log_checks` to say
            event, clock = self._events[place]
            person = self._person(event["community_id"], event["user_id"])
            # They were settled up to the stage clock when it went on: now is early enough.
            self.settle(person, entry.clock)
            self.settle(person, clock)
            self._act(person, event, entry.offset)
            self.settle(person, clock)
        elif entry.note.by_share:
            self.written += self._shares.take(entry.note, self.number, entry.offset)
        else:
            person = self._person(entry.note.community_id, entry.note.to_id)
            self.settle(person, entry.clock)
            self._be_told(person, entry.note)
            self.settle(person, entry.clock)

    def settle(self, person: Person, clock: int | None) -> None:
        """Make every transition that time has brought up to `clock`, if there is one."""
        while clock is not None and person.active and clock >= person.quiet_until:
            found = [(due, ladder) for ladder in LADDERS if (due := ladder.due(person))]
            if not found:
                return
            due, ladder = min(found, key=lambda one: one[0].moment)  # at a tie, the first
            if due.moment > clock:
                person.quiet_until = due.moment
                return
            at = max(due.moment, person.since(ladder.NAME))
            self._move(person, ladder, due.step(at), at)

    def settle_all(self, clock: int) -> None:
        """Everybody up to `clock`."""
        for person in self.people.values():
            self.settle(person, clock)

    def users(self) -> list[Row]:
        """Rows of `users`: of everybody who did anything."""
        return [_user_row(person) for person in self.people.values() if person.first_at is not None]

    def _person(self, community_id: str, user_id: str) -> Person:
        who = community_id, user_id
        if who not in self.people:
            self.people[who] = Person(*who, self._rules.of(community_id))
        return self.people[who]

    def _act(self, person: Person, event: Row, offset: int) -> None:
        action, moment = event["action"], event["occurred_at"]
        person.quiet_until = 0
        take_in(person, event)
        self.written += caused_by(person, event, self.number, offset)
        before = person.segment("lifecycle")
        for ladder in LADDERS if person.active else LADDERS[:1]:
            self._look(person, ladder, action, moment)
        came_back = (before, person.segment("lifecycle")) == ("lost", "resurrected")
        self._give_medals(person, moment, came_back=came_back)

    def _be_told(self, person: Person, note: Note) -> None:
        person.quiet_until = 0
        if note.kind == "joined":
            person.invites += 1
        else:
            person.invites_stayed += 1
            if person.active:
                level.decay(person, max(note.at, person.last_at))
            person.points["invite"] += person.rules.points.invite
            person.level_points += person.rules.points.invite
        if person.active:
            for ladder in AT_A_NOTE:
                self._look(person, ladder, "", note.at)
        self._give_medals(person, note.at, came_back=False)

    def _look(self, person: Person, ladder: Ladder, action: str, moment: int) -> None:
        if step := ladder.after_event(person, action, moment):
            self._move(person, ladder, step, max(moment, person.since(ladder.NAME)))

    def _move(self, person: Person, ladder: Ladder, step: Step, at: int) -> None:
        person.quiet_until = 0
        place = person.places[ladder.NAME]
        assert step.to != place.segment
        self.transitions.append(
            {
                "community_id": person.community_id,
                "user_id": person.user_id,
                "ladder": ladder.NAME,
                "from_segment": place.segment,
                "to_segment": step.to,
                "at": at,
                "day": date_of(person.day(at)),
                "rule": step.rule,
                "evidence": json.dumps(ladder.evidence(person, at), separators=(",", ":")),
            }
        )
        place.segment, place.since = step.to, at

    def _give_medals(self, person: Person, moment: int, *, came_back: bool) -> None:
        if not person.active:
            return
        for medal in medals.earned(person, came_back=came_back):
            person.medals.append(medal)
            who = {"community_id": person.community_id, "user_id": person.user_id}
            self.medals.append({**who, "medal": medal, "at": moment})


class People:
    """What must come of the logs of all partitions, with time standing at `final`."""

    def __init__(
        self,
        judged: Judged,
        logs: Mapping[int, Iterable[Entry]],
        final: int,
        rules: Rules | None = None,
    ) -> None:
        self.partitions = [Partition(number, judged, rules) for number in logs]
        for partition in self.partitions:
            for entry in logs[partition.number]:
                partition.take(entry)
        self.settle_all(final)

    def settle_all(self, clock: int) -> None:
        """Everybody up to `clock`."""
        for partition in self.partitions:
            partition.settle_all(clock)

    @property
    def users(self) -> list[Row]:
        """Rows of `users`, their medals by name."""
        return [row for partition in self.partitions for row in partition.users()]

    @property
    def transitions(self) -> list[Row]:
        """Rows of `segment_transitions`, each person's in order."""
        return [row for partition in self.partitions for row in partition.transitions]

    @property
    def medals(self) -> list[Row]:
        """Rows of `medals`, each person's in order."""
        return [row for partition in self.partitions for row in partition.medals]

    @property
    def written(self) -> list[Note]:
        """The notes that must have been written."""
        return [note for partition in self.partitions for note in partition.written]


def _rate(part: int, whole: int, least: int) -> float | None:
    return part / whole if whole >= least else None


def _user_row(person: Person) -> Row:
    rules, counts, points = person.rules, person.counts, person.points
    last_day = person.last_day if person.active else 0
    both = person.joins_at and person.posts_at
    waited = person.first_post_at - person.joined_at
    return {
        "community_id": person.community_id,
        "user_id": person.user_id,
        "segment": person.segment("lifecycle"),
        "segment_since": person.since("lifecycle"),
        "first_at": person.first_at,
        "last_at": person.last_at,
        "joins": counts["join"],
        "posts": counts["post"],
        "shares": counts["share"],
        "leaves": counts["leave"],
        "purchases": counts["purchase"],
        "views": counts["view"],
        "active_days_28": person.active_days(last_day),
        "actions_7": person.actions_in(7),
        "actions_28": person.actions_in(28),
        "score": person.score.value,
        "score_at": person.score.at,
        "groups": len(person.groups),
        "groups_left": counts["leave"],
        "role": person.role,
        "joined_at": person.joined_at,
        "first_post_at": person.first_post_at,
        "activated": int(bool(both) and 0 <= waited <= rules.activation_hours * HOUR_MS),
        "inviter_id": person.inviter_id,
        "via_share_id": person.via_share_id,
        "pyramid": person.segment("pyramid"),
        "pyramid_since": person.since("pyramid"),
        "intent": person.segment("intent"),
        "intent_since": person.since("intent"),
        "intent_score": person.intent.value,
        "intent_at": person.intent.at,
        "closeness": person.segment("closeness"),
        "closeness_since": person.since("closeness"),
        "own_28": person.own(last_day),
        "benefits_28": person.benefits_in(last_day),
        "benefits": person.benefits,
        "replies": person.replies,
        "interaction_depth": _rate(person.replies, counts["post"], rules.rates_min_count),
        "reward_share": _rate(person.benefits, person.activities, rules.rates_min_count),
        "purchase_at": person.purchase(1),
        "purchase_before": person.purchase(2),
        "level": level.number(person),
        "level_since": person.since("level"),
        "title": rules.level.titles[level.number(person)],
        "level_points": person.level_points,
        "points_join": points["join"],
        "points_post": points["post"],
        "points_share": points["share"],
        "points_day": points["day"],
        "points_invite": points["invite"],
        "points_purchase": points["purchase"],
        "invites": person.invites,
        "invites_stayed": person.invites_stayed,
        "medals": sorted(person.medals),
    }
