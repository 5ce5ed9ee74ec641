"""Ads of members in bursts. See docs/groups.md, Ads."""

from __future__ import annotations

from schemas.rules import CommunityRules
from tests.oracle.calendar import MINUTE_MS
from tests.oracle.groups.alerts import Alerts

MOST_REMEMBERED = 16
RULE = "spam_burst"


class Spam:
    """The latest ads of members in a group."""

    def __init__(self, rules: CommunityRules, alerts: Alerts) -> None:
        self._span_ms = rules.groups.spam_minutes * MINUTE_MS
        self._least = rules.groups.spam_ads
        self._alerts = alerts
        self._moments: list[int] = []
        self._latest_clock = 0

    def ad(self, moment: int, clock: int) -> None:
        """One more, in the window or not."""
        self._moments = [*self._moments, moment][-MOST_REMEMBERED:]
        self._latest_clock = clock
        burst = sum(moment - self._span_ms < one <= moment for one in self._moments)
        if burst >= self._least:
            self._alerts.open(RULE, clock, {"ads": burst})

    def due(self, _limit: int) -> int | None:
        """When the burst is over."""
        return self._latest_clock + self._span_ms if self._alerts.is_open(RULE) else None

    def pass_due(self) -> None:
        """The burst is over."""
        self._alerts.resolve(RULE, self._latest_clock + self._span_ms, {"ads": 0})
