-- Question: of the people who joined a group in a month, how many stayed in it?
-- Grain: one row a community, group and month. Who ever joined a group is in one row of it: that of the first join.
-- Columns: community_id; group_id; month (of the first join there, UTC; its first day); joined (people); and for N =
--          1, 7, 28: old_enough_N (those who joined at least N x 24 hours before the clock of the stage users, the
--          others can't tell yet); stayed_N (those of them with any activity in the group, every action but leave, N x
--          24 hours after their first join there or later); rate_N (stayed_N / old_enough_N; null where old_enough_N
--          is under 20).
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'users') AS now_at,
    joins AS
    (
        SELECT
            community_id,
            group_id,
            minIf(occurred_at, action = 'join') AS joined_at,
            least(maxIf(occurred_at, action != 'leave'), now_at) AS last_at
        FROM events
        GROUP BY community_id, group_id, user_id
        HAVING countIf(action = 'join') > 0
    )
SELECT
    community_id,
    group_id,
    toStartOfMonth(joined_at) AS month,
    count() AS joined,
    countIf(joined_at + INTERVAL 1 DAY <= now_at) AS old_enough_1,
    countIf(joined_at + INTERVAL 1 DAY <= last_at) AS stayed_1,
    if(old_enough_1 < 20, NULL, stayed_1 / old_enough_1) AS rate_1,
    countIf(joined_at + INTERVAL 7 DAY <= now_at) AS old_enough_7,
    countIf(joined_at + INTERVAL 7 DAY <= last_at) AS stayed_7,
    if(old_enough_7 < 20, NULL, stayed_7 / old_enough_7) AS rate_7,
    countIf(joined_at + INTERVAL 28 DAY <= now_at) AS old_enough_28,
    countIf(joined_at + INTERVAL 28 DAY <= last_at) AS stayed_28,
    if(old_enough_28 < 20, NULL, stayed_28 / old_enough_28) AS rate_28
FROM joins
GROUP BY community_id, group_id, month
