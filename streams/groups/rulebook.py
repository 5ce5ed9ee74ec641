"""The thresholds of groups as numbers in arrays, one row a set of rules, for kernels. Spans in ms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from schemas.group_tables import SYMPTOMS
from schemas.rules import DAY_MS, HOUR_MS, CommunityRules, Rules
from streams.calendar import Zone, start_of_hour
from streams.columnar import Array
from streams.compiled import Integer, compiled
from streams.groups.churn import CHURN_RULES
from streams.groups.churn import numbers as churn_numbers
from streams.groups.silence import SILENCE_RULES
from streams.groups.silence import numbers as silence_numbers
from streams.users.zones import zone_table

MINUTE_MS = 60_000

GROUP_RULES = np.dtype(
    [
        ("zone_first", "i4"),  # where the zone's offsets begin in the book
        ("zone_end", "i4"),
        ("rates_min", "i8"),
        ("early", "i8"),
        ("ice", "i8"),
        ("core_days", "i8"),
        ("silent_days", "i8"),
        ("heard", "i8"),
        ("answer", "i8"),
        ("spam", "i8"),
        ("spam_ads", "i8"),
        ("seed_members", "i8"),
        ("outbreak_growth", "f8"),
        ("outbreak_joins", "i8"),
        ("keep", "f8"),
        ("early_part", "f8"),
        ("early_joins", "i8"),
        ("early_sure", "f8"),
        ("growth", "f8"),
        ("fall", "f8"),
        ("growth_joins", "i8"),
        ("growth_sure", "f8"),
        ("fall_sure", "f8"),
        ("staff_part", "f8"),
        ("staff_posts", "i8"),
        ("staff_sure", "f8"),
        ("unheard_part", "f8"),
        ("heard_posts", "i8"),
        ("heard_sure", "f8"),
        ("lift", "f8"),
        ("lift_before", "f8"),
        ("lift_posts", "f8"),
        ("lift_sure", "f8"),
        ("lift_weeks", "i8"),
        ("habit_keep", "f8"),
        ("ads_part", "f8"),
        ("ads_posts", "i8"),
        ("ads_sure", "f8"),
        ("chaos_growth", "f8"),
        ("chaos_joins", "i8"),
        ("chaos_leaves", "f8"),
        ("chaos_sure", "f8"),
        ("chaos_rise", "f8"),
        ("weights", "f8", (len(SYMPTOMS),)),
        ("participation", "f8"),
        ("participation_full", "f8"),
    ]
)


class GroupRulebook(NamedTuple):
    """Every set of rules in force, and their time zones; each numbered as `Rules.sets`."""

    sets: Array
    """Of `GROUP_RULES`."""
    silence: Array
    """Of `SILENCE_RULES`."""
    churn: Array
    """Of `CHURN_RULES`."""
    zone_starts: Array
    """int64, ms: from when on each offset holds; the zones one after another."""
    zone_offsets: Array
    """int64, ms to add to UTC."""

    @classmethod
    def of(cls, rules: Rules) -> GroupRulebook:
        """The rules as arrays."""
        count = len(rules.sets)
        sets, silence, churn = (np.zeros(count, d) for d in (GROUP_RULES, SILENCE_RULES, CHURN_RULES))
        starts: list[int] = []
        offsets: list[int] = []
        for number, found in enumerate(rules.sets):
            zone_starts, zone_offsets = zone_table(found.time_zone)
            sets[number]["zone_first"] = len(starts)
            starts += zone_starts
            offsets += zone_offsets
            sets[number]["zone_end"] = len(starts)
            _fill(sets[number], _numbers(found))
            _fill(silence[number], silence_numbers(found.silence))
            _fill(churn[number], churn_numbers(found.churn))
        return cls(sets, silence, churn, np.array(starts, np.int64), np.array(offsets, np.int64))


@compiled
def zone_of(book: GroupRulebook, number: Integer) -> Zone:
    """The time zone of a set of rules."""
    first, end = book.sets[number]["zone_first"], book.sets[number]["zone_end"]
    return Zone(book.zone_starts[first:end], book.zone_offsets[first:end])


@compiled
def start_of_day(zone: Zone, day: Integer) -> Integer:
    """The first moment (ms) whose day is `day` or later."""
    return start_of_hour(zone, day * 24)


def _fill(row: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        row[name] = value


def _numbers(rules: CommunityRules) -> dict[str, Any]:
    groups, s, health = rules.groups, rules.symptoms, rules.health
    return {
        "rates_min": rules.rates_min_count,
        "early": groups.early_days * DAY_MS,
        "ice": groups.ice_hours * HOUR_MS,
        "core_days": groups.core_days,
        "silent_days": groups.silent_days,
        "heard": groups.heard_minutes * MINUTE_MS,
        "answer": groups.answer_minutes * MINUTE_MS,
        "spam": groups.spam_minutes * MINUTE_MS,
        "spam_ads": groups.spam_ads,
        "seed_members": groups.seed_members,
        "outbreak_growth": groups.outbreak_growth,
        "outbreak_joins": groups.outbreak_joins,
        "keep": s.keep,
        "early_part": s.early_part,
        "early_joins": s.early_joins,
        "early_sure": s.early_sure,
        "growth": s.growth,
        "fall": s.fall,
        "growth_joins": s.growth_joins,
        "growth_sure": s.growth_sure,
        "fall_sure": s.fall_sure,
        "staff_part": s.staff_part,
        "staff_posts": s.staff_posts,
        "staff_sure": s.staff_sure,
        "unheard_part": s.unheard_part,
        "heard_posts": s.heard_posts,
        "heard_sure": s.heard_sure,
        "lift": s.lift,
        "lift_before": s.lift_before,
        "lift_posts": s.lift_posts,
        "lift_sure": s.lift_sure,
        "lift_weeks": s.lift_weeks,
        "habit_keep": 2.0 ** (-1.0 / s.lift_half_life_weeks),
        "ads_part": s.ads_part,
        "ads_posts": s.ads_posts,
        "ads_sure": s.ads_sure,
        "chaos_growth": s.chaos_growth,
        "chaos_joins": s.chaos_joins,
        "chaos_leaves": s.chaos_leaves,
        "chaos_sure": s.chaos_sure,
        "chaos_rise": s.chaos_rise,
        "weights": tuple(getattr(health, name) for name in SYMPTOMS),
        "participation": health.participation,
        "participation_full": health.participation_full,
    }
