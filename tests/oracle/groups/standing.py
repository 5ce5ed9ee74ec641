"""The phase and the health of a group. See docs/groups.md, Phase and Health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.rules import CommunityRules


def phase_of(members: int, figures: Mapping[str, Any], rules: CommunityRules) -> str:
    """The first that fits, at the close of a day."""
    limits, joins, leaves = rules.groups, figures["joins_28"], figures["leaves_28"]
    before = members - joins + leaves
    if joins >= limits.outbreak_joins and joins >= limits.outbreak_growth * max(before, 1):
        return "outbreak"
    if before >= limits.seed_members and leaves > joins:
        return "decline"
    return "seed" if members < limits.seed_members else "platform"


def health_of(
    members: int, participants: int, severities: Mapping[str, float], rules: CommunityRules
) -> float:
    """0 to 100; `severities` of the seven symptoms, in their order."""
    weights = rules.health
    healthy = total = 0.0
    for name, severity in severities.items():
        weight: float = getattr(weights, name)
        healthy += weight * (1 - severity)
        total += weight
    if members >= rules.rates_min_count:
        rate = participants / members
        healthy += weights.participation * min(1.0, rate / weights.participation_full)
        total += weights.participation
    return healthy / total * 100
