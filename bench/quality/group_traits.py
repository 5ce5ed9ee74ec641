"""What generated groups are like: sizes, habits, the rhythm of a week, and levels that wander."""

from __future__ import annotations

import numpy as np

from bench.quality.group_events import DAYS, WEEKS, Floats, Traits


def traits(rng: np.random.Generator, most_in_talk: float, least_posts: float) -> Traits:
    """What one group is like; `most_in_talk` posts a conversation at most, on average."""
    posts = float(np.exp(rng.uniform(np.log(least_posts), np.log(200))))
    return Traits(
        posts_a_day=posts,
        in_talk=float(np.exp(rng.uniform(0, np.log(min(most_in_talk, posts))))),
        day_shape=rng.uniform(4, 20),
        joins_a_day=rng.uniform(0.3, 1.2) * posts**0.5,
        joins_shape=rng.uniform(4, 20),
        early=rng.uniform(0.03, 0.2),
        looks_a_day=rng.uniform(0.5, 1.5),
        base_leaves=rng.uniform(0.2, 0.8),
        staff_a_day=rng.uniform(0.4, 1.6) * posts**0.5,
        answered=rng.uniform(0.35, 0.9),
        ads=0.15 * rng.uniform() ** 2,
        lift=rng.uniform(1.0, 1.2) if rng.uniform() < 0.2 else rng.uniform(1.7, 4.0),
        benefits_a_week=int(rng.choice([2, 3, 5, 7])),
        fixed_hour=bool(rng.uniform() < 0.5),
    )


def _bump(centre: float, width: float) -> Floats:
    hours = np.arange(24) + 0.5
    return np.asarray(np.exp((np.cos((hours - centre) * np.pi / 12) - 1) * (12 / np.pi / width) ** 2))


def week(rng: np.random.Generator, noon: float, evening: float, night: float, weekend: float) -> Floats:
    """The relative rate of each hour of a week, of mean 1."""
    day = night + noon * _bump(rng.uniform(10, 14), 3.0) + evening * _bump(rng.uniform(18, 21.5), 2.5)
    rates = np.outer(rng.lognormal(0, 0.12, 7) * np.array([1.0] * 5 + [weekend] * 2), day).ravel()
    return np.asarray(rates / rates.mean())


def wander(rng: np.random.Generator) -> Floats:
    """A factor of each day that wanders around 1 from week to week: the exponential of an AR(1)."""
    sd = rng.uniform(0.05, 0.25)
    logs, value = np.empty(WEEKS + 1), rng.normal(0, sd)
    for i in range(WEEKS + 1):
        logs[i] = value
        value = 0.7 * value + rng.normal(0, sd * np.sqrt(1 - 0.49))
    return np.repeat(np.exp(logs), 7)[:DAYS]
