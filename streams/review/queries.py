"""The statements behind ``groupbeat review``: each gives a few rows, however much happened.

A `group` that is empty is the whole community. Moments are milliseconds since 1970: the period is from
`split` to `end`, the one before from `start` to `split`; late events count.
"""

from __future__ import annotations

COMMUNITIES = """
SELECT community_id, min(occurred_at) AS first_at, max(occurred_at) AS last_at
FROM events
GROUP BY community_id
ORDER BY community_id
"""

CLOCK = """
SELECT min(stage_clock) AS clock, count() AS stages
FROM (SELECT stage, max(clock) AS stage_clock FROM receipts GROUP BY stage HAVING stage_clock > 0)
"""
"""Up to when all stages are: a period is over when none of them has anything of it to come."""

HOMES = """
SELECT community_id, min(occurred_at) AS first_at, max(occurred_at) AS last_at
FROM events
WHERE group_id = {group:String}
GROUP BY community_id
ORDER BY community_id
"""
"""The communities that have a group of this name."""

GROUPS_THERE = """
SELECT group_id, community_id, count() OVER () AS groups
FROM groups
WHERE {community:String} IN ('', community_id)
ORDER BY
    editDistanceUTF8(lowerUTF8(group_id), lowerUTF8({group:String})) > greatest(1, lengthUTF8({group:String}) / 4),
    members DESC, group_id, community_id
LIMIT 5
"""
"""Groups there are, those with a name like it first."""

# Of each event the figures that it counts in. A post without a role is a member's.
_EVENTS = """
    SELECT
        user_id,
        group_id,
        channel,
        reason,
        action,
        occurred_at,
        role IN ('operator', 'moderator') AS is_staff,
        arrayJoin(arrayFilter(one -> one.1 != '', [
            (if(action != 'leave', 'active_people', ''), 1.),
            (if(action = 'post', if(is_staff, 'staff_posts', 'posts'), concat(action, 's')), 1.),
            (if(action = 'post' AND kind = 'question' AND NOT is_staff, 'questions', ''), 1.),
            (if(action = 'purchase', 'amount', ''), toFloat64(amount))
        ])) AS counted,
        counted.1 AS figure,
        counted.2 AS value
    FROM events
    WHERE community_id = {community:String}
        AND ({group:String} = '' OR group_id = {group:String})
        AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
        AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
"""

SERIES = f"""
SELECT
    figure,
    if({{kind:String}} = 'week', toMonday(day), toStartOfMonth(day)) AS starts_on,
    if(figure = 'active_people', toFloat64(uniqExact(user_id)), sum(value)) AS total
FROM
(
    SELECT figure, value, user_id, toDate(toTimeZone(occurred_at, {{zone:String}})) AS day
    FROM ({_EVENTS})
)
GROUP BY figure, starts_on
"""  # noqa: S608 (both are constants)

NEWCOMERS = """
SELECT if({kind:String} = 'week', toMonday(day), toStartOfMonth(day)) AS starts_on, count() AS total
FROM
(
    SELECT toDate(toTimeZone(min(occurred_at), {zone:String})) AS day
    FROM events
    WHERE community_id = {community:String}
        AND ({group:String} = '' OR group_id = {group:String})
        AND action != 'leave'
        AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    GROUP BY user_id
)
GROUP BY starts_on
"""

PARTS = f"""
SELECT figure, key, now, before, squares
FROM
(
    SELECT
        figure,
        key,
        sum(of.now) AS now,
        sum(of.before) AS before,
        sum((now - before) * (now - before)) OVER (PARTITION BY figure) AS squares
    FROM
    (
        SELECT
            figure,
            user_id,
            multiIf(
                {{by:String}} = 'person', user_id,
                {{by:String}} = 'group', toString(group_id),
                {{by:String}} = 'channel', toString(channel),
                toString(reason)
            ) AS key,
            sumIf(value, occurred_at >= at_split) AS sum_now,
            sumIf(value, occurred_at < at_split) AS sum_before,
            if(figure = 'active_people', least(sum_now, 1), sum_now) AS now,
            if(figure = 'active_people', least(sum_before, 1), sum_before) AS before
        FROM
        (
            SELECT *, fromUnixTimestamp64Milli({{split:Int64}}, 'UTC') AS at_split
            FROM ({_EVENTS})
        )
        WHERE {{by:String}} NOT IN ('channel', 'reason')
            OR figure = if({{by:String}} = 'channel', 'joins', 'leaves')
        GROUP BY figure, user_id, key
    ) AS of
    GROUP BY figure, key
)
ORDER BY abs(now - before) DESC, key
LIMIT 8 BY figure, now > before
"""  # noqa: S608 (both are constants)

FLOW = """
SELECT
    countIf(now AND before) AS stayed,
    countIf(now AND NOT before AND is_new) AS came,
    countIf(now AND NOT before AND NOT is_new) AS returned,
    countIf(before AND NOT now) AS gone
FROM
(
    SELECT
        countIf(occurred_at >= at_split) > 0 AS now,
        countIf(occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND occurred_at < at_split) > 0 AS before,
        min(occurred_at) >= any(at_split) AS is_new
    FROM (SELECT *, fromUnixTimestamp64Milli({split:Int64}, 'UTC') AS at_split FROM events)
    WHERE community_id = {community:String}
        AND ({group:String} = '' OR group_id = {group:String})
        AND action != 'leave'
        AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
    GROUP BY user_id
)
"""
"""People active in both periods; for the first time in this one; known before, but not active in the one
before; active in that one only."""

DAYS = """
SELECT toDate(toTimeZone(occurred_at, {zone:String})) AS day, uniqExact(user_id) AS people
FROM events
WHERE community_id = {community:String}
    AND ({group:String} = '' OR group_id = {group:String})
    AND action != 'leave'
    AND occurred_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    AND occurred_at < fromUnixTimestamp64Milli({end:Int64}, 'UTC')
GROUP BY day
ORDER BY day
"""

SEGMENTS = """
WITH
    fromUnixTimestamp64Milli({split:Int64}, 'UTC') AS at_split,
    standings AS
    (
        SELECT
            min(at) < at_split AS known,
            arrayJoin([
                (
                    'lifecycle',
                    argMaxIf(toString(to_segment), (at, _position), ladder = 'lifecycle'),
                    argMaxIf(toString(to_segment), (at, _position), ladder = 'lifecycle' AND at < at_split)
                ),
                (
                    'pyramid',
                    ifNull(argMaxOrNullIf(toString(to_segment), (at, _position), ladder = 'pyramid'), 'general'),
                    ifNull(argMaxOrNullIf(toString(to_segment), (at, _position), ladder = 'pyramid' AND at < at_split), 'general')
                ),
                (
                    'intent',
                    ifNull(argMaxOrNullIf(toString(to_segment), (at, _position), ladder = 'intent'), 'none'),
                    ifNull(argMaxOrNullIf(toString(to_segment), (at, _position), ladder = 'intent' AND at < at_split), 'none')
                ),
                (
                    'closeness',
                    ifNull(argMaxOrNullIf(toString(to_segment), (at, _position), ladder = 'closeness'), 'know'),
                    ifNull(argMaxOrNullIf(toString(to_segment), (at, _position), ladder = 'closeness' AND at < at_split), 'know')
                )
            ]) AS standing
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
        GROUP BY user_id
    )
SELECT standing.1 AS ladder, if(known, standing.3, '') AS was, standing.2 AS is, count() AS people
FROM standings
GROUP BY ladder, was, is
ORDER BY ladder, was, is
"""
"""How many people were in a segment when the period began (empty: not there yet) and in which they ended it."""

_NEEDS_CARE = """
    notEmpty(alerts)
    OR greatest(hit_and_run, hollow_growth, monologue, no_response, benefit_deaf, spam_ridden, chaos_warning) > 0
"""

CARE = f"""
SELECT *
FROM groups
WHERE community_id = {{community:String}} AND if({{group:String}} = '', {_NEEDS_CARE}, group_id = {{group:String}})
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
"""Alerts that opened in either period, by rule; of those of this one how many are open now, and the latest."""
