-- Question: do members post more after a post of staff of one kind than is usual at that hour of the week?
-- Grain: one row a community, group (empty: all groups) and kind of post by operators and moderators.
-- Columns: community_id; group_id; kind (talk, question, benefit or ad); staff_posts (how many); posts_after (members'
--          posts within an hour after each); expected (their mean at the same times of the 8 weeks before each); lift
--          (posts_after / expected; null where expected is under 20).
-- Counted are posts of staff in the 28 days that end an hour before the clock of the stage users. Of weeks before the
-- group's first event there is nothing to expect: a post in its first week is left out, and in its third the mean is
-- of two weeks. A member's post within an hour after two posts of staff counts for both. Late events count.
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'users') AS now_at,
    begins AS
    (
        SELECT community_id, group_id, min(occurred_at) AS first_at
        FROM events
        GROUP BY community_id, group_id
    ),
    asked AS -- of each post of staff, where the hour after it and those of the weeks before begin
    (
        SELECT
            community_id,
            group_id,
            kind,
            least(8, intDiv(dateDiff('second', first_at, occurred_at), 604800)) AS weeks,
            arrayJoin(range(toUInt8(weeks) + 1)) AS week,
            occurred_at - INTERVAL week WEEK AS begins_at
        FROM
        (
            SELECT community_id, group_id, kind, occurred_at
            FROM events
            WHERE
                action = 'post' AND role IN ('operator', 'moderator')
                AND occurred_at > now_at - INTERVAL 28 DAY - INTERVAL 1 HOUR
                AND occurred_at <= now_at - INTERVAL 1 HOUR
        ) AS staff
        INNER JOIN begins USING (community_id, group_id)
        WHERE occurred_at >= first_at + INTERVAL 1 WEEK
    ),
    marks AS -- an hour has the members' posts up to its end, less those up to its beginning
    (
        SELECT community_id, group_id, occurred_at AS at, 1 AS posts, '' AS kind, 0. AS sign, 0 AS is_after, 0 AS is_end
        FROM events
        WHERE
            action = 'post' AND role NOT IN ('operator', 'moderator')
            AND occurred_at > now_at - INTERVAL 85 DAY AND occurred_at <= now_at
        UNION ALL
        SELECT
            community_id,
            group_id,
            begins_at + INTERVAL side HOUR,
            0,
            toString(asked.kind),
            if(week = 0, 1., 1 / weeks) * if(side, 1, -1),
            week = 0,
            side
        FROM asked
        ARRAY JOIN [0, 1] AS side
    ),
    counted AS
    (
        SELECT
            community_id,
            group_id,
            kind,
            sign,
            is_after,
            is_end,
            sum(posts) OVER (PARTITION BY community_id, group_id ORDER BY at) AS so_far
        FROM marks
    )
SELECT
    community_id,
    place AS group_id,
    kind,
    countIf(is_after AND is_end) AS staff_posts,
    sumIf(toInt64(sign) * toInt64(so_far), is_after) AS posts_after,
    sumIf(sign * so_far, NOT is_after) AS expected,
    if(expected < 20, NULL, posts_after / expected) AS lift
FROM (SELECT *, arrayJoin([toString(group_id), '']) AS place FROM counted WHERE kind != '')
GROUP BY community_id, place, kind
