"""Which partition an entity lives in: a hash of our own, so the app's partitioner does not matter."""

from __future__ import annotations

import numpy as np

from streams.columnar import Array, Bytes
from streams.compiled import KEY_ROOM, compiled
from streams.hashing import join_key, murmur3_128
from streams.text import Text


def targets(community: Text, key: Text, partitions: int, target: Array) -> None:
    """Fill `target` with the partition of each (community, key)."""
    _fill(community, key, partitions, target, np.empty(KEY_ROOM, np.uint8))


@compiled
def _fill(community: Text, key: Text, partitions: int, target: Array, scratch: Bytes) -> None:
    for i in range(len(target)):
        n = join_key(
            scratch,
            community.data, community.offsets[i], community.offsets[i + 1],
            key.data, key.offsets[i], key.offsets[i + 1],
        )  # fmt: skip
        h1, _ = murmur3_128(scratch, n)
        target[i] = np.int64(h1 % np.uint64(partitions))
