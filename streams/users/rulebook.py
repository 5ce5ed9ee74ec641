"""The rules in force as numbers in arrays, one row a set of rules, for compiled kernels. Spans in ms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from schemas.rules import DAY_MS, HOUR_MS, MOST_LEVELS, CommunityRules, Rules
from streams.columnar import Array
from streams.users.zones import zone_table

RULE_SET = np.dtype(
    [
        ("zone_first", "i4"),  # where the zone's offsets begin in the book
        ("zone_count", "i4"),
        ("rates_min", "i4"),
        ("activation", "i8"),
        # weights, by the code of the action
        ("weights", "f8", (6,)),
        ("half_life", "f8"),
        # lifecycle
        ("new", "i8"),
        ("silent", "i8"),
        ("lost", "i8"),
        ("resurrected", "i8"),
        ("active_days", "i4"),
        ("core_days", "i4"),
        ("core_score", "f8"),
        ("keep_days", "i4"),
        ("keep_score", "f8"),
        # pyramid
        ("organiser_invited", "i4"),
        ("stayed_days", "i4"),
        ("valuable", "i8"),
        ("invalid", "i8"),
        # intent
        ("intent_half_life", "f8"),
        ("by_purchase", "f8"),
        ("by_question", "f8"),
        ("by_click", "f8"),
        ("by_benefit", "f8"),
        ("by_view", "f8"),
        ("strong_score", "f8"),
        ("intent_score", "f8"),
        ("hunter_benefits", "i4"),
        # closeness
        ("like_own", "i4"),
        ("rely_days", "i4"),
        ("rely_purchases", "i4"),
        ("rely_span", "i8"),
        # points
        ("join_points", "i4"),
        ("joins_a_day", "i4"),
        ("post_points", "i4"),
        ("posts_a_day", "i4"),
        ("share_points", "i4"),
        ("shares_a_day", "i4"),
        ("day_points", "i4"),
        ("invite_points", "i4"),
        ("unit_points", "i4"),
        ("purchase_points_a_day", "i4"),
        # level
        ("levels", "i4"),  # how many above level_0
        ("thresholds", "f8", (MOST_LEVELS,)),  # points of level_1, level_2, ...
        ("decay", "i8"),
        ("decay_keep", "f8"),
        # medals
        ("streak_days", "i4"),
        ("medal_posts", "i4"),
        ("medal_invites", "i4"),
    ]
)


class Rulebook(NamedTuple):
    """Every set of rules in force, and their time zones."""

    sets: Array
    """Of `RULE_SET`, numbered as `Rules.sets`."""
    zone_starts: Array
    """int64, ms: from when on each offset holds; the zones one after another."""
    zone_offsets: Array
    """int64, ms to add to UTC."""

    @classmethod
    def of(cls, rules: Rules) -> Rulebook:
        """The rules as arrays."""
        sets = np.zeros(len(rules.sets), RULE_SET)
        starts: list[int] = []
        offsets: list[int] = []
        for row, found in zip(sets, rules.sets, strict=True):
            zone_starts, zone_offsets = zone_table(found.time_zone)
            row["zone_first"], row["zone_count"] = len(starts), len(zone_starts)
            starts += zone_starts
            offsets += zone_offsets
            for name, value in _numbers(found).items():
                row[name] = value
        return cls(sets, np.array(starts, np.int64), np.array(offsets, np.int64))


def _numbers(rules: CommunityRules) -> dict[str, Any]:
    w, ladder, pyramid, intent = rules.weights, rules.lifecycle, rules.pyramid, rules.intent
    close, points, level, medals = rules.closeness, rules.points, rules.level, rules.medals
    thresholds = level.thresholds
    return {
        "rates_min": rules.rates_min_count,
        "activation": rules.activation_hours * HOUR_MS,
        "weights": (w.join, w.post, w.share, 0.0, w.purchase, w.view),
        "half_life": rules.score_half_life_days * DAY_MS,
        "new": ladder.new_days * DAY_MS,
        "silent": ladder.silent_days * DAY_MS,
        "lost": ladder.lost_days * DAY_MS,
        "resurrected": ladder.resurrected_days * DAY_MS,
        "active_days": ladder.active_min_days,
        "core_days": ladder.core_enter_days,
        "core_score": ladder.core_enter_score,
        "keep_days": ladder.core_keep_days,
        "keep_score": ladder.core_keep_score,
        "organiser_invited": pyramid.organiser_invited,
        "stayed_days": pyramid.stayed_days,
        "valuable": pyramid.valuable_days * DAY_MS,
        "invalid": pyramid.invalid_days * DAY_MS,
        "intent_half_life": intent.half_life_days * DAY_MS,
        "by_purchase": intent.purchase,
        "by_question": intent.question,
        "by_click": intent.click,
        "by_benefit": intent.benefit,
        "by_view": intent.view,
        "strong_score": intent.strong_score,
        "intent_score": intent.intent_score,
        "hunter_benefits": intent.hunter_benefits,
        "like_own": close.like_own,
        "rely_days": close.rely_days,
        "rely_purchases": close.rely_purchases,
        "rely_span": close.rely_purchase_days * DAY_MS,
        "join_points": points.join,
        "joins_a_day": points.join_per_day,
        "post_points": points.post,
        "posts_a_day": points.post_per_day,
        "share_points": points.share,
        "shares_a_day": points.share_per_day,
        "day_points": points.day,
        "invite_points": points.invite,
        "unit_points": points.purchase,
        "purchase_points_a_day": points.purchase_per_day,
        "levels": len(thresholds),
        "thresholds": (*thresholds, *[0.0] * (MOST_LEVELS - len(thresholds))),
        "decay": level.decay_days * DAY_MS,
        "decay_keep": level.decay_keep,
        "streak_days": medals.streak_days,
        "medal_posts": medals.posts,
        "medal_invites": medals.invites,
    }
