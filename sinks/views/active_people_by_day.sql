-- Question: how many people are active each day, week and month, and how often do they come?
-- Grain: one row a community and day (UTC), from the first to the last with activity, with no holes.
-- Columns: community_id; day; dau, wau, mau (different people active on that day, in the 7 days and in the 28 days
--          that end with it); stickiness (dau / mau; null where mau is under 20).
-- Activity is every action but leave, late events included.
WITH
    people AS
    (
        SELECT community_id, arraySort(groupUniqArray(toDate(occurred_at))) AS days
        FROM events
        WHERE action != 'leave'
        GROUP BY community_id, user_id
    ),
    changes AS -- an active day counts in a window until the next one does, or the window has passed
    (
        SELECT
            community_id,
            arrayJoin(arrayConcat(
                arrayMap(on_day -> (on_day, 1, 1, 1), days),
                arrayMap((on_day, next) -> (least(on_day + 7, next), 0, -1, 0), days, nexts),
                arrayMap((on_day, next) -> (least(on_day + 28, next), 0, 0, -1), days, nexts)
            )) AS change
        FROM (SELECT community_id, days, arrayPushBack(arrayPopFront(days), toDate('2149-06-06')) AS nexts FROM people)
    ),
    sums AS
    (
        SELECT
            community_id,
            change.1 AS day,
            sum(change.2) AS active,
            sum(change.3) AS wau_change,
            sum(change.4) AS mau_change
        FROM changes
        GROUP BY community_id, change.1
    ),
    filled AS
    (
        SELECT community_id, day, active, wau_change, mau_change, 0 AS is_hole FROM sums
        UNION ALL
        SELECT
            community_id,
            arrayJoin(arrayMap(
                n -> min(toDate(occurred_at)) + n,
                range(toUInt64(max(toDate(occurred_at)) - min(toDate(occurred_at))) + 1)
            )),
            0,
            0,
            0,
            1
        FROM events
        WHERE action != 'leave'
        GROUP BY community_id
    )
SELECT
    community_id,
    day,
    dau,
    wau,
    mau,
    if(mau < 20, NULL, dau / mau) AS stickiness
FROM
(
    SELECT
        community_id,
        day,
        sum(active) AS dau,
        sum(sum(wau_change)) OVER so_far AS wau,
        sum(sum(mau_change)) OVER so_far AS mau,
        max(is_hole) AS is_within
    FROM filled
    GROUP BY community_id, day
    WINDOW so_far AS (PARTITION BY community_id ORDER BY day)
)
WHERE is_within
