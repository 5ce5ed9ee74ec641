"""What people would use instead of `streams.groups.silence`: hour-of-week Poisson, a fixed timeout."""

from __future__ import annotations

import math

import numpy as np

from schemas.rules import HOUR_MS
from streams.calendar import WEEK_HOURS, Zone, hour_of, hour_of_week
from streams.columnar import Array
from streams.compiled import Integer, compiled
from streams.groups.silence import NEVER, WEEK_MS

MIN_POSTS, MIN_WEEKS, MIN_MS = 50, 4, 6 * HOUR_MS
HALF_LIFE_WEEKS = 8.0


@compiled
def _poisson_deadline(counts: Array, exposure: float, zone: Zone, last: Integer, need: float) -> Integer:
    """When the posts expected since the last one are `need`."""
    expected = 0.0
    at = last
    while at < last + 8 * WEEK_MS:
        hour = hour_of(zone, at)
        until = at + HOUR_MS - at % HOUR_MS
        more = counts[hour_of_week(hour)] / exposure * ((until - at) / HOUR_MS)
        if expected + more >= need:
            return at + np.int64((until - at) * (need - expected) / more)
        expected += more
        at = until
    return np.int64(NEVER)


@compiled
def poisson(posts: Array, zone: Zone, chance: float, deadlines: Array) -> None:
    """After each post, the moment at which the chance of no post this long is less than `chance`.

    Expected posts are those of each hour of the week, decayed with a half-life of `HALF_LIFE_WEEKS`.
    """
    counts = np.zeros(WEEK_HOURS)
    decay = math.log(2.0) / (HALF_LIFE_WEEKS * WEEK_MS)
    first = posts[0]
    for i in range(len(posts)):
        age = posts[i] - first
        counts[hour_of_week(hour_of(zone, posts[i]))] += math.exp(decay * age)  # decayed from the end
        deadlines[i] = NEVER
        if i + 1 >= MIN_POSTS and age >= MIN_WEEKS * WEEK_MS:
            exposure = (math.exp(decay * age) - 1.0) / (decay * WEEK_MS)
            deadline = _poisson_deadline(counts, exposure, zone, posts[i], -math.log(chance))
            deadlines[i] = max(deadline, posts[i] + MIN_MS)


@compiled
def timeout(posts: Array, hours: Integer, deadlines: Array) -> None:
    """After each post, so many hours later, once there is as much history as the others ask for."""
    for i in range(len(posts)):
        deadlines[i] = NEVER
        if i + 1 >= MIN_POSTS and posts[i] - posts[0] >= MIN_WEEKS * WEEK_MS:
            deadlines[i] = posts[i] + hours * HOUR_MS
