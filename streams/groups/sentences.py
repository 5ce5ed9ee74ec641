"""The rules about groups, in sentences: what is counted, phases, alerts, symptoms, health.

They say in short what docs/groups.md, docs/silence.md and docs/churn.md say exactly.
"""

from __future__ import annotations

from schemas.group_tables import SYMPTOMS
from streams.rule_block import Block

_COUNTED = {
    "core": "a member with {core_days} active days in 28",
    "gone_early": "joined in 28 days, and left or fell silent within {early_days} days of it",
    "icebreaker": "a first post within {ice_hours} hours of joining",
    "fell_silent": "a member whose latest active day was {silent_days} days before",
    "heard": "a post of staff with a post of a member within {heard_minutes} minutes after it",
}
_PHASES = {
    "outbreak": (
        "{outbreak_joins} joins in 28 days or more, and {outbreak_growth} x the members before them or more"
    ),
    "decline": "{seed_members} members or more before these 28 days, and more leaves than joins in them",
    "seed": "fewer than {seed_members} members",
    "platform": "all others",
}
_AT_ONCE = {
    "unanswered_question": "a question of a member with no reply after {answer_minutes} minutes",
    "spam_burst": "{spam_ads} ads of members within {spam_minutes} minutes",
}
_SYMPTOMS = {
    "hit_and_run": (
        "more than {early_part} of those who joined in 28 days are gone early, by {early_sure} x its "
        "standard error; of {early_joins} people or more"
    ),
    "hollow_growth": (
        "against the 7 days before and a week of the 21 before, joins of 7 days are {growth} x or more and "
        "members' posts {fall} x or less; against the 21 by {growth_sure} x and {fall_sure} x the standard "
        "error, with {growth_joins} joins in them or more"
    ),
    "monologue": (
        "more than {staff_part} of the posts of 7 days are by staff, by {staff_sure} x its standard error; "
        "of {staff_posts} posts or more"
    ),
    "no_response": (
        "more than {unheard_part} of the posts of staff in 7 days are not heard, by {heard_sure} x its "
        "standard error; of {heard_posts} posts or more"
    ),
    "benefit_lift_lost": (
        "an alert at once: members' posts after the last 7 benefits are less than {lift} x those usual "
        "there, and were more than {lift_before} x after the 15 before; a fall by {lift_sure} x its standard "
        "error, with {lift_posts} usual posts or more both times"
    ),
    "benefit_deaf": "benefit_lift_lost at the end of a day; open until it is {lift_before} x what is usual",
    "usual": (
        "by the hour of the week, with a half-life of {lift_half_life_weeks} weeks; known after {lift_weeks} "
        "weeks"
    ),
    "spam_ridden": (
        "more than {ads_part} of members' posts of 7 days are ads, by {ads_sure} x its standard error; of "
        "{ads_posts} posts or more"
    ),
    "chaos_warning": (
        "{chaos_joins} joins in 7 days or more, {chaos_growth} x those of the 7 days before and of a week of "
        "the 21 before, by {chaos_sure} x and {chaos_rise} x the standard error; and either spam_ridden, or "
        "leaves over {chaos_leaves} of these joins, over a week of the 21 by {chaos_rise} x the standard "
        "error"
    ),
    "ends": "each other one when its figure is back to {keep} of its threshold",
}
_HEALTH = {
    "participation": (
        "weight {participation}: who posted or shared in 28 days, of the members; all of it from "
        "{participation_full} on"
    ),
    **{name: f"weight {{{name}}}, less by its severity" for name in SYMPTOMS},
}
_SILENCE = {
    "group_silence": "no post for so long as comes once in {return_days} days in this group",
    "group_quiet": "no post for so long as comes once in {quiet_days} days in this group",
    "neither": (
        "within {min_hours} hours of a post, before {min_posts} posts, or before {min_weeks} weeks of history"
    ),
    "habit": (
        "which hours of the week have posts, with a half-life of {half_life_weeks} weeks; each drawn to its "
        "hour of the day, and that to the mean, by {prior_weeks} weeks"
    ),
    "longest_gaps": (
        "of each of the last {tail_weeks} weeks tell how often a gap comes; the shape of their tail is "
        "{shape_max} at most, and drawn to 0 by {shape_doubt} gaps"
    ),
}
_CHURN = {
    "churn_spike": (
        "{least_leaves} leaves or more, and so many more than usual as comes by chance once in "
        "{false_alarm_months} months"
    ),
    "falling_silent": "the same of members who fall silent, by the day or the week",
    "watched": (
        "by the hour from {hourly_from} usual leaves a day on, by the week under {daily_from}, else by "
        "the day"
    ),
    "usual": (
        "known after {warm_up_weeks} whole weeks; the half-life of how many leave is {level_half_life_weeks} "
        "weeks, of when in the week they do {rhythm_half_life_weeks} weeks"
    ),
    "ends": "when it is as usual again; after {longest_days} days what goes on is usual",
    "late": "a leave that comes more than {late_hours} hours late is left out",
}

BLOCKS: tuple[Block, ...] = (
    Block("Groups: what is counted", "groups", _COUNTED),
    Block("Groups: phases, the first that fits", "groups", _PHASES),
    Block("Groups: alerts at once", "groups", _AT_ONCE),
    Block("Groups: symptoms, at the end of each day", "symptoms", _SYMPTOMS),
    Block("Groups: health, 0 to 100", "health", _HEALTH),
    Block("Groups: silence", "silence", _SILENCE),
    Block("Groups: churn", "churn", _CHURN),
)
"""In the order in which they are told."""
