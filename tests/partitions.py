"""In which partition of the actions for a stage something lives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from streams.routing import targets
from streams.text import Text


def partition_among(partitions: int) -> Callable[[str, str], int]:
    """Of a group or a content (community_id, and its id) its partition, one of so many."""

    def found(community: str, name: str) -> int:
        target = np.zeros(1, np.int64)
        targets(Text.of(pa.array([community])), Text.of(pa.array([name])), partitions, target)
        return int(target[0])

    return found
