"""Sums and numbers as the pages mean them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def add(values: Iterable[float]) -> float:
    """Their sum, one after another: `sum` does better from Python 3.12 on, and so otherwise."""
    total = 0.0
    for value in values:
        total += value
    return total


def single(x: float) -> float:
    """To single precision."""
    return float(np.float32(x))


def singles(values: Sequence[float]) -> list[float]:
    """Each to single precision."""
    found: list[float] = np.array(values, np.float64).astype(np.float32).astype(np.float64).tolist()
    return found
