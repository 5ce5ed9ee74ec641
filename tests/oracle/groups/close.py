"""The close of each day: figures, falls, symptoms, phase, health. See docs/groups.md, Close of day D."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from schemas.rules import CommunityRules
from tests.oracle.calendar import start_of
from tests.oracle.groups.alerts import Alerts
from tests.oracle.groups.benefits import Benefits
from tests.oracle.groups.days import WINDOW_DAYS, Days
from tests.oracle.groups.figures import BEFORE_THE_FIRST, figures_of
from tests.oracle.groups.memberships import Memberships
from tests.oracle.groups.standing import health_of, phase_of
from tests.oracle.groups.symptoms import SYMPTOMS, Situation
from tests.oracle.groups.watches import FallsWatch


class Closes:
    """The days of a group that are over, and what they left."""

    def __init__(
        self,
        rules: CommunityRules,
        alerts: Alerts,
        memberships: Memberships,
        days: Days,
        benefits: Benefits,
        falls: FallsWatch,
    ) -> None:
        self._rules, self._alerts, self._memberships = rules, alerts, memberships
        self._days, self._benefits, self._falls = days, benefits, falls
        self._zone = ZoneInfo(rules.time_zone)
        self._acted_on = days.open_day
        self.day = 0
        """The last that is over; 0: none yet."""
        self.figures = dict(BEFORE_THE_FIRST)
        self.since = dict.fromkeys(SYMPTOMS, 0)
        self.severity = dict.fromkeys(SYMPTOMS, 0.0)
        self.phase, self.phase_since = "seed", 0
        self.health = 100.0

    def acted(self) -> None:
        """Something happened on the open day."""
        self._acted_on = self._days.open_day

    def due(self, _limit: int) -> int:
        """When the open day is over."""
        return start_of(self._days.open_day + 1, self._zone)

    def pass_due(self) -> None:
        """The close of the open day."""
        at, day = start_of(self._days.open_day + 1, self._zone), self._days.open_day
        if _is_sunday(day):
            self._benefits.habit.end_week()
        # From the second close on after which no window holds anything, all would be as it is.
        if day <= self._acted_on + WINDOW_DAYS:
            self._close(day, at)
        self.day = day
        self._days.open_day = day + 1

    def _close(self, day: int, at: int) -> None:
        self.figures = figures_of(self._days, self._memberships, day, self._rules)
        for _ in range(self.figures["fell_silent"]):
            self._falls.leave(at - 1, at - 1)
        self._judge(at)
        members = len(self._memberships.members)
        phase = phase_of(members, self.figures, self._rules)
        if phase != self.phase:
            self.phase, self.phase_since = phase, at
        self.health = health_of(members, self.figures["participants"], self.severity, self._rules)

    def _judge(self, at: int) -> None:
        lost = self._alerts.is_open("benefit_lift_lost")
        now = Situation(self.figures, self._rules.symptoms, lost, self._benefits.latest())
        for name, symptom in SYMPTOMS.items():
            now.spam_ridden = self._alerts.is_open("spam_ridden")
            was = self._alerts.is_open(name)
            if symptom.stays(now) if was else symptom.opens(now):
                self.severity[name] = symptom.severity_now(now)
                self.since[name] = self.since[name] if was else at
                self._alerts.open(name, at, symptom.evidence(now) | {"severity": self.severity[name]})
            else:
                self.severity[name], self.since[name] = 0.0, 0
                self._alerts.resolve(name, at, symptom.evidence(now) | {"severity": 0.0})


def _is_sunday(day: int) -> bool:
    return day % 7 == 3  # 1970-01-01 was a Thursday
