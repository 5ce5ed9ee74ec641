-- Question: how many people were in each segment of each ladder at the end of each day?
-- Grain: one row a community, ladder, segment and day, from the first to the last day of its log, with no holes.
-- Columns: community_id; ladder; segment (that anybody was ever in at the end of a day); day (of the community's
--          time zone); people (how many; 0 on days on which nobody was).
-- People count from the day of their first row in the log. On ladders other than the lifecycle everybody begins,
-- without a row that says so, as general, none, know and level_0.
WITH
    ends AS -- each person's segment at the end of each day on which it changed
    (
        SELECT community_id, user_id, ladder, day, argMax(to_segment, (moved, at, _position)) AS segment
        FROM
        (
            SELECT community_id, user_id, ladder, day, 1 AS moved, at, _position, to_segment
            FROM segment_transitions
            UNION ALL
            SELECT community_id, user_id, beginning.1, first_day, 0, toDateTime64(0, 3, 'UTC'), 0, beginning.2
            FROM
            (
                SELECT
                    community_id,
                    user_id,
                    min(day) AS first_day,
                    arrayJoin([
                        ('pyramid', 'general'), ('intent', 'none'), ('closeness', 'know'), ('level', 'level_0')
                    ]) AS beginning
                FROM segment_transitions
                GROUP BY community_id, user_id
            )
        )
        GROUP BY community_id, user_id, ladder, day
    ),
    changes AS -- by how much the number of people in a segment changes on a day
    (
        SELECT community_id, ladder, change.1 AS segment, change.2 AS day, sum(change.3) AS change_sum
        FROM
        (
            SELECT
                community_id,
                ladder,
                arraySort(groupArray((day, toString(segment)))) AS path,
                arrayJoin(arrayConcat(
                    arrayMap(came -> (came.2, came.1, 1), path),
                    arrayMap((went, came) -> (went.2, came.1, -1), arrayPopBack(path), arrayPopFront(path))
                )) AS change
            FROM ends
            GROUP BY community_id, user_id, ladder
        )
        GROUP BY community_id, ladder, segment, day
    ),
    segments AS -- with the first and last day of the community's log
    (
        SELECT
            community_id,
            ladder,
            segment,
            groupArray((day, change_sum)) AS days,
            min(min(day)) OVER (PARTITION BY community_id) AS first_day,
            max(max(day)) OVER (PARTITION BY community_id) AS last_day
        FROM changes
        GROUP BY community_id, ladder, segment
    ),
    filled AS
    (
        SELECT
            community_id,
            ladder,
            segment,
            arrayJoin(arrayConcat(
                days,
                arrayMap(
                    n -> (addDays(first_day, n), toInt64(0)),
                    range(toUInt64(dateDiff('day', first_day, last_day)) + 1)
                )
            )) AS one
        FROM segments
    )
SELECT
    community_id,
    ladder,
    segment,
    one.1 AS day,
    sum(sum(one.2)) OVER (PARTITION BY community_id, ladder, segment ORDER BY one.1) AS people
FROM filled
GROUP BY community_id, ladder, segment, one.1
