"""The rows of a group. See docs/groups.md, Rows of groups."""

from __future__ import annotations

from typing import Any

from tests.oracle.calendar import date_of
from tests.oracle.groups.group import Group

Row = dict[str, Any]


def membership_rows(group: Group) -> list[Row]:
    """Rows of `memberships`."""
    return [who(group) | one.row() for one in group.memberships.all]


def group_row(group: Group) -> Row:
    """Its row of `groups`."""
    totals, closes = group.totals, group.closes
    members = group.memberships.members
    return {
        **who(group),
        "members": len(members),
        "staff": sum(one.staff for one in members),
        **{f"{name}_total": number for name, number in totals.counts.items()},
        "amount_total": totals.units + totals.millionths / 1_000_000,
        "last_post_at": totals.last_post_at or 0,
        "day": date_of(closes.day),
        **closes.figures,
        "unanswered": group.questions.unanswered,
        **rates(group),
        **closes.severity,
        **{f"{name}_since": since for name, since in closes.since.items()},
        "phase": closes.phase,
        "phase_since": closes.phase_since,
        "health": closes.health,
        "alerts": group.alerts.names,
    }


def who(group: Group) -> Row:
    """Which group it is."""
    return {"community_id": group.community_id, "group_id": group.group_id}


def rates(group: Group) -> Row:
    """All rates; null where they divide by too little."""
    f, least = group.closes.figures, group.rules.rates_min_count
    members = len(group.memberships.members)
    staff = sum(one.staff for one in group.memberships.members)

    def rate(part: int, whole: int) -> float | None:
        return part / whole if whole >= least else None

    return {
        "participation": rate(f["participants"], members),
        "core_share": rate(f["core"], members),
        "conversion": rate(f["buyers"], members),
        "d1_d7": rate(f["active_1"], f["active_7"]),
        "d7_d28": rate(f["active_7"], f["active_28"]),
        "sharer_share": rate(f["sharers"], f["active_28"]),
        "reply_depth": rate(f["replies_28"], f["posts_28"] + f["staff_posts_28"]),
        "answered_share": rate(f["question_answers_28"], f["questions_28"]),
        "early_hazard": rate(f["gone_early"], f["newcomers"]),
        "icebreaking": rate(f["icebreakers_28"], f["joins_28"]),
        "reward_share": rate(f["benefit_actions_28"], f["posts_28"]),
        "staff_share": rate(f["staff_posts_7"], f["posts_7"] + f["staff_posts_7"]),
        "heard_share": rate(f["heard_7"], f["staff_posts_7"]),
        "ads_share": rate(f["ads_7"], f["posts_7"]),
        "benefit_lift": lift(group),
        "per_staff": members / staff if staff else None,
        "topics_a_week": f["topics_28"] / 4,
    }


def lift(group: Group) -> float | None:
    """Posts after the latest 7 benefits to those usual there."""
    latest = group.benefits.latest()
    if latest is None or latest[1] < group.rules.symptoms.lift_posts:
        return None
    return latest[0] / latest[1]
