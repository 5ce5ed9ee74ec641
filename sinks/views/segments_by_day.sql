-- Question: how many people were in each segment of each ladder at the end of each day?
-- Grain: one row a community, ladder, segment and day, from the first to the last day of its log, with no holes.
-- Columns: community_id; ladder; segment (that anybody was ever in at the end of a day); day (of the community's
--          time zone); people (how many; 0 on days on which nobody was).
-- People count from the day of their first row in the log. On ladders other than the lifecycle everybody begins,
-- without a row that says so, as general, none, know and level_0.
WITH
    paths AS -- of each person and ladder, the days on which the segment changed, and the segment at their ends
    (
        SELECT
            community_id,
            toString(t.ladder) AS ladder,
            arraySort(groupArray((
                day,
                bitShiftLeft(toUInt128(toUnixTimestamp64Milli(at)), 64) + _position, -- (at, _position), compared faster
                toString(to_segment)
            ))) AS path,
            arrayPushBack(arrayPopFront(path), (toDate32('1900-01-01'), 0, '')) AS nexts,
            arrayFilter((one, next) -> one.1 != next.1, path, nexts) AS ends
        FROM segment_transitions AS t
        GROUP BY community_id, user_id, t.ladder
    ),
    changes AS -- by how much the number of people in a segment changes on a day
    (
        SELECT community_id, ladder, change.1 AS segment, change.2 AS day, sum(change.3) AS change_sum
        FROM
        (
            SELECT
                community_id,
                ladder,
                arrayJoin(arrayConcat(
                    arrayMap(came -> (came.3, came.1, 1), ends),
                    arrayMap(
                        (before, came) -> (before, came.1, -1),
                        arrayPushFront(
                            arrayMap(came -> came.3, arrayPopBack(ends)),
                            transform(
                                ladder,
                                ['pyramid', 'intent', 'closeness', 'level'],
                                ['general', 'none', 'know', 'level_0'],
                                ''
                            )
                        ),
                        ends
                    )
                )) AS change
            FROM paths
            UNION ALL
            SELECT
                community_id,
                beginning.1,
                (beginning.2, first_day, 1)
            FROM (SELECT community_id, min(day) AS first_day FROM segment_transitions GROUP BY community_id, user_id)
            ARRAY JOIN [
                ('pyramid', 'general'), ('intent', 'none'), ('closeness', 'know'), ('level', 'level_0')
            ] AS beginning
        )
        WHERE segment != ''
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
SELECT community_id, ladder, segment, day, people
FROM
(
    SELECT *, max(people) OVER (PARTITION BY community_id, ladder, segment) AS most
    FROM
    (
        SELECT
            community_id,
            ladder,
            segment,
            one.1 AS day,
            sum(sum(one.2)) OVER (PARTITION BY community_id, ladder, segment ORDER BY one.1) AS people
        FROM filled
        GROUP BY community_id, ladder, segment, one.1
    )
)
WHERE most > 0
