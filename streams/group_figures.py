"""What the page of a group says of its figures: labels, values and their meaning in few words.

A line is a label, what it shows, and what that means; names in braces are columns of `groups`
(docs/groups.md) or thresholds of `groups.*` of the community's rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from schemas.group_tables import SYMPTOMS
from schemas.rules import CommunityRules


class Line(NamedTuple):
    """One line of the page."""

    label: str
    value: str
    meaning: str


PAGE: Mapping[str, tuple[Line, ...]] = {
    "Members": (
        Line("members", "{members}, {staff} of them staff", "staff: operators and moderators"),
        Line("members to one of staff", "{per_staff}", ""),
        Line(
            "joins",
            "{joins_7} in 7 days, {joins_7_before} in the 7 before, {joins_28} in 28",
            "also those that an action implies",
        ),
        Line("leaves", "{leaves_7} in 7 days, {leaves_28} in 28", "people who were in, and left"),
        Line(
            "gone early",
            "{early_hazard}",
            "{gone_early} of {newcomers} who joined in 28 days left or fell silent within {early_days} days",
        ),
        Line(
            "ice broken",
            "{icebreaking}",
            "{icebreakers_28} first posts within {ice_hours} h of joining, to joins",
        ),
        Line("fell silent", "{fell_silent}", "on that day, after {silent_days} days without activity"),
    ),
    "Activity": (
        Line("active people", "{active_1} on the day, {active_7} in 7 days, {active_28} in 28", "any action"),
        Line("day to week", "{d1_d7}", "of those active in 7 days were so on the day"),
        Line("week to month", "{d7_d28}", "of those active in 28 days were so in the last 7"),
        Line("participation", "{participation}", "{participants} posted or shared in 28 days, to members"),
        Line("core", "{core_share}", "{core} members with {core_days} active days in 28"),
        Line("sharers", "{sharer_share}", "{sharers} of those active in 28 days shared"),
    ),
    "Posts": (
        Line(
            "members' posts",
            "{posts_7} in 7 days, {posts_7_before} in the 7 before, {posts_28} in 28",
            "",
        ),
        Line(
            "staff's posts",
            "{staff_posts_7} in 7 days, {staff_posts_28} in 28",
            "part of the posts of 7 days: {staff_share}",
        ),
        Line("half the posts", "{absence_factor} people", "fewest who wrote it, 28 days"),
        Line(
            "staff is heard",
            "{heard_share}",
            "{heard_7} of their posts of 7 days: a member posts within {heard_minutes} min",
        ),
        Line("replies", "{reply_depth}", "{replies_28} of the posts of 28 days answer another"),
        Line("first reply", "{response_median_s}", "median of 28 days; 90th percentile {response_p90_s}"),
        Line(
            "members answer", "{answered_share}", "{question_answers_28} of {questions_28} questions, 28 days"
        ),
        Line("unanswered", "{unanswered}", "questions that wait for over {answer_minutes} min"),
        Line("staff's topics", "{topics_a_week} a week", "longest pause of 28 days: {topic_pause} days"),
        Line("ads", "{ads_share}", "{ads_7} of members' posts of 7 days"),
    ),
    "Benefits, shares and purchases": (
        Line("benefits", "{benefits_28}", "by staff in 28 days"),
        Line("lift", "{benefit_lift}", "posts after the latest 7 benefits, to those usual there"),
        Line("for rewards", "{reward_share}", "{benefit_actions_28} of members' posts of 28 days"),
        Line("shares and views", "{shares_28}, {views_28}", "in 28 days"),
        Line("purchases", "{purchases_28}", "in 28 days"),
        Line("buyers", "{conversion}", "{buyers} members ever bought"),
    ),
    "So far": (
        Line("joins and leaves", "{joins_total}, {leaves_total}", ""),
        Line("posts, shares, views", "{posts_total}, {shares_total}, {views_total}", ""),
        Line("purchases", "{purchases_total}", "{amount_total} paid, whatever the currency"),
    ),
}
"""The sections of the page and their lines."""

PERCENT = (
    "participation", "core_share", "conversion", "d1_d7", "d7_d28", "sharer_share", "reply_depth",
    "answered_share", "early_hazard", "icebreaking", "reward_share", "staff_share", "heard_share",
    "ads_share",
)  # fmt: skip
SECONDS = ("response_median_s", "response_p90_s")
NULL = "too few"


def filled(line: Line, row: Mapping[str, Any], rules: CommunityRules) -> Line:
    """A line with the figures of a row of `groups`."""
    texts = {name: _text(name, value) for name, value in {**row, **rules.groups.model_dump()}.items()}
    return Line(*(part.format_map(texts) for part in line))


def _text(name: str, value: Any) -> str:
    if value is None:
        return "no staff" if name == "per_staff" else NULL
    if name in PERCENT:
        return f"{value:.1%}"
    if name in SECONDS:
        return f"{value / 60:,.0f} min" if value < 2 * 3600 else f"{value / 3600:,.1f} h"
    if name == "benefit_lift":
        return f"{value:.2f} x"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else ""


def has_figures(row: Mapping[str, Any]) -> bool:
    """Whether a day of the group is over, so that it has figures."""
    return bool(row["day"] > date(1970, 1, 1))


def lowered(row: Mapping[str, Any], rules: CommunityRules) -> Iterator[tuple[str, float]]:
    """What takes points from the health of a group, most first: participation or a symptom, and the points.

    From the row as it is. Its health is that of the last close, with the members there were then; so all
    points together may be a little more or less than what is missing.
    """
    weights: dict[str, float] = rules.health.model_dump()
    lost = {name: weights[name] * row[name] for name in SYMPTOMS}
    rate = row["participation"]
    if rate is not None:
        lost["participation"] = weights["participation"] * (1 - min(1, rate / weights["participation_full"]))
    total = sum(weights[name] for name in lost)
    if has_figures(row):
        for name, points in sorted(lost.items(), key=lambda item: -item[1]):
            if points > 0:
                yield name, 100 * points / total
