"""What a stage says of its rules, for those who read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Block(NamedTuple):
    """Some sentences about the thresholds of one section."""

    title: str
    section: str
    """The section of `schemas.rules.CommunityRules` that has the thresholds."""
    sentences: Mapping[str, str]
    """What is explained, and its sentence with names of thresholds in braces."""
