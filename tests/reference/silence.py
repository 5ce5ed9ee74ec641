"""Group silence computed from the definition (docs/silence.md) alone: all posts are kept, all is recomputed.

Nothing of streams/ is used, and no numpy: time zones are the standard library's, habits are counted hour by
hour over the whole history, gaps are measured a quarter of an hour at a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from schemas.silence_rules import Silence

HOUR_MS = 3_600_000
QUARTER_MS = HOUR_MS // 4
WEEK_MS = 168 * HOUR_MS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def local_hour(zone: str, quarter: int) -> int:
    """The hour number of a quarter of an hour since 1970 UTC; no zone changes its clocks within one."""
    moment = EPOCH + timedelta(milliseconds=quarter * QUARTER_MS)
    offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None
    return (quarter * QUARTER_MS + offset // timedelta(milliseconds=1)) // HOUR_MS


@dataclass
class Group:
    """A group, its posts in the order in which they came, and what follows from them."""

    rules: Silence
    zone: str
    posts: list[int] = field(default_factory=list)
    """ms, since the history began."""
    gaps: list[tuple[int, int]] = field(default_factory=list)
    """Each gap that ended: the hour number of the latest post by then, and what is kept of it."""
    habit: list[int] | None = None
    quiet_level: int = 0
    silent_level: int = 0
    quiet_at: int | None = None
    silent_at: int | None = None
    quiet: bool = False
    silent: bool = False

    def hour(self, at: int) -> int:
        """The hour number of a moment (ms)."""
        return local_hour(self.zone, at // QUARTER_MS)

    @property
    def latest_hour(self) -> int:
        """The highest hour number of a post."""
        return max(map(self.hour, self.posts))

    def pass_time(self, to: int) -> list[tuple[str, int]]:
        """What opens until a moment, that included, and when."""
        opened: list[tuple[str, int]] = []
        if self.quiet_at is not None and self.quiet_at <= to and not self.quiet:
            self.quiet = True
            opened.append(("quiet", self.quiet_at))
        if self.silent_at is not None and self.silent_at <= to and not self.silent:
            self.silent = True
            opened.append(("silent", self.silent_at))
        return opened

    def post(self, at: int) -> tuple[bool, bool, int]:
        """What was open and resolves (quiet, silent), and the gap that ends (ms)."""
        if not self.posts or at <= max(self.posts):
            self.posts.append(at)
            return False, False, 0
        last, latest, was = max(self.posts), self.latest_hour, (self.quiet, self.silent)
        self.quiet = self.silent = False
        if at - last > self.rules.tail_weeks * WEEK_MS:
            self.posts, self.gaps, self.habit = [at], [], None
            self.quiet_at = self.silent_at = None
            self.quiet_level = self.silent_level = 0
            return *was, at - last
        kept = min(65_535, self.measure(last, at) // HOUR_MS // 32)
        if was[1]:
            kept = min(kept, self.quiet_level // 32)
        self.gaps.append((max(latest, self.hour(at)), kept))
        if self.hour(at) // 24 > latest // 24 and self.hour(at) // 24 >= self.hour(self.posts[0]) // 24 + 7:
            self.set_habit(self.hour(at))
            self.set_levels(self.hour(at))
        self.posts.append(at)
        enough = len(self.posts) >= self.rules.min_posts
        old = self.latest_hour - self.hour(self.posts[0]) >= self.rules.min_weeks * 168
        self.quiet_at = self.silent_at = None
        if enough and old and self.silent_level:
            self.quiet_at = self.deadline(self.quiet_level)
            self.silent_at = self.deadline(self.silent_level)
        return *was, at - last

    def measure(self, start: int, end: int) -> int:
        """The measure of a gap; parts of 1/4096 times ms."""
        return sum(
            self.rate(quarter) * (min(end, (quarter + 1) * QUARTER_MS) - max(start, quarter * QUARTER_MS))
            for quarter in range(start // QUARTER_MS, -(-end // QUARTER_MS))
        )

    def rate(self, quarter: int) -> int:
        """The intensity at a quarter of an hour since 1970."""
        return self.habit[(local_hour(self.zone, quarter) + 72) % 168] if self.habit else 0

    def deadline(self, level: int) -> int | None:
        """The first moment at which the gap since the latest post measures `level`."""
        last = max(self.posts)
        end = last + self.rules.tail_weeks * WEEK_MS
        at, left = last, level * HOUR_MS
        while at < end:
            until = min(end, (at // QUARTER_MS + 1) * QUARTER_MS)
            rate = self.rate(at // QUARTER_MS)
            if rate * (until - at) >= left:
                reached = at + -(-left // rate)
                return max(reached, last + self.rules.min_hours * HOUR_MS) if reached < end else None
            left -= rate * (until - at)
            at = until
        return None

    def set_habit(self, now: int) -> None:
        """The intensity of each hour of the week, from the days before that of the hour number `now`."""
        one = 2**20
        weights = [math.floor(one * 2 ** -(k / self.rules.half_life_weeks) + 0.5) for k in range(32)]
        prior = one * self.rules.prior_weeks
        first, today = self.hour(self.posts[0]), now // 24 * 24
        with_post = set(map(self.hour, self.posts))
        seen, misses = [0] * 168, [0] * 168
        for hour in range(first, today):
            age = (now + 72) // 168 - (hour + 72) // 168
            if age < 32:
                seen[(hour + 72) % 168] += weights[age]
                misses[(hour + 72) % 168] += 0 if hour in with_post else weights[age]
        mean = (sum(misses) + one / 2) / (sum(seen) + one)
        self.habit = [0] * 168
        for h in range(168):
            of_day = (sum(misses[h % 24 :: 24]) + prior * mean) / (sum(seen[h % 24 :: 24]) + prior)
            none = (misses[h] + prior * of_day) / (seen[h] + prior)
            self.habit[h] = min(65_535, max(1, math.floor(0.5 - 4096 * math.log(none))))

    def set_levels(self, now: int) -> None:
        """The levels, from the longest gaps of each of the last weeks."""
        week = (now + 72) // 168
        oldest = week - self.rules.tail_weeks + 1
        kept: list[int] = []
        for w in range(oldest, week + 1):
            of_week = [gap for hour, gap in self.gaps if (hour + 72) // 168 == w and gap > 0]
            kept += sorted(of_week, reverse=True)[:5]
        kept.sort(reverse=True)
        count = len(kept) * 3 // 4
        self.quiet_level = self.silent_level = 0
        if count >= 8:
            first_day = self.hour(self.posts[0]) // 24 + 7
            days = max(1, min(now // 24 - first_day, (now + 72) // 24 - 7 * oldest))
            self.quiet_level = self.level(kept, count, days, self.rules.quiet_days)
            self.silent_level = self.level(kept, count, days, self.rules.return_days)

    def level(self, kept: list[int], count: int, days: int, return_days: int) -> int:
        """The return level of a generalised Pareto tail, parts of 1/4096."""
        threshold = kept[count]
        excesses = [gap - threshold for gap in kept[:count]]
        mean = sum(excesses) / count
        squares = 0.0
        for excess in excesses:
            squares += (excess - mean) * (excess - mean)
        shape = 0.0
        if squares > 0:
            shape = 0.5 * (1 - mean * mean * (count - 1) / squares) * count / (count + self.rules.shape_doubt)
            shape = min(max(shape, 0.0), self.rules.shape_max)
        scale = mean * (1 - shape)
        shape += 1 / count
        expected = max(1.0, count * return_days / days)
        level: float = (threshold + scale * (expected**shape - 1) / shape) * 32
        return min(2**32 - 1, math.ceil(level))
