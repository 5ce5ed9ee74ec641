"""Content and chains: does sharing bring people, what spreads and how, and who carries it."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.source import thresholds
from dashboards.source.overview import GROUP_URL
from dashboards.source.page import community_variable, page, query_variable
from dashboards.source.panels import (
    Column,
    Question,
    bars_panel,
    series_panel,
    stat_panel,
    table_panel,
)
from dashboards.source.targets import Sql
from dashboards.source.thresholds import RULES

_WINDOW = "Shares made 35 to 7 days ago, whatever the time range; joins within 7 days of the share."


def _of_k(title: str, about: str, value: str) -> Question:
    return Question(
        title,
        f"{about} {_WINDOW} View k_by_community.",
        Sql(
            "SELECT anyOrNull({value}) AS value FROM k_by_community WHERE community_id = @community",
            value=value,
        ),
        "none",
        decimals=2,
        width=4,
        height=5,
    )


_EXPLOSIVE = Question(
    "How many contents exploded?",
    f"In the time range: at least {RULES.chains.explosive_shares} shares in the first hour, more than 99 "
    "in 100 contents had. View alerts, dashboards/runbooks/content.md.",
    Sql("""
SELECT count() AS contents
FROM alerts
WHERE community_id = @community AND rule = 'explosive_content' AND $__timeFilter(opened_at)
"""),
    "short",
    width=4,
    height=5,
)

_DAYS = Question(
    "How much is shared, seen and joined through shares, day by day?",
    "Accepted events by day (UTC); views and joins are those that name a share they came through. Table "
    "events.",
    Sql(
        """
SELECT
    toStartOfDay(toDateTime(occurred_at, 'UTC')) AS time,
    countIf(action = 'share') AS shares,
    countIf(action = 'view') AS views,
    countIf(action = 'join') AS joins,
    countIf(action = 'purchase') AS purchases
FROM events
WHERE
    community_id = @community AND $__timeFilter(occurred_at)
    AND (action = 'share' OR via_share_id != '')
GROUP BY time
ORDER BY time
""",
        "timeseries",
    ),
    "short",
    width=24,
)


def _k_by(view: str, title: str, about: str, name: str, value: str) -> Question:
    return Question(
        title,
        f"{about} {_WINDOW} View {view}.",
        Sql(
            """
SELECT {value} AS {name}, k, k_low, k_high, sharers, shares, joins
FROM {view}
WHERE community_id = @community
ORDER BY joins DESC, sharers DESC, {name}
LIMIT 100
""",
            view=view,
            value=value,
            name=name,
        ),
        "none",
        decimals=2,
        width=8,
    )


_CASCADES = Question(
    "Which contents spread, and do they still?",
    "The most shared of the last 24 hours first, then of all. branching: shares of a share within 24 "
    "hours, on average, with its 95 % interval: below 1 a tree dies out. View contents, content_spread, "
    "docs/spread.md.",
    Sql("""
SELECT
    c.content_id AS content_id,
    c.group_id AS group_id,
    shares_24h,
    shares,
    sharers,
    depth,
    structural_virality,
    views,
    joins,
    buyers,
    regime,
    branching,
    branching_low,
    branching_high,
    doubling_h,
    cycle_time_s,
    core_share,
    c.saturation AS saturation
FROM contents AS c
INNER JOIN content_spread AS s ON c.community_id = s.community_id AND c.content_id = s.content_id
WHERE c.community_id = @community AND shares > 0
ORDER BY shares_24h DESC, shares DESC, content_id
LIMIT 50
"""),
    "short",
    width=24,
    height=10,
)

_LEADERS = Question(
    "Whose shares are seen most, and sell most?",
    "The 50 people with the most views through their shares and all below them; a share under another of "
    "theirs counts once. View top_sharers.",
    Sql("""
SELECT
    user_id,
    sum(top.shares) AS shares,
    uniqExact(content_id) AS contents,
    sum(top.reach) AS reach,
    sum(top.joins) AS joins,
    sum(top.buyers) AS buyers,
    sum(top.amount) AS amount
FROM top_sharers AS top
WHERE community_id = @community
GROUP BY user_id
ORDER BY reach DESC, shares DESC, user_id
LIMIT 50
"""),
    "short",
)

_DIVERGENCE = Question(
    "Which contents are seen more, but shared and acted on less?",
    "Of 7 days, against the 7 before: views up, shares and conversions down, by 20 % at least. View "
    "content_divergence.",
    Sql("""
SELECT content_id, views_before, views, shares_before, shares, conversions_before, conversions
FROM content_divergence
WHERE community_id = @community
ORDER BY views DESC, content_id
"""),
    "short",
)

_GENERATIONS = Question(
    "How many shares did each generation of the content lead to?",
    "By depth in its tree of shares: those there, and those just below them within 24 hours. View "
    "chain_generations.",
    Sql("""
SELECT toString(depth) AS generation, nodes AS shares, children AS shares_below
FROM chain_generations AS g
WHERE community_id = @community AND content_id = @content
ORDER BY g.depth
"""),
    "short",
)

_TREE = Question(
    "Which shares of the content reached most?",
    "Views, joins and buyers through each share and all below it. View shares.",
    Sql("""
SELECT at, user_id, channel, depth, size, reach, joins, buyers, amount, delay_s
FROM shares
WHERE community_id = @community AND content_id = @content
ORDER BY reach DESC, size DESC, at
LIMIT 100
"""),
    "short",
)

_CONVERSION = Question(
    "In which groups do people who look also buy?",
    f"People with a view and a purchase there, of those with a view; empty under {RULES.rates_min_count}. "
    "View conversion_by_group.",
    Sql("""
SELECT group_id, viewers, buyers, viewers_who_bought, rate, purchases
FROM conversion_by_group
WHERE community_id = @community
ORDER BY buyers DESC, viewers DESC, group_id
LIMIT 100
"""),
    "short",
    width=24,
)


def dashboard() -> Dashboard:
    """The dashboard."""
    contents = (
        "SELECT content_id FROM contents WHERE community_id = @community AND shares > 0 "
        "ORDER BY last_at DESC, content_id LIMIT 500"
    )
    number = Column(unit="none")
    part = Column(unit="percentunit")
    branching = Column(unit="none", bars=thresholds.care_below(1))
    counts = dict.fromkeys(("sharers", "shares", "joins"), Column(unit="short"))
    return page(
        "content",
        "content and chains",
        "Does sharing bring people, what spreads and how far, and who carries it?",
        [
            stat_panel(_of_k("How many joins does a person who shares bring (K)?", "Joins to sharers.", "k")),
            stat_panel(_of_k("How low may K be?", "The lower end of its 95 % interval.", "k_low")),
            stat_panel(_of_k("How high may K be?", "The upper end of its 95 % interval.", "k_high")),
            stat_panel(_of_k("How often does who shares share?", "Shares to sharers.", "shares_per_sharer")),
            stat_panel(_of_k("How many joins does a share bring?", "Joins to shares.", "joins_per_share")),
            stat_panel(_EXPLOSIVE),
            series_panel(_DAYS),
            table_panel(
                _k_by(
                    "k_by_group",
                    "In which groups does sharing bring people?",
                    "K by group.",
                    "group_id",
                    "group_id",
                ),
                {**counts, "group_id": Column(link=GROUP_URL)},
            ),
            table_panel(
                _k_by(
                    "k_by_channel",
                    "Through which channels?",
                    "K by where shares go.",
                    "channel",
                    "toString(channel)",
                ),
                counts,
            ),
            table_panel(
                _k_by(
                    "k_by_generation",
                    "Do invited people bring others?",
                    "K by how many invitations from somebody who came alone.",
                    "generation",
                    "generation",
                ),
                {**counts, "generation": Column(unit="short")},
            ),
            table_panel(
                _CASCADES,
                {
                    "group_id": Column(link=GROUP_URL),
                    "structural_virality": number,
                    "branching": branching,
                    "branching_low": number,
                    "branching_high": number,
                    "doubling_h": Column(unit="h"),
                    "cycle_time_s": Column(unit="s"),
                    "core_share": part,
                    "saturation": part,
                },
            ),
            table_panel(_LEADERS),
            table_panel(_DIVERGENCE),
            table_panel(_CONVERSION, {"group_id": Column(link=GROUP_URL), "rate": part}),
            bars_panel(_GENERATIONS, "generation"),
            table_panel(_TREE, {"delay_s": Column(unit="s")}),
        ],
        [
            community_variable(),
            query_variable(
                "content", "The content that the last two panels are about, the latest first", contents
            ),
        ],
    )
