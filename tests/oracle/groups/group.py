"""One group: what its actions do to it, and what time does. See docs/groups.md, Order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from schemas.rules import CommunityRules
from tests.oracle.calendar import HOUR_MS, day_of, start_of
from tests.oracle.groups.alerts import Alerts
from tests.oracle.groups.answers import Topics, class_of
from tests.oracle.groups.benefits import Benefits
from tests.oracle.groups.close import Closes
from tests.oracle.groups.days import STAFF, Days, names_of_post
from tests.oracle.groups.heard import Heard
from tests.oracle.groups.memberships import ENTERING, Membership, Memberships
from tests.oracle.groups.questions import Questions
from tests.oracle.groups.spam import Spam
from tests.oracle.groups.totals import Totals
from tests.oracle.groups.watches import FallsWatch, LeavesWatch, SilenceWatch

Event = Mapping[str, Any]
SILENCE_MS = 24 * HOUR_MS


class Timed(Protocol):
    """What time does something to."""

    def due(self, limit: int) -> int | None:
        """The moment of what comes next; whatever it is or nothing, if that is after `limit`."""

    def pass_due(self) -> None:
        """What comes next."""


class Group:
    """A group, from its first action on."""

    def __init__(self, community_id: str, group_id: str, rules: CommunityRules, begun: int) -> None:
        self.community_id, self.group_id, self.rules = community_id, group_id, rules
        self._zone = ZoneInfo(rules.time_zone)
        self.alerts = Alerts(community_id, group_id)
        self.memberships = Memberships()
        self.totals = Totals()
        open_day = day_of(begun, self._zone)
        while start_of(open_day + 1, self._zone) <= begun:
            open_day += 1
        self.days = Days(open_day)
        self.benefits = Benefits(rules, self.alerts, begun)
        self.questions = Questions(rules, self.alerts)
        self._topics = Topics()
        self._heard = Heard(rules, self.days)
        self._spam = Spam(rules, self.alerts)
        self._silence = SilenceWatch(rules, self.alerts)
        self._leaves = LeavesWatch(rules, self.alerts, self.memberships, begun)
        self._falls = FallsWatch(rules, self.alerts, self.memberships, begun)
        self.closes = Closes(rules, self.alerts, self.memberships, self.days, self.benefits, self._falls)
        self._posted: list[tuple[str, str]] = []
        """Who wrote and of what kind, in the order in which posts were applied."""

    def settle(self, moment: int) -> None:
        """All that is due at or before a moment, in order; at a tie in the order of this list."""
        timed: list[Timed] = [
            self.closes, self.questions, self.benefits, self._spam, self._silence, self._leaves, self._falls
        ]  # fmt: skip
        while True:
            dues = [(due, one) for one in timed if (due := one.due(moment)) is not None]
            if not dues:
                return
            due, first = min(dues, key=lambda pair: pair[0])
            if due > moment:
                return
            first.pass_due()

    def apply(self, event: Event, clock: int) -> None:
        """One action, after everything was settled up to its clock."""
        action, moment = event["action"], event["occurred_at"]
        day = day_of(moment, self._zone)
        person = self.memberships.of(event["user_id"])
        breaks_ice = self._take_part(person, event, day, clock)
        self.closes.acted()
        if action == "post":
            self._post(event, day, clock, breaks_ice=breaks_ice)
        elif action in ("share", "purchase", "view"):
            self.totals.count(f"{action}s")
            self.days.count(day, f"{action}s")
        if action == "purchase":
            self.totals.pay(event["amount"])

    def _take_part(self, person: Membership, event: Event, day: int, clock: int) -> bool:
        """Memberships, 1 to 5. Whether it is the first post of somebody, soon after joining."""
        action, moment = event["action"], event["occurred_at"]
        if action in ENTERING and not person.member:
            person.enter(moment, self.closes.phase)
            self.totals.count("joins")
            self.days.count(day, "joins")
        if action == "leave":
            if person.member:
                person.leave(moment, clock, self._left_after(person, moment))
                self.totals.count("leaves")
                self.days.count(day, "leaves")
                self._leaves.leave(clock, moment)
            return False
        first_post = action == "post" and person.first_post_at == 0
        person.learn(event)
        person.be_active(action, moment, day)
        return first_post and 0 <= moment - person.joined_at <= self.rules.groups.ice_hours * HOUR_MS

    def _left_after(self, person: Membership, moment: int) -> str:
        if self.questions.waits_of(person.user_id):
            return "unanswered"
        if self.totals.last_post_at is None or self.totals.last_post_at < moment - SILENCE_MS:
            return "silence"
        return next((kind for who, kind in reversed(self._posted) if who != person.user_id), "")

    def _post(self, event: Event, day: int, clock: int, *, breaks_ice: bool) -> None:
        moment, in_window, staff = event["occurred_at"], self.days.in_window(day), event["role"] in STAFF
        self.totals.count("posts")
        self.totals.last_post_at = max(self.totals.last_post_at or 0, moment)
        self._posted.append((event["user_id"], event["kind"]))
        self._silence.post(moment)
        for name in names_of_post(event):
            self.days.count(day, name)
        if breaks_ice:
            self.days.count(day, "icebreakers")
        self._converse(event, day, clock, in_window=in_window)
        if staff and in_window:
            self._heard.staff_post(moment, day)
            if event["kind"] == "benefit":
                self.benefits.benefit(moment, clock)
        if not staff:
            if in_window:
                self._heard.member_post(moment)
            self.benefits.member_post(moment, in_window=in_window)
            if event["kind"] == "ad":
                self._spam.ad(moment, clock)

    def _converse(self, event: Event, day: int, clock: int, *, in_window: bool) -> None:
        """A post as a topic that waits for a reply, or as a reply to one."""
        if not in_window:
            return
        if event["reply_to"]:
            if topic := self._topics.answer(event, clock):
                self.days.count_answer(day, class_of(max(0, event["occurred_at"] - topic.at)))
                if topic.question and event["role"] not in STAFF:
                    self.days.count(topic.day, "question_answers")
                self.questions.answer(topic, clock)
        elif (topic := self._topics.begin(event, day, clock)) and topic.question:
            self.days.count(day, "questions")
            self.questions.ask(topic, clock)
