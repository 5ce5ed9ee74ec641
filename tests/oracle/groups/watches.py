"""Detectors as alerts: silence, leaves, members who fall silent. See docs/groups.md, Alerts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from schemas.rules import CommunityRules
from tests.oracle.calendar import HOUR_MS, date_of, day_of
from tests.oracle.groups.alerts import Alerts
from tests.oracle.groups.churn import Change, Churn
from tests.oracle.groups.memberships import Membership, Memberships
from tests.oracle.groups.silence import UNIT, Silence

Evidence = dict[str, Any]
MOST_NAMED = 5
OTHERS = "(others)"


class SilenceWatch:
    """group_quiet and group_silence."""

    def __init__(self, rules: CommunityRules, alerts: Alerts) -> None:
        self._alerts = alerts
        self._silence = Silence(rules.silence, ZoneInfo(rules.time_zone))
        self._limit = 0

    def post(self, moment: int) -> None:
        """A post: what is open resolves at its moment."""
        resolved, gap = self._silence.post(moment)
        for rule in resolved:
            self._alerts.resolve(rule, moment, {"gap_hours": gap / HOUR_MS})

    def due(self, limit: int) -> int | None:
        """When what comes next opens."""
        self._limit = limit
        return self._silence.due(limit)

    def pass_due(self) -> None:
        """It opens."""
        rule, at = self._silence.pass_due(self._limit)
        last = self._silence.last
        assert last is not None
        evidence = {
            "measure": self._silence.measure(last, at) / UNIT,
            "level": self._silence.levels[rule] / UNIT,
            "hours": (at - last) / HOUR_MS,
        }
        self._alerts.open(rule, at, evidence)


class _ChurnWatch:
    """A churn detector, and the alert of its rule."""

    RULE: str
    SLOTS: int

    def __init__(self, rules: CommunityRules, alerts: Alerts, memberships: Memberships, begun: int) -> None:
        self._alerts, self._memberships = alerts, memberships
        self._silent_days = rules.groups.silent_days
        self._zone = ZoneInfo(rules.time_zone)
        self._churn = Churn(self._zone, rules.churn, self.SLOTS, begun)
        self._due: int | None = None

    def leave(self, clock: int, moment: int) -> None:
        """One more of those who are watched."""
        self._churn.leave(clock, moment)

    def due(self, limit: int) -> int | None:
        """The end of the step, if it may change anything."""
        self._due = self._churn.due(limit)
        return self._due

    def pass_due(self) -> None:
        """The end of the step."""
        assert self._due is not None
        for change in self._churn.pass_due(self._due):
            evidence = self._evidence(change)
            if change.kind == "opened":
                self._alerts.open(self.RULE, change.at, evidence)
            else:
                self._alerts.resolve(self.RULE, change.at, evidence | {"usual": int(change.kind == "usual")})

    def _evidence(self, change: Change) -> Evidence:
        gone = [one for one in self._memberships.all if self._is_of(one, change)]
        return {
            "count": change.count,
            "expected": change.expected,
            "score": change.score,
            "threshold": change.threshold,
            "began_at": change.began_at,
            "ended_at": change.ended_at,
            "members": len(self._memberships.members),
            "by_channel": most(one.channel for one in gone),
            "by_cohort": most(date_of(day_of(one.joined_at, self._zone)).strftime("%Y-%m") for one in gone),
        }

    def _is_of(self, one: Membership, change: Change) -> bool:
        raise NotImplementedError


class LeavesWatch(_ChurnWatch):
    """churn_spike."""

    RULE, SLOTS = "churn_spike", 168

    def _is_of(self, one: Membership, change: Change) -> bool:
        return not one.member and change.began_at <= one.left_clock < change.ended_at


class FallsWatch(_ChurnWatch):
    """falling_silent."""

    RULE, SLOTS = "falling_silent", 7

    def _is_of(self, one: Membership, change: Change) -> bool:
        told = one.latest_day + self._silent_days + 1
        first, last = day_of(change.began_at, self._zone) + 1, day_of(change.ended_at, self._zone)
        return one.member and first <= told <= last


def most(names: Iterable[str]) -> dict[str, int]:
    """The 5 that occur most, ties by name, and all others together."""
    ranked = sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0]))
    found = dict(ranked[:MOST_NAMED])
    if others := sum(number for _, number in ranked[MOST_NAMED:]):
        found[OTHERS] = found.get(OTHERS, 0) + others
    return found
