"""Group health: which groups need care, and why the chosen one does: symptoms, habit, silence, alerts."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.source import group_figures, thresholds
from dashboards.source.overview import GROUP_URL
from dashboards.source.page import community_variable, group_variable, page
from dashboards.source.panels import (
    Column,
    Question,
    heat_map_panel,
    series_panel,
    shaded_table,
    stat_panel,
    table_panel,
)
from dashboards.source.targets import Sql
from dashboards.source.thresholds import RULES
from schemas.group_tables import SYMPTOMS

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_POSTS_AT = ", ".join(
    f"sumIf(posts + staff_posts, toHour(hour, 'UTC') = {n}) AS `{n:02}:00`" for n in range(24)
)
_POSTS_ON = ", ".join(f"sumIf(posts_a_week, day_of_week = {n}) AS {day}" for n, day in enumerate(_DAYS, 1))
_HELD = ", ".join(f"if({name}_since > 0, '{name}', '')" for name in SYMPTOMS)
_SEVERITIES = ", ".join(f"('{name}', {name}, {name}_since)" for name in SYMPTOMS)

_GROUPS = Question(
    "Which groups need care?",
    "The least healthy first; click a group to look into it. Figures are of the last day that is over. "
    "View groups, docs/groups.md.",
    Sql(
        """
SELECT
    group_id,
    health,
    members,
    active_7,
    active_28,
    participation,
    joins_28,
    leaves_28,
    arrayStringConcat(arrayFilter(name -> name != '', [{names}]), ' ') AS symptoms,
    arrayStringConcat(alerts, ' ') AS open_alerts,
    toString(phase) AS phase,
    if(last_post_at > 0, last_post_at, NULL) AS last_post
FROM groups
WHERE community_id = @community
ORDER BY health, members DESC
""",
        names=_HELD,
    ),
    "short",
    width=24,
    height=10,
)

_SYMPTOMS = Question(
    "Which symptoms does the group have, how severe, and since when?",
    "Severity: how far beyond its bar, 0 to 100 %. No moment: it has not got it. View groups, "
    "docs/groups.md, dashboards/runbooks/symptoms.md.",
    Sql(
        """
SELECT one.1 AS symptom, one.2 AS severity, if(one.3 > 0, one.3, NULL) AS since
FROM
(
    SELECT arrayJoin([{symptoms}]) AS one
    FROM groups
    WHERE community_id = @community AND group_id = @group
)
ORDER BY severity DESC, symptom
""",
        symptoms=_SEVERITIES,
    ),
    "percentunit",
)

_HOURS = Question(
    "What happens in the group?",
    "Events of the group in each interval; staff_posts are those of operators and moderators. View "
    "group_hours.",
    Sql(
        """
SELECT
    $__timeInterval(hour) AS time,
    sum(posts) AS posts,
    sum(staff_posts) AS staff_posts,
    sum(joins) AS joins,
    sum(leaves) AS leaves,
    sum(shares) AS shares,
    sum(ads) AS ads
FROM group_hours
WHERE community_id = @community AND group_id = @group AND $__timeFilter(hour)
GROUP BY time
ORDER BY time
""",
        "timeseries",
    ),
    "short",
)

_HABIT = Question(
    "At which hours of the week do people post?",
    "Posts in each hour of the week (UTC), on average of the last 8 whole weeks: where silence says "
    "little, and where it says much. View group_habit.",
    Sql(
        """
SELECT
    hour,
    {days}
FROM group_habit(community = @community, group = @group, zone = 'UTC')
GROUP BY hour
ORDER BY hour
""",
        days=_POSTS_ON,
    ),
    "short",
    decimals=1,
    height=16,
)

_RHYTHM = Question(
    "Does the group keep its hours?",
    "Posts by day (across) and hour of the day (upwards, UTC) in the time range: a habit that breaks off "
    "is a row that ends. View group_hours.",
    Sql(
        """
SELECT
    toDateTime(toStartOfDay(hour, 'UTC'), 'UTC') AS time,
    {hours}
FROM group_hours
WHERE community_id = @community AND group_id = @group AND $__timeFilter(hour)
GROUP BY time
ORDER BY time
""",
        "timeseries",
        hours=_POSTS_AT,
    ),
    "short",
    height=16,
)

_SILENCES = Question(
    "When was the group quiet or silent, and for how long?",
    f"Quiet: a gap as long as comes once in {RULES.silence.quiet_days} days; silent: once in "
    f"{RULES.silence.return_days} days, against the group's own habit. A gap that goes on has no end. View "
    "alerts, docs/silence.md.",
    Sql("""
WITH (SELECT max(clock) FROM receipts WHERE stage = 'groups') AS now_at
SELECT
    toString(rule) AS rule,
    opened_at,
    resolved_at,
    dateDiff('second', opened_at, ifNull(resolved_at, now_at)) AS lasted
FROM alerts
WHERE
    community_id = @community AND group_id = @group AND rule IN ('group_silence', 'group_quiet')
    AND opened_at <= $__toTime AND (resolved_at IS NULL OR resolved_at >= $__fromTime)
ORDER BY opened_at DESC
"""),
    "s",
)

_ALERTS = Question(
    "Which alerts did the group have?",
    "Open ones first, then those of the time range, with the values that decided them. View alerts, "
    "dashboards/runbooks/.",
    Sql("""
SELECT rule, severity, opened_at, resolved_at, opened_evidence, resolved_evidence
FROM alerts
WHERE
    community_id = @community AND group_id = @group
    AND (resolved_at IS NULL OR (opened_at <= $__toTime AND resolved_at >= $__fromTime))
ORDER BY resolved_at IS NULL DESC, opened_at DESC
LIMIT 200
"""),
    "string",
)

_LEAVING = Question(
    "What came last before people left?",
    "share: of all who are out and left; post_share: how often it would come last by chance. Empty under "
    f"{RULES.rates_min_count}. View last_before_leaving.",
    Sql("""
SELECT
    if(left_after = '', '(nothing)', toString(left_after)) AS after,
    gone,
    share,
    post_share,
    came_back,
    stayed
FROM last_before_leaving
WHERE community_id = @community AND group_id = @group
ORDER BY gone DESC, after
"""),
    "short",
    width=12,
)

_REVIEW = Question(
    "What moved in the group's latest whole week and month, and who moved it most?",
    "Against the week and month before, whatever the time range. View period_review.",
    Sql("""
SELECT period, starts_on, figure, now, before, change, top_contributor, contribution
FROM period_review
WHERE community_id = @community AND group_id = @group
ORDER BY period DESC, abs(change) / greatest(abs(before), 1) DESC, figure
"""),
    "short",
)


def dashboard() -> Dashboard:
    """The dashboard."""
    share = Column(unit="percentunit")
    participation = Column(unit="percentunit", bars=thresholds.care_below(RULES.health.participation_full))
    return page(
        "groups",
        "group health",
        "Which groups need care, and of one group: what lowers its health, when do people post, was it "
        "silent?",
        [
            table_panel(_GROUPS, {"group_id": Column(link=GROUP_URL), "participation": participation}),
            *(stat_panel(question) for question in group_figures.QUESTIONS),
            table_panel(_SYMPTOMS),
            series_panel(_HOURS),
            shaded_table(_HABIT),
            heat_map_panel(_RHYTHM),
            table_panel(_SILENCES),
            table_panel(_ALERTS),
            table_panel(_LEAVING, {"share": share, "post_share": share}),
            table_panel(_REVIEW),
        ],
        [community_variable(), group_variable()],
    )
