"""Sets of up to 28 days as bits of a number."""

from __future__ import annotations

import numpy as np

from streams.compiled import Integer, compiled


@compiled
def bits_in(days: Integer) -> Integer:
    """How many bits of 28 are set."""
    bits = np.int64(days)
    bits -= (bits >> 1) & 0x55555555  # counts of two bits, then of four, then of all
    bits = (bits & 0x33333333) + ((bits >> 2) & 0x33333333)
    bits = (bits + (bits >> 4)) & 0x0F0F0F0F
    return (bits * 0x01010101 & 0xFFFFFFFF) >> 24
