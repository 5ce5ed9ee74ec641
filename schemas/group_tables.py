"""The ClickHouse tables of the groups stage. What is in them is defined in docs/groups.md."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Column, Table, count, flag, moment, names, number, rate, text, total, word

SYMPTOMS: tuple[str, ...] = (
    "hit_and_run",
    "hollow_growth",
    "monologue",
    "no_response",
    "benefit_deaf",
    "spam_ridden",
    "chaos_warning",
)
"""The six symptoms and the chaos warning, in order."""

ALERT_RULES: dict[str, str] = {
    "group_silence": "critical",
    "group_quiet": "warning",
    "churn_spike": "critical",
    "falling_silent": "warning",
    **dict.fromkeys(SYMPTOMS, "warning"),
    "benefit_lift_lost": "warning",
    "unanswered_question": "warning",
    "spam_burst": "critical",
}
"""The rules of alerts, in the order of their codes, and their severity."""

PHASES: tuple[str, ...] = ("seed", "outbreak", "platform", "decline")
"""The phases of a group, in the order of their codes."""

LEFT_AFTER: tuple[str, ...] = ("", "talk", "question", "benefit", "ad", "silence", "unanswered")
"""What came last before somebody left, in the order of its codes; the first are those of kinds of posts."""

MEMBERSHIPS = Table(
    "memberships",
    "entity",
    "Each person in each group that they ever did something in, as of the last change",
    (
        word("community_id", "The community"),
        word("group_id", "The group"),
        text("user_id", "The person"),
        flag("member", "1: they are in the group"),
        moment("joined_at", "When they came in last; 1970: they never did"),
        word("phase_at_joining", "The phase of the group then; empty: they never did"),
        word("channel", "What brought them, by their latest join that says so"),
        text("inviter_id", "Who invited them, by their latest join that says so"),
        word("role", "Their last known role: member, operator or moderator"),
        moment("first_post_at", "Their first post; 1970 for none"),
        moment("left_at", "When they left last; 1970: they never did"),
        word("left_after", "What came last before: unanswered, silence, talk, question, benefit or ad"),
    ),
    ("community_id", "group_id", "user_id"),
)

GROUPS = Table(
    "groups",
    "entity",
    "Each group as of its last change; figures of windows as of the last day that is over",
    (
        word("community_id", "The community"),
        text("group_id", "The group"),
        count("members", "People who are in"),
        count("staff", "Operators and moderators of them"),
        total("joins_total", "Joins so far, also those that an action implies"),
        total("leaves_total", "Leaves so far"),
        total("posts_total", "Posts so far"),
        total("shares_total", "Shares so far"),
        total("purchases_total", "Purchases so far"),
        total("views_total", "Views so far"),
        number("amount_total", "What was paid so far, whatever the currency"),
        moment("last_post_at", "The latest post; 1970 for none"),
        Column("day", "Date32", pa.date32(), "The last day that is over, there; 1970-01-01: none yet"),
        count("active_1", "People active on that day"),
        count("active_7", "People active in the 7 days up to it"),
        count("active_28", "People active in the 28 days up to it"),
        count("participants", "People who posted or shared in the 28 days"),
        count("sharers", "People who shared in the 28 days"),
        count("core", "Members with 12 (a rule) active days in the 28"),
        count("buyers", "Members who ever bought"),
        count("newcomers", "People who joined in the 28 days"),
        count("gone_early", "Of them, those who left or fell silent within 7 days (a rule)"),
        count("absence_factor", "Fewest people who wrote half the posts of the 28 days"),
        count("fell_silent", "Members whose 7th day (a rule) without activity it was"),
        count("joins_7", "Joins in the 7 days"),
        count("joins_7_before", "Joins in the 7 days before those"),
        count("leaves_7", "Leaves in the 7 days"),
        count("posts_7", "Members'' posts in the 7 days"),
        count("posts_7_before", "Members'' posts in the 7 days before those"),
        count("staff_posts_7", "Posts of staff in the 7 days"),
        count("heard_7", "Those of them that a member''s post followed within 30 minutes (a rule)"),
        count("ads_7", "Members'' ads in the 7 days"),
        count("joins_28", "Joins in the 28 days"),
        count("leaves_28", "Leaves in the 28 days"),
        count("posts_28", "Members'' posts in the 28 days"),
        count("staff_posts_28", "Posts of staff in the 28 days"),
        count("replies_28", "Posts that answer another in the 28 days"),
        count("questions_28", "Members'' questions in the 28 days"),
        count("question_answers_28", "Those of them whose first reply was a member''s"),
        count("benefits_28", "Benefits posted by staff in the 28 days"),
        count("benefit_actions_28", "Members'' posts of kind benefit in the 28 days"),
        count("shares_28", "Shares in the 28 days"),
        count("purchases_28", "Purchases in the 28 days"),
        count("views_28", "Views in the 28 days"),
        count(
            "icebreakers_28", "People whose first post came within 24 h (a rule) of joining, in the 28 days"
        ),
        count("topics_28", "Topics that staff began in the 28 days"),
        count("topic_pause", "Longest run of days without one among the 28"),
        rate("response_median_s", "Median time to the first reply by somebody else, 28 days; seconds"),
        rate("response_p90_s", "The 90th percentile of it; seconds"),
        count("unanswered", "Watched questions that wait for longer than 30 minutes (a rule)"),
        rate("participation", "participants / members"),
        rate("core_share", "core / members"),
        rate("conversion", "buyers / members"),
        rate("d1_d7", "active_1 / active_7"),
        rate("d7_d28", "active_7 / active_28"),
        rate("sharer_share", "sharers / active_28"),
        rate("reply_depth", "replies_28 / (posts_28 + staff_posts_28)"),
        rate("answered_share", "question_answers_28 / questions_28"),
        rate("early_hazard", "gone_early / newcomers"),
        rate("icebreaking", "icebreakers_28 / joins_28"),
        rate("reward_share", "benefit_actions_28 / posts_28"),
        rate("staff_share", "staff_posts_7 / (posts_7 + staff_posts_7)"),
        rate("heard_share", "heard_7 / staff_posts_7"),
        rate("ads_share", "ads_7 / posts_7"),
        rate("benefit_lift", "Members'' posts after the latest 7 benefits / those usual there"),
        rate("per_staff", "members / staff"),
        number("topics_a_week", "topics_28 / 4"),
        *(number(name, "Severity of the symptom, 0 to 1") for name in SYMPTOMS),
        *(moment(f"{name}_since", "Since when the group has it; 1970: it has not") for name in SYMPTOMS),
        word("phase", "seed, outbreak, platform or decline"),
        moment("phase_since", "Since when; 1970: from the beginning"),
        number("health", "0 to 100"),
        names("alerts", "The rules of its open alerts"),
    ),
    ("community_id", "group_id"),
)

ALERT_CHANGES = Table(
    "alert_changes",
    "log",
    "Each alert about a group or a content, as it opened and as it resolved",
    (
        word("community_id", "The community"),
        text("group_id", "The group"),
        word("rule", "group_silence, group_quiet, churn_spike, falling_silent, a symptom, ..."),
        word("severity", "critical, warning or info"),
        word("change", "opened or resolved"),
        moment("at", "When it became true, not when it was noticed"),
        moment("opened_at", "When the alert opened"),
        text("evidence", "JSON: the values that decided it"),
        text("content_id", "The content; empty for alerts about a group"),
    ),
    ("community_id", "group_id", "rule", "opened_at"),
)
