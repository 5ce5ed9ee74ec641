-- Question: does the community attract people, retain them, and activate those who come, week by week?
-- Grain: one row a community and week (UTC, from Monday on) that is over, from that of its first activity on.
-- Columns: community_id; week (its Monday); attract (people who first joined the community in it); attract_change;
--          active_before (people active in the week before); retained (those of them active in this one); retain
--          (retained / active_before; null where that is under 20); retain_change; activated (of those who first
--          joined in it, who posted within 24 h (a rule) of joining); activate (activated / attract; null where that
--          is under 20); activate_change.
-- Changes are those against the week before; null where either is. Active is who did anything but leave, late events
-- included. A week is over by the clock of the stage users.
WITH
    (SELECT toMonday(max(clock)) FROM receipts_snapshots FINAL WHERE stage = 'users') AS end_week,
    counts AS
    (
        SELECT community_id, week, countIf(is_back) AS people_back, count() AS people, 0 AS came, 0 AS posted
        FROM
        (
            SELECT
                community_id,
                arrayJoin(groupUniqArray(toMonday(occurred_at)) AS weeks) AS week,
                has(weeks, week - 7) AS is_back
            FROM events
            WHERE action != 'leave' AND occurred_at < toDateTime64(end_week, 3, 'UTC')
            GROUP BY community_id, user_id
        )
        GROUP BY community_id, week
        UNION ALL
        SELECT community_id, toMonday(joined_at) AS week, 0, 0, count(), countIf(u.activated)
        FROM users_snapshots AS u FINAL
        WHERE joined_at > 0 AND joined_at < toDateTime64(end_week, 3, 'UTC')
        GROUP BY community_id, week
        UNION ALL
        SELECT
            community_id,
            arrayJoin(arrayMap(
                n -> toMonday(min(occurred_at)) + 7 * n,
                range(toUInt64(greatest(0, dateDiff('week', toMonday(min(occurred_at)), end_week))))
            )),
            0,
            0,
            0,
            0
        FROM events
        WHERE action != 'leave'
        GROUP BY community_id
    ),
    weeks AS
    (
        SELECT
            community_id,
            week,
            sum(people_back) AS retained,
            sum(came) AS attract,
            sum(posted) AS activated,
            lagInFrame(sum(people), 1, 0) OVER so_far AS active_before,
            if(active_before < 20, NULL, retained / active_before) AS retain,
            if(attract < 20, NULL, activated / attract) AS activate
        FROM counts
        GROUP BY community_id, week
        WINDOW so_far AS (
            PARTITION BY community_id ORDER BY week ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        )
    )
SELECT
    community_id,
    week,
    attract,
    toInt64(attract) - lagInFrame(toNullable(toInt64(attract)), 1, NULL) OVER so_far AS attract_change,
    active_before,
    retained,
    retain,
    retain - lagInFrame(retain, 1, NULL) OVER so_far AS retain_change,
    activated,
    activate,
    activate - lagInFrame(activate, 1, NULL) OVER so_far AS activate_change
FROM weeks
WINDOW so_far AS (PARTITION BY community_id ORDER BY week ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
