"""The figures of a group that have a bar in the rules: a number each, and the bar that it is held against."""

from __future__ import annotations

from dashboards.source import thresholds
from dashboards.source.panels import Bars, Question
from dashboards.source.targets import Sql
from dashboards.source.thresholds import RULES

_RARE = f"Empty with fewer than {RULES.rates_min_count} to judge by. View groups."
_MINUTE = 60.0


def questions(where: str) -> list[Question]:
    """Those of the group that `where` names."""

    def figure(title: str, about: str, value: str, unit: str, bars: Bars | None = None) -> Question:
        sql = Sql(f"SELECT anyOrNull({value}) AS value FROM groups WHERE {where}")
        return Question(title, about, sql, unit, bars or thresholds.none(), width=4, height=5)

    symptoms, groups = RULES.symptoms, RULES.groups
    return [
        figure(
            "How healthy is it?",
            "0 to 100: weighted participation, and the symptoms that it has not got. docs/groups.md.",
            "health",
            "none",
        ),
        figure("How many members are there?", "People who are in, now. View groups.", "members", "short"),
        figure(
            "How many members take part?",
            "Members who posted or shared in 28 days. From the bar on it lowers health no more. View groups.",
            "participation",
            "percentunit",
            thresholds.care_below(RULES.health.participation_full),
        ),
        figure(
            "How long has nobody posted?",
            "From the last post to the clock of the stage. Sooner than the bar no group is called silent, "
            "and most only later. docs/silence.md.",
            "if(last_post_at > 0, dateDiff('second', last_post_at, (SELECT max(clock) FROM receipts WHERE "
            "stage = 'groups')), NULL)",
            "s",
            thresholds.care_from(RULES.silence.min_hours * 60 * _MINUTE),
        ),
        figure(
            "How soon is a topic answered?",
            "Median time to the first reply by somebody else, 28 days. View groups.",
            "response_median_s",
            "s",
            thresholds.care_from(groups.answer_minutes * _MINUTE),
        ),
        figure(
            "How many members ever bought?",
            "Buyers to members. " + _RARE,
            "conversion",
            "percentunit",
        ),
        figure(
            "How many newcomers are gone early?",
            f"Left or fell silent within {groups.early_days} days, of who joined in 28 days: symptom "
            "hit_and_run. " + _RARE,
            "early_hazard",
            "percentunit",
            thresholds.care_from(symptoms.early_part),
        ),
        figure(
            "How much of the talk is by staff?",
            "Posts of operators and moderators, of all posts of 7 days: symptom monologue. " + _RARE,
            "staff_share",
            "percentunit",
            thresholds.care_from(symptoms.staff_part),
        ),
        figure(
            "How many staff posts are heard?",
            f"A member posts within {groups.heard_minutes} minutes; 7 days: symptom no_response. " + _RARE,
            "heard_share",
            "percentunit",
            thresholds.care_below(1 - symptoms.unheard_part),
        ),
        figure(
            "How many posts are ads?",
            "Of members' posts of 7 days: symptom spam_ridden. " + _RARE,
            "ads_share",
            "percentunit",
            thresholds.care_from(symptoms.ads_part),
        ),
        figure(
            "Do benefits still move people?",
            "Members' posts after the latest 7 benefits, to those usual at those hours: symptom "
            "benefit_deaf. View groups.",
            "benefit_lift",
            "none",
            thresholds.care_below(symptoms.lift),
        ),
        figure(
            "How many questions wait for an answer?",
            f"Members' questions without one for longer than {groups.answer_minutes} minutes, now. View "
            "groups.",
            "unanswered",
            "short",
            thresholds.care_from(1),
        ),
    ]
