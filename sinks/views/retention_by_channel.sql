-- Question: of the people whom each channel brought in a month, how many stayed, and how does that compare?
-- Grain: one row a community, channel and month. Everybody who ever joined is in one row: that of their first join.
-- Columns: community_id; channel (of the first join; organic: direct, organic, or none named); month (of the first
--          join, UTC; its first day); joined (people); and for N = 1, 7, 28: old_enough_N (those who joined at least
--          N x 24 hours before the stream clock, the others can't tell yet); stayed_N (those of them with any
--          activity, every action but leave, N x 24 hours after their first join or later); rate_N (stayed_N /
--          old_enough_N; null where old_enough_N is under 20); gap_N (rate_N less that of the organic channel of
--          the same community and month; null where either is).
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'users') AS now_at,
    joins AS
    (
        SELECT
            community_id,
            user_id,
            toString(argMin(events.channel, (occurred_at, source_offset))) AS first_channel,
            min(occurred_at) AS joined_at
        FROM events
        WHERE action = 'join'
        GROUP BY community_id, user_id
    ),
    people AS
    (
        SELECT
            community_id,
            if(first_channel IN ('', 'direct', 'organic'), 'organic', first_channel) AS channel,
            toStartOfMonth(joined_at) AS month,
            joined_at,
            last_at
        FROM joins
        INNER JOIN (SELECT community_id, user_id, last_at FROM users_snapshots FINAL) AS latest
        USING (community_id, user_id)
    ),
    rates AS
    (
        SELECT
            community_id,
            channel,
            month,
            count() AS joined,
            countIf(joined_at + INTERVAL 1 DAY <= now_at) AS old_enough_1,
            countIf(joined_at + INTERVAL 1 DAY <= least(now_at, last_at)) AS stayed_1,
            if(old_enough_1 < 20, NULL, stayed_1 / old_enough_1) AS rate_1,
            countIf(joined_at + INTERVAL 7 DAY <= now_at) AS old_enough_7,
            countIf(joined_at + INTERVAL 7 DAY <= least(now_at, last_at)) AS stayed_7,
            if(old_enough_7 < 20, NULL, stayed_7 / old_enough_7) AS rate_7,
            countIf(joined_at + INTERVAL 28 DAY <= now_at) AS old_enough_28,
            countIf(joined_at + INTERVAL 28 DAY <= least(now_at, last_at)) AS stayed_28,
            if(old_enough_28 < 20, NULL, stayed_28 / old_enough_28) AS rate_28
        FROM people
        GROUP BY community_id, channel, month
    )
SELECT
    community_id,
    channel,
    month,
    joined,
    old_enough_1,
    stayed_1,
    rate_1,
    rate_1 - anyIf(rate_1, channel = 'organic') OVER cohort AS gap_1,
    old_enough_7,
    stayed_7,
    rate_7,
    rate_7 - anyIf(rate_7, channel = 'organic') OVER cohort AS gap_7,
    old_enough_28,
    stayed_28,
    rate_28,
    rate_28 - anyIf(rate_28, channel = 'organic') OVER cohort AS gap_28
FROM rates
WINDOW cohort AS (PARTITION BY community_id, month)
