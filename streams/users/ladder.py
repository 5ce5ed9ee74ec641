"""What a ladder is, for people: its segments, its rules, and each rule as a sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One rule: to which segment it leads, its name, and what it says.

    `sentence` has the names of thresholds in braces, those of the ladder's section of `CommunityRules`.
    """

    to: str
    rule: str
    sentence: str


@dataclass(frozen=True)
class Ladder:
    """One ladder. A segment's and a rule's place in the tuples is its code in the state."""

    name: str
    section: str
    """The section of `schemas.rules.CommunityRules` that has its thresholds."""
    question: str
    segments: tuple[str, ...]
    rules: tuple[str, ...]
    steps: tuple[Step, ...]
    """In the order in which they are looked at."""
