"""What becomes of those who join a generated group: gone within days, fallen silent, or staying."""

from __future__ import annotations

import numpy as np

from bench.quality.group_events import DAYS, Floats

EARLY_DAYS = 7
LEAVERS = 0.6
"""Part of those who go early who leave; the others fall silent within three days."""
QUICK_DAYS = 2.5
"""Who leaves early leaves after days of an exponential of this mean, cut at `EARLY_DAYS`."""
STAY_DAYS = 150.0
"""Who stays leaves after `EARLY_DAYS` and an exponential of this mean."""
WATCHED_DAYS = 28
"""Looks are generated for so long: later ones make no difference to any symptom."""
_CUT = 1 - np.exp(-EARLY_DAYS / QUICK_DAYS)


def fates(rng: np.random.Generator, early: Floats, rush: Floats) -> tuple[Floats, Floats]:
    """Days until each of them leaves (infinite: never), and for how many days they look in.

    Each leaves within days with chance `rush`; of the others each goes early with chance `early`.
    """
    count = len(early)
    rushed = rng.uniform(0, 1, count) < rush
    goes = ~rushed & (rng.uniform(0, 1, count) < early)
    leaves = rushed | (goes & (rng.uniform(0, 1, count) < LEAVERS))
    silent = goes & ~leaves
    quick = -QUICK_DAYS * np.log(1 - rng.uniform(0, 1, count) * _CUT)
    late = EARLY_DAYS + rng.exponential(STAY_DAYS, count)
    left = np.where(leaves, quick, np.where(silent, np.inf, late))
    return left, np.where(silent, rng.uniform(0, 3, count), np.minimum(left, WATCHED_DAYS))


def gone_part(early: Floats, rush: Floats) -> Floats:
    """Of those who join on each day: the part gone early, either way."""
    return np.asarray(rush + (1 - rush) * early)


def expected_leaves(joins: Floats, early: Floats, rush: Floats) -> Floats:
    """Leaves of each day, of those who joined at these rates."""
    soon = np.diff(1 - np.exp(-np.arange(EARLY_DAYS + 1) / QUICK_DAYS)) / _CUT
    age = np.arange(DAYS) - EARLY_DAYS
    later = np.where(age >= 0, np.exp(-age / STAY_DAYS) / STAY_DAYS, 0)
    quick = joins * (rush + (1 - rush) * early * LEAVERS)
    stay = joins * (1 - gone_part(early, rush))
    return np.asarray(np.convolve(quick, soon)[:DAYS] + np.convolve(stay, later)[:DAYS])
