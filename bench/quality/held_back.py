"""Where nobody answers staff: members' posts wait until half an hour after a staff post is over."""

from __future__ import annotations

import numpy as np

from bench.quality.group_events import Flags, Floats, Moments
from bench.quality.rhythm import START_MS
from schemas.rules import DAY_MS, HOUR_MS

HEARD_H = 0.5
SAMPLES = 300


def held_back(rng: np.random.Generator, t: Moments, staff_t: Moments, inside: Flags) -> Moments:
    """When posts come that wait for the end of half an hour; `inside` is of hours since `START_MS`."""
    for _ in range(4):
        last = np.searchsorted(staff_t, t, "right") - 1
        since = np.where(last >= 0, t - staff_t[np.maximum(last, 0)], DAY_MS)
        late = (since <= HEARD_H * HOUR_MS) & inside[np.clip((t - START_MS) // HOUR_MS, 0, len(inside) - 1)]
        wait = HEARD_H * HOUR_MS + rng.exponential(HOUR_MS / 3, len(t))
        t = np.where(late, t - since + wait.astype(np.int64), t)
    return t


def parts_in_time(
    rng: np.random.Generator, benefits: Moments, staff_t: Moments, inside: Flags, drawn_power: float
) -> tuple[Floats, Floats]:
    """Of the posts of each benefit's hour: parts that are still in it, of usual posts and of those drawn.

    Usual ones may come from the hours before, too. By posts at even steps in place of all of them.
    """
    parts, steps = [], (np.arange(SAMPLES) + 0.5)[:, None] / SAMPLES
    for span, power in ((3, 1.0), (1, drawn_power)):
        at = steps**power * span - (span - 1)
        t = benefits + (at * HOUR_MS).astype(np.int64)
        t = held_back(rng, t.ravel(), staff_t, inside).reshape(t.shape)
        parts.append(span * np.mean((t >= benefits) & (t < benefits + HOUR_MS), axis=0))
    return parts[0], parts[1]
