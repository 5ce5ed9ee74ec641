"""A row of the view `users`, read by the rules of its community: scores, days and windows."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.rules import DAY_MS, CommunityRules
from streams.users.zones import zone_table

WINDOW_DAYS = 28
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Since 1970; a moment without a zone is UTC, as ClickHouse's client gives them."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(milliseconds=1)


class Standing:
    """One person as of their row, `now` in ms."""

    def __init__(self, row: Mapping[str, Any], rules: CommunityRules, now: int) -> None:
        self.row = row
        self.rules = rules
        self.now = now
        self._moments, self._offsets = zone_table(rules.time_zone)
        self.last_at = self.at("last_at")
        self.last_day = self.day(self.last_at)
        self.active_days: int = row["active_days_28"]
        self.done: int = row["posts"] + row["shares"] + row["purchases"] + row["views"]

    def at(self, name: str) -> int:
        """A moment of the row, in ms; 0 for none."""
        return milliseconds(self.row[name])

    def day(self, moment: int) -> int:
        """The day of a moment where the community is."""
        return (moment + self._offsets[bisect_right(self._moments, moment) - 1]) // DAY_MS

    def start(self, day: int) -> int:
        """The first moment whose day is this one or a later one."""
        ends = [*self._moments[1:], 2**62]
        starts = zip(self._moments, ends, self._offsets, strict=True)
        return next(m for begin, end, offset in starts if (m := max(begin, day * DAY_MS - offset)) < end)

    def score(self, moment: int) -> float:
        """The activity score as of a moment."""
        return self._faded("score", "score_at", self.rules.score_half_life_days, moment)

    def intent_score(self, moment: int) -> float:
        """The intent score as of a moment."""
        return self._faded("intent_score", "intent_at", self.rules.intent.half_life_days, moment)

    def score_below(self, threshold: float) -> int:
        """From when on the activity score is below a threshold."""
        return self._below("score", "score_at", self.rules.score_half_life_days, threshold)

    def intent_below(self, threshold: float) -> int:
        """From when on the intent score is below a threshold."""
        return self._below("intent_score", "intent_at", self.rules.intent.half_life_days, threshold)

    def fewer_days(self, least: int) -> tuple[int, int]:
        """When fewer than `least` of 28 days are active, if no more come: at the earliest, at the latest.

        A day takes at most one active day out of the window; and the active days can't be more recent than
        all in a row up to the last.
        """
        if self.active_days < least:
            return self.start(self.last_day), self.start(self.last_day)
        return (
            self.start(self.last_day + self.active_days - least + 1),
            self.start(self.last_day + WINDOW_DAYS - least + 1),
        )

    def window_ends(self) -> tuple[int, int]:
        """When the first, and the last, of the 28 days up to the last active one is out of the window."""
        return self.start(self.last_day + 1), self.start(self.last_day + WINDOW_DAYS)

    def _faded(self, name: str, at_name: str, half_life_days: float, moment: int) -> float:
        value: float = self.row[name]
        age = moment - self.at(at_name)
        return value * math.exp2(-age / (half_life_days * DAY_MS)) if age > 0 else value

    def _below(self, name: str, at_name: str, half_life_days: float, threshold: float) -> int:
        value: float = self.row[name]
        if value < threshold:
            return self.at(at_name)
        return self.at(at_name) + math.floor(half_life_days * DAY_MS * math.log2(value / threshold)) + 1
