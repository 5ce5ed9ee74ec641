"""The figures of a group that have a bar in the rules: a number each, and the bar that it is held against."""

from __future__ import annotations

from dashboards.source import thresholds
from dashboards.source.panels import Bars, Question
from dashboards.source.targets import Sql
from dashboards.source.thresholds import RULES

_SYMPTOMS, _GROUPS = RULES.symptoms, RULES.groups
_RARE = f"Empty with fewer than {RULES.rates_min_count} to judge by. View groups."
_MINUTE = 60.0
_SILENT_FOR = """
if(
    last_post_at > 0,
    dateDiff('second', last_post_at, (SELECT max(clock) FROM receipts WHERE stage = 'groups')),
    NULL
)
"""


def _figure(title: str, about: str, value: str, unit: str, bars: Bars | None = None) -> Question:
    sql = Sql(
        """
SELECT anyOrNull({value}) AS value
FROM groups
WHERE community_id = @community AND group_id = @group
""",
        value=value.strip(),
    )
    return Question(title, about, sql, unit, bars or thresholds.none(), width=4, height=5)


QUESTIONS = (
    _figure(
        "How healthy is it?",
        "0 to 100: participation, and the symptoms that it has not got, weighted. View groups, "
        "docs/groups.md.",
        "health",
        "none",
    ),
    _figure("How many members are there?", "People who are in, now. View groups.", "members", "short"),
    _figure(
        "How many members take part?",
        "Members who posted or shared in 28 days. From the bar on it lowers health no more. View groups.",
        "participation",
        "percentunit",
        thresholds.care_below(RULES.health.participation_full),
    ),
    _figure(
        "How long has nobody posted?",
        "From the last post to the clock of the stage. Sooner than the bar no group is called silent, "
        "and most only later. View groups, docs/silence.md.",
        _SILENT_FOR,
        "s",
        thresholds.care_from(RULES.silence.min_hours * 60 * _MINUTE),
    ),
    _figure(
        "How soon is a topic answered?",
        "Median time to the first reply by somebody else, 28 days. View groups.",
        "response_median_s",
        "s",
        thresholds.care_from(_GROUPS.answer_minutes * _MINUTE),
    ),
    _figure(
        "How many members ever bought?",
        "Buyers to members. " + _RARE,
        "conversion",
        "percentunit",
    ),
    _figure(
        "How many newcomers are gone early?",
        f"Left or fell silent within {_GROUPS.early_days} days, of who joined in 28 days: symptom "
        "hit_and_run. " + _RARE,
        "early_hazard",
        "percentunit",
        thresholds.care_from(_SYMPTOMS.early_part),
    ),
    _figure(
        "How much of the talk is by staff?",
        "Posts of operators and moderators, of all posts of 7 days: symptom monologue. " + _RARE,
        "staff_share",
        "percentunit",
        thresholds.care_from(_SYMPTOMS.staff_part),
    ),
    _figure(
        "How many staff posts are heard?",
        f"A member posts within {_GROUPS.heard_minutes} minutes; 7 days: symptom no_response. " + _RARE,
        "heard_share",
        "percentunit",
        thresholds.care_below(round(1 - _SYMPTOMS.unheard_part, 6)),
    ),
    _figure(
        "How many posts are ads?",
        "Of members' posts of 7 days: symptom spam_ridden. " + _RARE,
        "ads_share",
        "percentunit",
        thresholds.care_from(_SYMPTOMS.ads_part),
    ),
    _figure(
        "Do benefits still move people?",
        "Members' posts after the latest 7 benefits, to those usual at those hours: symptom "
        "benefit_deaf. View groups.",
        "benefit_lift",
        "none",
        thresholds.care_below(_SYMPTOMS.lift),
    ),
    _figure(
        "How many questions wait for an answer?",
        f"Members' questions without one for longer than {_GROUPS.answer_minutes} minutes, now. View groups.",
        "unanswered",
        "short",
        thresholds.care_from(1),
    ),
)
"""In the order in which they are shown."""
