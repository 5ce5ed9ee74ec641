"""Generated leaves: how people leave groups, with the rhythm and the scatter of real ones, and a spike.

Leaves an hour are negative binomial around a rate with the rhythm of a day and a week, in local time. Worlds
make it harder: a level that wanders, days that vary as a whole, people who leave together, growth. Nothing
here knows how a detector works.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.rules import DAY_MS, HOUR_MS
from streams.calendar import Zone

Moments = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

START_MS = 1_757_894_400_000
"""Monday 2025-09-15 UTC."""
WEEKS = 26
END_MS = START_MS + WEEKS * 7 * DAY_MS
LEARNING_WEEKS = 5
"""Part of a week, and four whole ones: no spike begins in them or in the week after."""
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Sydney",
)  # fmt: skip
TIMES = 3.0
SPIKE_DAYS = 3


@dataclass(frozen=True)
class World:
    """What leaves are like beside rhythm and chance."""

    name: str
    wander: float = 0.0
    """Standard deviation of the level from week to week, an AR(1) of logarithms with memory 0.8."""
    days_vary: float = 0.0
    """Coefficient of variation of whole days."""
    together: float = 1.0
    """How many leave at once, on average (geometric)."""
    holidays: int = 0
    """Days with 0.3 of the usual."""
    growth: float = 1.0
    """How many times more leave at the end than at the start, exponentially."""
    scatter: tuple[float, float] = (1.0, 10.0)
    """Range of r, log-uniform; the variance of an hour is mu + mu^2 / r."""


PLAIN = World("negative binomial, rhythm of day and week")
HARDER = (
    World("the level wanders by 6 %", wander=0.06),
    World("the level wanders by 15 %", wander=0.15),
    World("days vary as a whole by 25 %", days_vary=0.25),
    World("r of 0.3 to 1 an hour", scatter=(0.3, 1.0)),
    World("people leave in twos (geometric)", together=2.0),
    World("10 holidays with 0.3 x", holidays=10),
    World("twice as many after half a year", growth=2.0),
    World("four times as many after half a year", growth=4.0),
    World("half as many after half a year", growth=0.5),
)


class Group(NamedTuple):
    """A generated group."""

    zone: str
    leaves: Moments
    usual: Floats
    """What to expect of each hour from `START_MS` on but for the spike, and"""
    spread: float
    """its true spread."""
    spike_at: int
    spike_end: int


def generate(world: World, a_day: float, seed: tuple[int, ...], days: int = SPIKE_DAYS) -> Group:
    """Half a year of one group that `a_day` people usually leave a day; the same for the same seed."""
    rng = np.random.default_rng(seed)
    name = str(rng.choice(ZONES))
    zone = Zone.of(name)
    moments = START_MS + np.arange(WEEKS * 168, dtype=np.int64) * HOUR_MS
    local = (moments + zone.offsets[np.searchsorted(zone.starts, moments, "right") - 1]) // HOUR_MS
    week = _week(rng)
    rate = a_day / 24 * week[(local + 72) % 168] / week.mean()
    age = np.arange(len(rate)) / len(rate)
    rate *= np.exp(np.repeat(_wander(rng, WEEKS, world.wander, 0.8), 168)) * world.growth ** (age - 0.5)
    day = (local // 24 - local[0] // 24).astype(np.int64)
    if world.days_vary:
        shape = world.days_vary**-2
        rate *= rng.gamma(shape, 1 / shape, day[-1] + 1)[day]
    for holiday in rng.integers(0, day[-1] + 1, world.holidays):
        rate[day == holiday] *= 0.3
    first = int(rng.integers((LEARNING_WEEKS + 1) * 168, WEEKS * 168 - 24 * days))
    usual = rate.copy()
    rate[first : first + 24 * days] *= TIMES
    r = float(np.exp(rng.uniform(*np.log(world.scatter))))
    counts = rng.poisson(rng.gamma(r, rate / world.together / r))
    leaves = np.repeat(moments, counts) + rng.integers(0, HOUR_MS, int(counts.sum()))
    if world.together > 1:
        sizes = rng.geometric(1 / world.together, len(leaves))
        leaves = np.repeat(leaves, sizes) + rng.integers(0, 5 * 60_000, int(sizes.sum()))
    spike_at = START_MS + first * HOUR_MS
    return Group(name, np.sort(leaves), usual, 1 / r, spike_at, spike_at + days * DAY_MS)


def _week(rng: np.random.Generator) -> Floats:
    """The relative rate of each hour of the week: nights, one or two peaks, weekends of their own."""
    hours = np.arange(24) + 0.5

    def bump(centre: float, width: float) -> Floats:
        return np.asarray(np.exp((np.cos((hours - centre) * np.pi / 12) - 1) * (12 / np.pi / width) ** 2))

    noon, evening = rng.uniform(9, 14), rng.uniform(18, 22)
    early, night = rng.uniform(0.2, 1.2), rng.uniform(0.03, 0.25)
    workday = night + early * bump(noon, 3.0) + bump(evening, 3.0)
    later = rng.uniform(0, 3)
    weekend = night + rng.uniform(0.3, 1.2) * bump(noon + later, 4.0) + bump(evening + later / 2, 3.0)
    days = rng.lognormal(0, 0.12, 7) * np.array([1.0] * 5 + [rng.uniform(0.4, 1.5)] * 2)
    return np.concatenate([days[d] * (workday if d < 5 else weekend) for d in range(7)])


def _wander(rng: np.random.Generator, steps: int, sd: float, memory: float) -> Floats:
    """An AR(1) around 0."""
    out = np.empty(steps)
    value = rng.normal(0, sd)
    for i in range(steps):
        out[i] = value
        value = memory * value + rng.normal(0, sd * np.sqrt(1 - memory**2))
    return out
