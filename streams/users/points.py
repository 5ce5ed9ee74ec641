"""Points: what actions earn, and how much of it a day. The definition is ``docs/people.md``, Figures."""

from __future__ import annotations

from schemas.actions import JOIN, POST, PURCHASE, SHARE
from streams.compiled import Integer, compiled
from streams.users.figures import Row, RuleSet
from streams.users.state import BY_DAY, BY_JOIN, BY_POST, BY_PURCHASE, BY_SHARE

MILLIONTHS = 1_000_000


@compiled
def earn(row: Row, kind: int, points: Integer) -> None:
    """Put points of a kind on a person's account."""
    row["points"][kind] += points
    row["level_points"] += points


@compiled
def earn_points(row: Row, t: RuleSet, action: int, day: Integer, amount: Integer) -> None:
    """What one activity earns. `amount`: of a purchase, in millionths of a unit."""
    if day > row["points_day"]:
        row["points_day"] = day
        row["earned_joins"] = 0
        row["earned_posts"] = 0
        row["earned_shares"] = 0
        row["earned_purchase"] = 0
        earn(row, BY_DAY, t["day_points"])
    if action == JOIN:
        if row["earned_joins"] < t["joins_a_day"]:
            row["earned_joins"] += 1
            earn(row, BY_JOIN, t["join_points"])
    elif action == POST:
        if row["earned_posts"] < t["posts_a_day"]:
            row["earned_posts"] += 1
            earn(row, BY_POST, t["post_points"])
    elif action == SHARE:
        if row["earned_shares"] < t["shares_a_day"]:
            row["earned_shares"] += 1
            earn(row, BY_SHARE, t["share_points"])
    elif action == PURCHASE:
        points = amount // MILLIONTHS * t["unit_points"]
        left = t["purchase_points_a_day"] - row["earned_purchase"]
        points = min(points, left)
        row["earned_purchase"] += points
        earn(row, BY_PURCHASE, points)
