"""Staff posts that wait to be heard. See docs/groups.md, Heard."""

from __future__ import annotations

from schemas.rules import CommunityRules
from tests.oracle.calendar import MINUTE_MS
from tests.oracle.groups.days import Days

MOST_REMEMBERED = 8


class Heard:
    """The latest staff posts of a group that no member's post has followed yet."""

    def __init__(self, rules: CommunityRules, days: Days) -> None:
        self._heard_ms = rules.groups.heard_minutes * MINUTE_MS
        self._days = days
        self._waiting: list[tuple[int, int]] = []
        """Moment and day."""

    def staff_post(self, moment: int, day: int) -> None:
        """One in the window; a ninth drops the first."""
        self._waiting = [*self._waiting, (moment, day)][-MOST_REMEMBERED:]

    def member_post(self, moment: int) -> None:
        """It makes those heard that it follows soon enough."""
        heard = [one for one in self._waiting if one[0] <= moment <= one[0] + self._heard_ms]
        self._waiting = [one for one in self._waiting if one not in heard]
        for _, day in heard:
            self._days.count(day, "heard")
