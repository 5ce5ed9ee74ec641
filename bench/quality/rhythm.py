"""Generated communities: when the members of a group post, with the rhythm and the noise of real ones.

A group's rate of conversations in an hour is the product of what people's lives do to it: the hour of the day
and the day of the week in their time zone, holidays of their community, a slow drift, weeks and days that
happen to be busy or quiet. A conversation is a burst of posts a few minutes apart. So counts are far more
variable than a Poisson's: gamma days and geometric conversations make them negative binomial and worse.
Nothing here knows how a detector works.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streams.users.zones import zone_table

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
START_MS = 1_757_894_400_000
"""Monday 2025-09-15 UTC: the half-year from there has the end of summer time and the holidays of winter."""

ZONES = (
    "UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles", "America/Sao_Paulo",
    "Asia/Shanghai", "Asia/Kolkata", "Australia/Sydney",
)  # fmt: skip
GROUPS_A_COMMUNITY = 8

Moments = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """One generated group and what happened in it."""

    zone: str
    kind: str
    posts_a_day: float
    posts: Moments
    """ms, in order."""


def groups(count: int, weeks: int, seed: int) -> list[Group]:
    """So many groups, in communities that share a time zone and holidays; the same for the same seed."""
    found: list[Group] = []
    for community in range(-(-count // GROUPS_A_COMMUNITY)):
        rng = np.random.default_rng((seed, community))
        zone = str(rng.choice(ZONES))
        holidays = _holidays(rng, weeks * 7)
        for _ in range(min(GROUPS_A_COMMUNITY, count - len(found))):
            found.append(_group(rng, zone, holidays, weeks))
    return found


def local_hours(zone: str, weeks: int) -> tuple[Moments, Moments]:
    """Of each hour since `START_MS`: its hour of the week there (0: Monday at midnight), its local day."""
    starts, offsets = (np.array(part, np.int64) for part in zone_table(zone))
    hours = START_MS + np.arange(weeks * 168, dtype=np.int64) * HOUR_MS
    local = hours + offsets[np.searchsorted(starts, hours, "right") - 1]
    day = local // DAY_MS
    return (local // HOUR_MS + 72) % 168, day - START_MS // DAY_MS


def _holidays(rng: np.random.Generator, days: int) -> Floats:
    """How much of a holiday each day is, 0 to 1: a long one in half a year, and single days."""
    much = np.zeros(days + 2)
    for _ in range(max(1, round(days / 182))):
        first = int(rng.integers(0, days - 12))
        much[first : first + int(rng.integers(4, 11))] = rng.uniform(0.5, 1.0)
    for day in rng.integers(0, days, round(days / 45)):
        much[day] = max(much[day], rng.uniform(0.3, 1.0))
    return much


def _bump(centre: float, width: float) -> Floats:
    """A bump of height 1 over the hours of a day, around midnight, too."""
    hours = np.arange(24) + 0.5
    return np.asarray(np.exp((np.cos((hours - centre) * np.pi / 12) - 1) * (12 / np.pi / width) ** 2))


def _week(rng: np.random.Generator, kind: str) -> Floats:
    """The relative rate of each hour of a week."""
    shift = rng.normal(0, 1.0)
    if kind == "work":
        day = _bump(10.5 + shift, 2.2) + rng.uniform(0.6, 1.0) * _bump(15 + shift, 2.2)
        night, weekend = rng.uniform(0.005, 0.05), rng.uniform(0.05, 0.4)
    elif kind == "leisure":
        day = rng.uniform(0.2, 0.6) * _bump(12.5 + shift, 2.0) + _bump(20.5 + shift, 2.0)
        night, weekend = rng.uniform(0.01, 0.08), rng.uniform(0.8, 1.6)
    else:  # people of several zones
        day = _bump(14 + shift, 4.5)
        night, weekend = rng.uniform(0.1, 0.3), rng.uniform(0.5, 1.0)
    days = rng.lognormal(0, 0.15, 7) * np.array([1.0] * 5 + [weekend] * 2)
    return np.asarray(np.outer(days, day + night).ravel())


def _wander(rng: np.random.Generator, steps: int, sd: float, memory: float) -> Floats:
    """Logarithms that wander around 0 (an AR(1)), one a step."""
    noise = rng.normal(0, sd * np.sqrt(1 - memory**2), steps)
    value = rng.normal(0, sd)
    out = np.empty(steps)
    for i in range(steps):
        value = memory * value + noise[i]
        out[i] = value
    return out


def _group(rng: np.random.Generator, zone: str, holidays: Floats, weeks: int) -> Group:
    posts_a_day = float(np.exp(rng.uniform(np.log(2), np.log(200))))
    kind = str(rng.choice(["work", "leisure", "mixed"]))
    week = _week(rng, kind)
    hour_of_week, day = local_hours(zone, weeks)
    day = np.clip(day, 0, len(holidays) - 1)
    days = len(holidays)
    drift = rng.uniform(-1, 1) * np.log(2) * (np.arange(days) / days - 0.5)
    wander = np.repeat(_wander(rng, days // 7 + 1, rng.uniform(0.1, 0.3), 0.7), 7)[:days]
    shape = rng.uniform(4, 20)
    daily = rng.gamma(shape, 1 / shape, days)
    quiet = rng.uniform(0.4, 0.85) if kind == "work" else rng.uniform(-0.2, 0.6)
    daily *= np.exp(drift + wander) * (1 - quiet * holidays)
    in_burst = float(np.exp(rng.uniform(0, np.log(min(8.0, posts_a_day)))))
    hourly = posts_a_day / 24 / in_burst * week[hour_of_week] / week.mean() * daily[day]
    bursts = np.repeat(np.arange(weeks * 168), rng.poisson(hourly))
    begun = START_MS + ((bursts + rng.uniform(0, 1, len(bursts))) * HOUR_MS).astype(np.int64)
    sizes = rng.geometric(1 / in_burst, len(begun))
    steps = (rng.lognormal(np.log(2.0), 1.0, int(sizes.sum())) * 60_000).astype(np.int64)
    firsts = np.cumsum(sizes) - sizes
    steps[firsts] = 0
    sums = np.cumsum(steps)
    posts = np.repeat(begun - sums[firsts], sizes) + sums
    end = START_MS + weeks * WEEK_MS
    return Group(zone, kind, posts_a_day, np.sort(posts[posts < end]))
