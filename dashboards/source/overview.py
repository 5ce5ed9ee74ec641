"""Community overview: how many are active, who came and went, what they did, what alerts say."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.source import thresholds
from dashboards.source.page import community_variable, page
from dashboards.source.panels import Column, Question, series_panel, stat_panel, table_panel
from dashboards.source.targets import Sql
from dashboards.source.thresholds import RULES
from schemas.group_tables import SYMPTOMS

GROUP_URL = (
    "/d/groupbeat-groups?var-community=${community:percentencode}"
    "&var-group=${__data.fields.group_id:percentencode}&${__url_time_range}"
)
"""The dashboard of the group in the row that is clicked."""

_PEOPLE_NOW = Question(
    "How many people are active?",
    "People who are new, active, core or resurrected on the last day of the time range that the log has. "
    "View growth_accounting.",
    Sql("""
SELECT argMaxOrNull(active, day) AS people
FROM growth_accounting
WHERE community_id = @community AND day <= toDate($__toTime)
"""),
    "short",
    width=4,
    height=5,
)


def _events(title: str, action: str) -> Question:
    return Question(
        title,
        f"Events of the action {action} in the time range, whole days (UTC). View events_by_day.",
        Sql(
            """
SELECT sum(events) AS {action}s
FROM events_by_day
WHERE community_id = @community AND action = '{action}' AND $__dateFilter(day)
""",
            action=action,
        ),
        "short",
        width=4,
        height=5,
    )


_K = Question(
    "How many joins does a person who shares bring (K)?",
    "Joins within 7 days of a share, to people who shared; shares made 35 to 7 days ago, whatever the "
    "time range. From 1 on, each who shares brings another. View k_by_community, docs/spread.md.",
    Sql("SELECT anyOrNull(k) AS k FROM k_by_community WHERE community_id = @community"),
    "none",
    decimals=2,
    width=4,
    height=5,
)

_ALERTS_OPEN = Question(
    "How many alerts are open?",
    "About groups and contents, now, whatever the time range. View alerts.",
    Sql("SELECT countIf(resolved_at IS NULL) AS alerts FROM alerts WHERE community_id = @community"),
    "short",
    bars=thresholds.care_from(1),
    width=4,
    height=5,
)

_NEED_CARE = Question(
    "How many groups have a symptom?",
    "Groups with at least one of the six symptoms or the chaos warning, now. View groups.",
    Sql(
        """
SELECT countIf(greatest({moments}) > 0) AS groups
FROM groups
WHERE community_id = @community
""",
        moments=", ".join(f"{name}_since" for name in SYMPTOMS),
    ),
    "short",
    bars=thresholds.care_from(1),
    width=4,
    height=5,
)

_ACTIVE = Question(
    "How many people are active in a day, a week, a month?",
    "Different people with any action but leave on each day (UTC), in the 7 days and in the 28 days that end "
    "with it. View active_people_by_day.",
    Sql(
        """
SELECT toDateTime(day, 'UTC') AS time, dau AS in_1_day, wau AS in_7_days, mau AS in_28_days
FROM active_people_by_day
WHERE community_id = @community AND $__dateFilter(day)
ORDER BY time
""",
        "timeseries",
    ),
    "short",
)

_GROWTH = Question(
    "Who came, who came back, and who went, day by day?",
    "active = active of the day before + new + resurrected - gone, to the person; gone is drawn below "
    "zero. View growth_accounting.",
    Sql(
        """
SELECT toDateTime(day, 'UTC') AS time, new, resurrected, -toInt64(gone) AS gone
FROM growth_accounting
WHERE community_id = @community AND $__dateFilter(day)
ORDER BY time
""",
        "timeseries",
    ),
    "short",
)

_ACTIONS = Question(
    "What do people do, day by day?",
    "Accepted events of each action, late ones included, by day (UTC). View events_by_day.",
    Sql(
        """
SELECT
    toDateTime(day, 'UTC') AS time,
    sumIf(events, action = 'join') AS joins,
    sumIf(events, action = 'post') AS posts,
    sumIf(events, action = 'share') AS shares,
    sumIf(events, action = 'leave') AS leaves,
    sumIf(events, action = 'purchase') AS purchases,
    sumIf(events, action = 'view') AS views
FROM events_by_day
WHERE community_id = @community AND $__dateFilter(day)
GROUP BY day
ORDER BY time
""",
        "timeseries",
    ),
    "short",
)

_AIMS = Question(
    "Are people retained and activated, week by week?",
    f"Of those active the week before, who came again; of those who first joined, who posted within "
    f"{RULES.activation_hours} hours. Empty under {RULES.rates_min_count} people. View three_aims.",
    Sql(
        """
SELECT toDateTime(week, 'UTC') AS time, retain AS retained, activate AS activated
FROM three_aims
WHERE community_id = @community AND $__dateFilter(week)
ORDER BY time
""",
        "timeseries",
    ),
    "percentunit",
)

_REVIEW = Question(
    "What moved in the latest whole week and month, and who moved it most?",
    "Against the week and month before, whatever the time range; contributors are groups. View "
    "period_review.",
    Sql("""
SELECT period, starts_on, figure, now, before, change, top_contributor, contribution
FROM period_review
WHERE community_id = @community AND group_id = ''
ORDER BY period DESC, abs(change) / greatest(abs(before), 1) DESC, figure
"""),
    "short",
)

_ALERTS = Question(
    "Which alerts are open, and which were there in this time?",
    "Open ones first. Moments are when it became true. The evidence has the values that decided it. View "
    "alerts.",
    Sql("""
SELECT group_id, content_id, rule, severity, opened_at, resolved_at, opened_evidence AS evidence
FROM alerts
WHERE
    community_id = @community
    AND (resolved_at IS NULL OR (opened_at <= $__toTime AND resolved_at >= $__fromTime))
ORDER BY resolved_at IS NULL DESC, opened_at DESC
LIMIT 200
"""),
    "string",
)


def dashboard() -> Dashboard:
    """The dashboard."""
    return page(
        "community",
        "community overview",
        "How is the community: how many are active, who came and went, what is wrong?",
        [
            stat_panel(_PEOPLE_NOW),
            stat_panel(_events("How many joined?", "join")),
            stat_panel(_events("How many posts are there?", "post")),
            stat_panel(_K),
            stat_panel(_ALERTS_OPEN),
            stat_panel(_NEED_CARE),
            series_panel(_ACTIVE),
            series_panel(_GROWTH, bars=True, stacked=True),
            series_panel(_ACTIONS),
            series_panel(_AIMS),
            table_panel(_REVIEW),
            table_panel(_ALERTS, {"group_id": Column(link=GROUP_URL)}),
        ],
        [community_variable()],
    )
