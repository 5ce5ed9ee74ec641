"""Whether a group is silent for longer than it ever is. See docs/silence.md.

As in `tests.reference.silence`, against which it is tested, but sums over the history are kept by the hour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import accumulate
from zoneinfo import ZoneInfo

from schemas.silence_rules import Silence as SilenceRules
from tests.oracle.calendar import DAY_MS, HOUR_MS
from tests.oracle.groups.arithmetic import add
from tests.oracle.groups.hours import QUARTER_MS, WEEK_HOURS, hour_of, hour_of_week, local_ms, week_of

ONE = 1 << 20
UNIT = 4096
"""Intensities, measures and levels are whole numbers of 1/4096."""
WEEKS = 32
LONGEST = 5
QUIET, SILENT = "group_quiet", "group_silence"


class Silence:
    """The posts of a group, its habit, its tail of gaps, and what is open."""

    def __init__(self, rules: SilenceRules, zone: ZoneInfo) -> None:
        self._rules, self._zone = rules, zone
        self.opened: dict[str, int] = {}
        """What is open, and since when."""
        self.last: int | None = None
        self._weights = [math.floor(ONE * 2 ** -(k / rules.half_life_weeks) + 0.5) for k in range(WEEKS)]

    def _begin(self, at: int) -> None:
        self.last = at
        self.first = self.now = hour_of(at, self._zone)
        self._posts = 1
        self._hours = {self.first}
        self._gaps: dict[int, list[int]] = {}
        self.rates = [0] * WEEK_HOURS
        self.levels = {QUIET: 0, SILENT: 0}
        self._watched = False
        self._deadlines: dict[str, int | None] | None = None

    def post(self, at: int) -> tuple[list[str], int]:
        """What resolves, and the gap that ends (ms)."""
        if self.last is None:
            self._begin(at)
            return [], 0
        if at <= self.last:
            self._posts += 1
            self._take_in(hour_of(at, self._zone))
            return [], 0
        gap, resolved = at - self.last, list(self.opened)
        self.opened = {}
        if gap > self._rules.tail_weeks * 7 * DAY_MS:
            self._begin(at)
            return resolved, gap
        hour, before = hour_of(at, self._zone), self.now
        kept = min(65_535, self.measure(self.last, at) // 32)
        if SILENT in resolved:
            kept = min(kept, self.levels[QUIET] // 32)
        today = hour // 24
        new_day = today > before // 24 and today >= self.first // 24 + 7
        self.now = max(self.now, hour)
        if kept:
            self._gaps.setdefault(week_of(self.now), []).append(kept)
        if new_day:
            self._set_habit(today)
            self._set_levels(today)
        self._posts += 1
        self._take_in(hour)
        self.last = at
        enough = self._posts >= self._rules.min_posts
        old = self.now - self.first >= self._rules.min_weeks * WEEK_HOURS
        self._watched, self._deadlines = enough and old and self.levels[SILENT] > 0, None
        return resolved, gap

    def _take_in(self, hour: int) -> None:
        self._hours.add(hour)
        self.now = max(self.now, hour)

    # --- habit and tail ---

    def _set_habit(self, today: int) -> None:
        end = today * 24
        week, reach = week_of(end), [0, *accumulate(self._weights)]
        seen = [0] * WEEK_HOURS
        for h in range(WEEK_HOURS):
            # Hours from first to the end of the day before, of this hour of the week: a run of whole weeks.
            newest = 0 if h < hour_of_week(end) else 1
            oldest = week - week_of(self.first) - (1 if h < hour_of_week(self.first) else 0)
            seen[h] = max(0, reach[min(oldest + 1, WEEKS)] - reach[newest])
        misses = list(seen)
        for hour in self._hours:
            age = week - week_of(hour)
            if self.first <= hour < end and age < WEEKS:
                misses[hour_of_week(hour)] -= self._weights[age]
        prior = ONE * self._rules.prior_weeks
        mean = (sum(misses) + ONE / 2) / (sum(seen) + ONE)
        of_day = [(sum(misses[d::24]) + prior * mean) / (sum(seen[d::24]) + prior) for d in range(24)]
        for h in range(WEEK_HOURS):
            none = (misses[h] + prior * of_day[h % 24]) / (seen[h] + prior)
            self.rates[h] = min(65_535, max(1, math.floor(0.5 - UNIT * math.log(none))))

    def _set_levels(self, today: int) -> None:
        week = week_of(today * 24)
        oldest = week - self._rules.tail_weeks + 1
        kept = sorted(
            (x for w in range(oldest, week + 1) for x in sorted(self._gaps.get(w, []))[-LONGEST:]),
            reverse=True,
        )
        self.levels = {QUIET: 0, SILENT: 0}
        count = len(kept) * 3 // 4
        if count >= 8:
            # The Monday of a week is day 7 * week - 3.
            watched = max(1, min(today - (self.first // 24 + 7), today + 3 - 7 * oldest))
            self.levels[QUIET] = self._level(kept, count, count * self._rules.quiet_days / watched)
            self.levels[SILENT] = self._level(kept, count, count * self._rules.return_days / watched)

    def _level(self, kept: list[int], count: int, times: float) -> int:
        """What is exceeded once in so many times `times`: a return level of a generalised Pareto tail."""
        threshold = kept[count]
        excesses = [gap - threshold for gap in kept[:count]]
        mean = sum(excesses) / count
        squares = add([(excess - mean) * (excess - mean) for excess in excesses])
        shape = 0.0
        if squares > 0:
            shape = (
                0.5 * (1 - mean * mean * (count - 1) / squares) * count / (count + self._rules.shape_doubt)
            )
            shape = min(max(shape, 0.0), self._rules.shape_max)
        scale = mean * (1 - shape)
        shape += 1 / count
        level: float = (threshold + scale * (max(1.0, times) ** shape - 1) / shape) * 32
        return min(2**32 - 1, math.ceil(level))

    # --- deadlines ---

    def measure(self, start: int, end: int) -> int:
        """The measure of a span, in 1/4096."""
        if not any(self.rates):
            return 0
        return sum(rate * (until - at) for at, until, rate in self._pieces(start, end)) // HOUR_MS

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """A span cut where hours end there, or at a quarter where clocks change; each with its intensity."""
        at = start
        while at < end:
            local = local_ms(at, self._zone)
            until = at + HOUR_MS - local % HOUR_MS
            if local_ms(until - 1, self._zone) - (until - 1) != local - at:
                until = (at // QUARTER_MS + 1) * QUARTER_MS
            yield at, min(end, until), self.rates[hour_of_week(local // HOUR_MS)]
            at = until

    def _deadline(self, level: int) -> int | None:
        """The first moment at which the gap since the latest post measures `level`."""
        assert self.last is not None
        left = level * HOUR_MS
        for at, until, rate in self._pieces(self.last, self.last + self._rules.tail_weeks * 7 * DAY_MS):
            if rate * (until - at) >= left:
                # At the very end of a piece is in the next one, which for the last of all is too late.
                reached = at + -(-left // rate)
                end = self.last + self._rules.tail_weeks * 7 * DAY_MS
                return max(reached, self.last + self._rules.min_hours * HOUR_MS) if reached < end else None
            left -= rate * (until - at)
        return None

    def due(self, limit: int) -> int | None:
        """When what comes next opens, if that is by `limit`."""
        return min((at for rule, at in self._ahead(limit).items() if rule not in self.opened), default=None)

    def pass_due(self, limit: int) -> tuple[str, int]:
        """What comes next opens, and when."""
        ahead = self._ahead(limit)
        rule = min((rule for rule in ahead if rule not in self.opened), key=lambda rule: ahead[rule])
        self.opened[rule] = ahead[rule]
        return rule, ahead[rule]

    def _ahead(self, limit: int) -> dict[str, int]:
        """The deadlines, or none of them while the earliest that they can be is after `limit`."""
        if self.last is None or self.last + self._rules.min_hours * HOUR_MS > limit:
            return {}
        if self._deadlines is None:
            levels = self.levels if self._watched else {}
            self._deadlines = {rule: self._deadline(level) for rule, level in levels.items()}
        return {rule: at for rule, at in self._deadlines.items() if at is not None}
