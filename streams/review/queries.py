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
    3 * editDistanceUTF8(lowerUTF8(group_id), lowerUTF8({group:String})) > lengthUTF8({group:String}),
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
SELECT figure, way, key, now, before, squares
FROM
(
    SELECT
        figure,
        way,
        key,
        sum(of.now) AS now,
        sum(of.before) AS before,
        sum((now - before) * (now - before)) OVER (PARTITION BY figure, way) AS squares
    FROM
    (
        SELECT
            figure,
            user_id,
            arrayJoin([
                ('person', user_id),
                ('group', toString(group_id)),
                (if(figure = 'joins', 'channel', ''), toString(channel)),
                (if(figure = 'leaves', 'reason', ''), reason)
            ]) AS part,
            part.1 AS way,
            part.2 AS key,
            sumIf(value, occurred_at >= at_split) AS sum_now,
            sumIf(value, occurred_at < at_split) AS sum_before,
            if(figure = 'active_people', least(sum_now, 1), sum_now) AS now,
            if(figure = 'active_people', least(sum_before, 1), sum_before) AS before
        FROM
        (
            SELECT *, fromUnixTimestamp64Milli({{split:Int64}}, 'UTC') AS at_split
            FROM ({_EVENTS})
        )
        WHERE way != ''
        GROUP BY figure, user_id, part
    ) AS of
    GROUP BY figure, way, key
)
ORDER BY abs(now - before) DESC, key
LIMIT 8 BY figure, way, now > before
"""  # noqa: S608 (both are constants)
"""What each person, group, channel and reason has of each figure: those that moved most, up and down.

Squares is the sum of the squares of the changes of all parts of its kind.
"""

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
        countIf(occurred_at >= at_start AND occurred_at < at_split) > 0 AS before,
        min(occurred_at) >= any(at_split) AS is_new
    FROM
    (
        SELECT
            *,
            fromUnixTimestamp64Milli({start:Int64}, 'UTC') AS at_start,
            fromUnixTimestamp64Milli({split:Int64}, 'UTC') AS at_split
        FROM events
    )
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
