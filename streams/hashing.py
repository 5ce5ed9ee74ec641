"""MurmurHash3 x64 128 (Austin Appleby, public domain), compiled.

One hash for everything here: which partition an entity lives in, indexes of keys, and the memory of recent
event ids (128 bits: among a billion ids the chance of any false match is below 1e-20).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streams.compiled import Integer, compiled

_C1 = np.uint64(0x87C37B91114253D5)
_C2 = np.uint64(0x4CF5AD432745937F)
_M1 = np.uint64(0xFF51AFD7ED558CCD)
_M2 = np.uint64(0xC4CEB9FE1A85EC53)
_N1 = np.uint64(0x52DCE729)
_N2 = np.uint64(0x38495AB5)
_FIVE = np.uint64(5)


@compiled
def _rotl(x: np.uint64, r: int) -> np.uint64:
    return (x << np.uint64(r)) | (x >> np.uint64(64 - r))


@compiled
def _mix(k: np.uint64) -> np.uint64:
    k ^= k >> np.uint64(33)
    k *= _M1
    k ^= k >> np.uint64(33)
    k *= _M2
    k ^= k >> np.uint64(33)
    return k


@compiled
def _word(data: npt.NDArray[np.uint8], start: Integer, count: Integer) -> np.uint64:
    word = np.uint64(0)
    for i in range(count):
        word |= np.uint64(data[start + i]) << np.uint64(8 * i)
    return word


@compiled
def murmur3_128(data: npt.NDArray[np.uint8], length: Integer) -> tuple[np.uint64, np.uint64]:
    """The two 64-bit halves of the hash of ``data[:length]``, seed 0."""
    h1 = np.uint64(0)
    h2 = np.uint64(0)
    blocks = length // 16
    for block in range(blocks):
        k1 = _word(data, block * 16, 8)
        k2 = _word(data, block * 16 + 8, 8)
        k1 *= _C1
        k1 = _rotl(k1, 31)
        k1 *= _C2
        h1 ^= k1
        h1 = _rotl(h1, 27)
        h1 += h2
        h1 = h1 * _FIVE + _N1
        k2 *= _C2
        k2 = _rotl(k2, 33)
        k2 *= _C1
        h2 ^= k2
        h2 = _rotl(h2, 31)
        h2 += h1
        h2 = h2 * _FIVE + _N2
    tail = length - blocks * 16
    if tail > 8:
        k2 = _word(data, blocks * 16 + 8, tail - 8)
        k2 *= _C2
        k2 = _rotl(k2, 33)
        k2 *= _C1
        h2 ^= k2
    if tail > 0:
        k1 = _word(data, blocks * 16, min(tail, 8))
        k1 *= _C1
        k1 = _rotl(k1, 31)
        k1 *= _C2
        h1 ^= k1
    h1 ^= np.uint64(length)
    h2 ^= np.uint64(length)
    h1 += h2
    h2 += h1
    h1 = _mix(h1)
    h2 = _mix(h2)
    h1 += h2
    h2 += h1
    return h1, h2


@compiled
def join_key(
    scratch: npt.NDArray[np.uint8],
    data1: npt.NDArray[np.uint8],
    start1: int,
    end1: int,
    data2: npt.NDArray[np.uint8],
    start2: int,
    end2: int,
) -> int:
    """Write two pieces of UTF-8 with 0xFF between them (no UTF-8 has that byte) to `scratch`; its length."""
    n = 0
    for i in range(start1, end1):
        scratch[n] = data1[i]
        n += 1
    scratch[n] = 0xFF
    n += 1
    for i in range(start2, end2):
        scratch[n] = data2[i]
        n += 1
    return n
