"""Whose rules are whose, for a column of communities."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from schemas.rules import Rules
from streams.columnar import Array


def rule_numbers(rules: Rules, community: pa.StringArray) -> Array:
    """Of each community the number of its rules in `Rules.sets`, as uint16."""
    if len(rules.sets) == 1:
        return np.zeros(len(community), np.uint16)
    coded = community.dictionary_encode()
    numbers = np.array([rules.set_of(c) for c in coded.dictionary.to_pylist()], np.uint16)
    found: Array = numbers[coded.indices.to_numpy()]
    return found
