"""The latest questions of members, watched for a day. See docs/groups.md, Questions."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.rules import CommunityRules
from tests.oracle.calendar import HOUR_MS, MINUTE_MS
from tests.oracle.groups.alerts import Alerts
from tests.oracle.groups.answers import Topic

MOST_WATCHED = 8
WATCH_MS = 24 * HOUR_MS
RULE = "unanswered_question"


@dataclass
class _Watched:
    topic: Topic
    unanswered: bool = False


class Questions:
    """The questions that a group watches, and how many of them are unanswered."""

    def __init__(self, rules: CommunityRules, alerts: Alerts) -> None:
        self._answer_ms = rules.groups.answer_minutes * MINUTE_MS
        self._alerts = alerts
        self._watched: list[_Watched] = []

    @property
    def unanswered(self) -> int:
        """How many watched questions are."""
        return sum(one.unanswered for one in self._watched)

    def waits_of(self, user_id: str) -> bool:
        """Whether a question of theirs is watched."""
        return any(one.topic.user_id == user_id for one in self._watched)

    def ask(self, topic: Topic, clock: int) -> None:
        """A new question."""
        if topic.at + WATCH_MS > clock:
            if len(self._watched) == MOST_WATCHED:
                self._end(self._watched[0], clock)
            self._watched.append(_Watched(topic))

    def answer(self, topic: Topic, clock: int) -> None:
        """The first reply to a topic has come."""
        for one in [one for one in self._watched if one.topic is topic]:
            self._end(one, clock)

    def due(self, _limit: int) -> int | None:
        """The moment of what comes next."""
        return min((self._due_of(one) for one in self._watched), default=None)

    def pass_due(self) -> None:
        """What comes next: a question becomes unanswered, or its day is over."""
        # `min` gives the first of several at one moment: the order of application.
        one = min(self._watched, key=self._due_of)
        at = self._due_of(one)
        if one.unanswered:
            self._end(one, at)
        else:
            one.unanswered = True
            if self.unanswered == 1:
                self._alerts.open(RULE, at, {"unanswered": 1})

    def _due_of(self, one: _Watched) -> int:
        topic = one.topic
        return topic.at + WATCH_MS if one.unanswered else max(topic.at + self._answer_ms, topic.clock)

    def _end(self, one: _Watched, at: int) -> None:
        # By identity: two questions may say the same.
        self._watched = [other for other in self._watched if other is not one]
        if not self.unanswered:
            self._alerts.resolve(RULE, at, {"unanswered": 0})
