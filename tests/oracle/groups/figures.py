"""The figures of the window at the close of a day. See docs/groups.md, Close of day D."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from schemas.rules import CommunityRules
from tests.oracle.calendar import DAY_MS, day_of, start_of
from tests.oracle.groups.answers import quantile_s
from tests.oracle.groups.days import WINDOW_DAYS, Days
from tests.oracle.groups.memberships import Membership, Memberships

Figures = dict[str, Any]

OF_7 = ("joins", "leaves", "posts", "staff_posts", "heard", "ads")
OF_7_BEFORE = ("joins", "posts")
OF_28 = (
    "joins", "leaves", "posts", "staff_posts", "replies", "questions", "question_answers", "benefits",
    "benefit_actions", "shares", "purchases", "views", "icebreakers", "topics",
)  # fmt: skip
OF_PEOPLE = (
    "active_1", "active_7", "active_28", "participants", "sharers", "core", "buyers", "newcomers",
    "gone_early", "absence_factor", "fell_silent",
)  # fmt: skip

BEFORE_THE_FIRST: Figures = {
    **dict.fromkeys(OF_PEOPLE, 0),
    **{f"{name}_7": 0 for name in OF_7},
    **{f"{name}_7_before": 0 for name in OF_7_BEFORE},
    **{f"{name}_28": 0 for name in OF_28},
    "topic_pause": 0,
    "response_median_s": None,
    "response_p90_s": None,
}


def figures_of(days: Days, memberships: Memberships, day: int, rules: CommunityRules) -> Figures:
    """All of them, at the close of `day`."""
    week, before, month = days.sums(day, 7), days.sums(day - 7, 7), days.sums(day, WINDOW_DAYS)
    answers = days.answers(day)
    return {
        **of_people(memberships, day, rules),
        **{f"{name}_7": week[name] for name in OF_7},
        **{f"{name}_7_before": before[name] for name in OF_7_BEFORE},
        **{f"{name}_28": month[name] for name in OF_28},
        "topic_pause": days.topic_pause(day),
        "response_median_s": quantile_s(answers, 5),
        "response_p90_s": quantile_s(answers, 9),
    }


def of_people(memberships: Memberships, day: int, rules: CommunityRules) -> Figures:
    """Those that are counted from memberships."""
    zone, first = ZoneInfo(rules.time_zone), day - WINDOW_DAYS + 1
    # Whoever joined in the window was active in it, so all but buyers are among these.
    recent = [one for one in memberships.all if one.latest_day >= first]
    newcomers = [one for one in recent if one.joined_at > 0 and first <= day_of(one.joined_at, zone)]
    silent_since = day - rules.groups.silent_days
    return {
        "active_1": sum(day in one.active_days for one in recent),
        "active_7": sum(_any(one.active_days, day - 6) for one in recent),
        "active_28": sum(_any(one.active_days, first) for one in recent),
        "participants": sum(_any(one.own_days, first) for one in recent),
        "sharers": sum(_any(one.share_days, first) for one in recent),
        "core": sum(
            one.member and sum(d >= first for d in one.active_days) >= rules.groups.core_days
            for one in recent
        ),
        "buyers": sum(one.member and one.buyer for one in memberships.all),
        "newcomers": len(newcomers),
        "gone_early": sum(
            gone_early(one, start_of(day + 1, zone), rules.groups.early_days * DAY_MS) for one in newcomers
        ),
        "absence_factor": absence_factor(
            [sum(posts for d, posts in one.posts.items() if d >= first) for one in recent]
        ),
        "fell_silent": sum(one.member and one.latest_day == silent_since for one in recent),
    }


def _any(days: set[int], first: int) -> bool:
    return any(day >= first for day in days)


def gone_early(one: Membership, closed_at: int, early_ms: int) -> bool:
    """Whether a newcomer left soon after joining, or did nothing more soon after and for as long."""
    if not one.member:
        return one.left_at - one.joined_at < early_ms
    return (
        one.joined_at + early_ms <= closed_at
        and one.last_at < one.joined_at + early_ms
        and one.last_at + early_ms <= closed_at
    )


def absence_factor(posts: list[int]) -> int:
    """The fewest people who wrote at least half of all posts."""
    most_first, total, so_far = sorted(posts, reverse=True), sum(posts), 0
    for people, of_one in enumerate(most_first, start=1):
        so_far += of_one
        if total and 2 * so_far >= total:
            return people
    return 0
