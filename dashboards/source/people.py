"""People and segments: where everybody is on the ladders, how they move, who stays, who would buy."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.source.page import choice_variable, community_variable, page
from dashboards.source.panels import (
    Column,
    Question,
    bars_panel,
    matrix_panel,
    series_panel,
    table_panel,
)
from dashboards.source.targets import Sql
from dashboards.source.thresholds import RULES

LADDERS = ("lifecycle", "pyramid", "intent", "closeness", "level")

_SEGMENTS = Question(
    "How many people are in each segment of the ladder, day by day?",
    "Everybody is in one segment of each ladder at the end of each day (the community's days). View "
    "segments_by_day.",
    Sql(
        """
SELECT toDateTime(day, 'UTC') AS time, toString(segment) AS segment, people
FROM segments_by_day
WHERE community_id = @community AND ladder = @ladder AND $__dateFilter(day)
ORDER BY time, segment
""",
        "timeseries",
    ),
    "short",
    width=16,
    height=9,
)

_SEGMENTS_NOW = Question(
    "How many people are in each segment now?",
    "Everybody who is known, now, whatever the time range. View people_by_segment.",
    Sql("""
SELECT toString(segment) AS segment, people
FROM people_by_segment
WHERE community_id = @community AND ladder = @ladder
ORDER BY people DESC, segment
"""),
    "short",
    width=8,
    height=9,
)

_MATRIX = Question(
    "From which segment to which did people move?",
    "Rows are where they were, columns where they went; moves in the time range, each counted. View "
    "transition_matrix.",
    Sql("""
SELECT
    if(from_segment = '', '(first)', toString(from_segment)) AS from,
    toString(to_segment) AS to,
    sum(transitions) AS moves
FROM transition_matrix
WHERE community_id = @community AND ladder = @ladder AND $__dateFilter(day)
GROUP BY from_segment, to_segment
ORDER BY from, to
"""),
    "short",
)

_RULES = Question(
    "Which rules moved them?",
    "Moves in the time range by the rule that decided them; what each rule says: docs/people.md. View "
    "transition_matrix.",
    Sql("""
SELECT toString(rule) AS rule, toString(to_segment) AS to_segment, sum(transitions) AS moves
FROM transition_matrix
WHERE community_id = @community AND ladder = @ladder AND $__dateFilter(day)
GROUP BY rule, to_segment
ORDER BY moves DESC, rule, to_segment
"""),
    "short",
)

_GROWTH = Question(
    "How does the number of active people change?",
    "Sums of the days in each interval: who came, came back and went (below zero). The sums give the "
    "change of active people, to the person. View growth_accounting.",
    Sql(
        """
SELECT
    $__timeInterval(day) AS time,
    sum(new) AS new_people,
    sum(resurrected) AS came_back,
    -toInt64(sum(gone)) AS went
FROM growth_accounting
WHERE community_id = @community AND $__dateFilter(day)
GROUP BY time
ORDER BY time
""",
        "timeseries",
    ),
    "short",
    width=24,
)

_RETENTION = Question(
    "Of the people whom each channel brought, how many stayed?",
    "People by the month and channel of their first join; stayed: any activity 1, 7 and 28 days after it "
    f"or later. Empty under {RULES.rates_min_count} people who can tell. gap_28: to who came by "
    "themselves. View retention_by_channel.",
    Sql("""
SELECT month, toString(channel) AS channel, joined, rate_1, rate_7, rate_28, gap_28
FROM retention_by_channel
WHERE community_id = @community AND $__dateFilter(month)
ORDER BY month DESC, joined DESC, channel
"""),
    "short",
    width=24,
)

_FUNNEL = Question(
    "How many people came to each step of intent?",
    "Everybody who ever came to it, and those of them who came from the step before; hunters stand beside "
    "the others. View intent_funnel.",
    Sql("""
SELECT step, people, went_on AS from_the_step_before
FROM intent_funnel
WHERE community_id = @community
ORDER BY indexOf(['potential', 'intent', 'strong', 'buyer', 'hunter'], step)
"""),
    "short",
)

_STEP_RATES = Question(
    "How many went on from the step before, and how fast?",
    f"Rate of those on the step before; median of the days between. Empty under {RULES.rates_min_count} "
    "people. View intent_funnel.",
    Sql("""
SELECT step_before, step, people_before, went_on, rate, median_days
FROM intent_funnel
WHERE community_id = @community
ORDER BY indexOf(['potential', 'intent', 'strong', 'buyer', 'hunter'], step)
"""),
    "short",
)

_LEVELS = Question(
    "How many people are on each level?",
    "By the title of their level now; levels follow from points, which decay without activity. View users.",
    Sql("""
SELECT concat(toString(level), ' ', toString(title)) AS title, count() AS people
FROM users
WHERE community_id = @community
GROUP BY users.level, users.title
ORDER BY users.level
"""),
    "short",
    width=8,
)

_LAST_MOVES = Question(
    "Who moved last, and why?",
    "The latest moves on the ladder in the time range, with the values that decided them. Table "
    "segment_transitions.",
    Sql("""
SELECT at, user_id, from_segment, to_segment, rule, evidence
FROM segment_transitions
WHERE community_id = @community AND ladder = @ladder AND $__timeFilter(at)
ORDER BY at DESC
LIMIT 100
"""),
    "string",
    width=16,
)

_LEADERBOARD = Question(
    "Who has earned most points?",
    "Points earned so far, by everything, and what they are made of; those that decide the level decay, "
    "these don't. View leaderboard.",
    Sql("""
SELECT
    rank,
    user_id,
    points,
    level,
    toString(title) AS title,
    points_join,
    points_post,
    points_share,
    points_day,
    points_invite,
    points_purchase
FROM leaderboard
WHERE community_id = @community
ORDER BY rank, user_id
LIMIT 50
"""),
    "short",
    width=24,
)


def dashboard() -> Dashboard:
    """The dashboard."""
    ladder = choice_variable("ladder", "The ladder whose segments are shown", LADDERS)
    share = Column(unit="percentunit")
    return page(
        "people",
        "people and segments",
        "Where are people on the ladders, how do they move, who stays, who would buy?",
        [
            series_panel(_SEGMENTS, stacked=True),
            bars_panel(_SEGMENTS_NOW, "segment"),
            matrix_panel(_MATRIX, rows="from", columns="to", value="moves"),
            table_panel(_RULES),
            series_panel(_GROWTH, bars=True, stacked=True),
            table_panel(_RETENTION, {"rate_1": share, "rate_7": share, "rate_28": share, "gap_28": share}),
            bars_panel(_FUNNEL, "step"),
            table_panel(_STEP_RATES, {"rate": share, "median_days": Column(unit="d")}),
            bars_panel(_LEVELS, "title"),
            table_panel(_LAST_MOVES),
            table_panel(_LEADERBOARD),
        ],
        [community_variable(), ladder],
    )
