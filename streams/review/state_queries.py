"""More statements behind ``groupbeat review``: people by segment, groups, contents, alerts.

Their parameters are those of ``queries.py``.
"""

from __future__ import annotations

SEGMENTS = """
WITH transitions AS
(
    SELECT user_id, toString(ladder) AS ladder, toString(to_segment) AS segment, at, _position
    FROM segment_transitions
    WHERE community_id = {community:String}
        AND at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
        AND ({group:String} = '' OR user_id IN (
            SELECT user_id
            FROM events
            WHERE community_id = {community:String}
                AND group_id = {group:String}
                AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
        ))
)
SELECT ladder, was, is, count() AS people
FROM
(
    SELECT
        ladder,
        argMax(segment, (at, moved, _position)) AS is,
        argMaxIf(segment, (at, moved, _position), at < fromUnixTimestamp64Milli({split:Int64}, 'UTC')) AS was
    FROM
    (
        SELECT user_id, ladder, segment, at, 1 AS moved, _position FROM transitions
        UNION ALL
        SELECT user_id, beginning.1, beginning.2, first_at, 0, 0
        FROM
        (
            SELECT
                user_id,
                min(at) AS first_at,
                arrayJoin([('pyramid', 'general'), ('intent', 'none'), ('closeness', 'know')]) AS beginning
            FROM transitions
            GROUP BY user_id
        )
    )
    GROUP BY user_id, ladder
)
WHERE ladder != 'level'
GROUP BY ladder, was, is
ORDER BY ladder, was, is
"""
"""How many people were in a segment as the period began (empty: not there yet), and in which as it ended.

Everybody begins, without a row that says so, as general, none and know.
"""

_NEEDS_CARE = """
    (
        notEmpty(alerts) OR hit_and_run > 0 OR hollow_growth > 0 OR monologue > 0 OR no_response > 0
        OR benefit_deaf > 0 OR spam_ridden > 0 OR chaos_warning > 0
    )
"""

CARE = f"""
SELECT *
FROM groups
WHERE community_id = {{community:String}}
    AND (group_id = {{group:String}} OR {{group:String}} = '' AND {_NEEDS_CARE})
ORDER BY health, members DESC, group_id
LIMIT {{most:UInt32}}
"""  # noqa: S608 (it is a constant)
"""Groups with a symptom or an open alert, or the one that is named."""

CARE_OF = f"""
SELECT countIf({_NEEDS_CARE}) AS of_them, count() AS of_all
FROM groups
WHERE community_id = {{community:String}}
"""  # noqa: S608 (it is a constant)

POSTS = """
SELECT
    group_id,
    countIf(occurred_at >= fromUnixTimestamp64Milli({split:Int64}, 'UTC')) AS now,
    countIf(occurred_at < fromUnixTimestamp64Milli({split:Int64}, 'UTC')) AS before
FROM events
WHERE community_id = {community:String}
    AND group_id IN {groups:Array(String)}
    AND action = 'post'
    AND role NOT IN ('operator', 'moderator')
    AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
GROUP BY group_id
"""
"""Members' posts of some groups."""

OPEN_ALERTS = """
SELECT group_id, rule, severity, opened_at, opened_evidence
FROM alerts
WHERE community_id = {community:String} AND resolved_at IS NULL AND group_id IN {groups:Array(String)}
    AND content_id = ''
ORDER BY opened_at DESC, rule
"""

CONTENTS = """
SELECT
    content_id,
    shares,
    shares_before,
    sharers,
    views,
    views_before,
    joins,
    joins_before,
    of_them,
    of_them_before,
    c.depth AS depth,
    c.structural_virality AS structural_virality,
    c.explosive_at >= fromUnixTimestamp64Milli({split:Int64}, 'UTC')
        AND c.explosive_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC') AS explosive
FROM
(
    SELECT
        content_id,
        countIf(action = 'share' AND now) AS shares,
        countIf(action = 'share' AND NOT now) AS shares_before,
        uniqExactIf(user_id, action = 'share' AND now) AS sharers,
        countIf(action = 'view' AND now) AS views,
        countIf(action = 'view' AND NOT now) AS views_before,
        countIf(action = 'join' AND now) AS joins,
        countIf(action = 'join' AND NOT now) AS joins_before,
        countIf(shares > 0) OVER () AS of_them,
        countIf(shares_before > 0) OVER () AS of_them_before
    FROM
    (
        SELECT *, occurred_at >= fromUnixTimestamp64Milli({split:Int64}, 'UTC') AS now
        FROM events
        WHERE community_id = {community:String}
            AND ({group:String} = '' OR group_id = {group:String})
            AND content_id != ''
            AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
            AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    )
    GROUP BY content_id
) AS e
LEFT JOIN
(
    SELECT content_id, depth, structural_virality, explosive_at
    FROM contents
    WHERE community_id = {community:String}
) AS c USING (content_id)
ORDER BY shares DESC, views DESC, content_id
LIMIT {most:UInt32}
"""
"""Contents with any action in either period, the most shared first; how many of them were shared in each."""

ALERTS = """
SELECT
    rule,
    severity,
    countIf(NOT now) AS before,
    countIf(now) AS opened,
    countIf(now AND resolved_at IS NULL) AS still_open,
    uniqExactIf((group_id, content_id), now) AS places,
    argMaxIf((group_id, content_id, opened_at, opened_evidence), opened_at, now) AS latest
FROM
(
    SELECT *, opened_at >= fromUnixTimestamp64Milli({split:Int64}, 'UTC') AS now
    FROM alerts
    WHERE community_id = {community:String}
        AND ({group:String} = '' OR group_id = {group:String})
        AND opened_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
        AND opened_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
)
GROUP BY rule, severity
ORDER BY indexOf(['critical', 'warning', 'info'], toString(severity)), opened DESC, rule
"""
"""Alerts that opened in either period, by rule; of this one's how many are open now, and the latest."""
