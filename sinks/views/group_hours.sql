-- Question: what happened in each group in each hour, and by how many people?
-- Grain: one row a community, group and hour (UTC) in which anything happened.
-- Columns: community_id; group_id; hour (its beginning); joins and leaves (events of that action); posts (of
--          members) and staff_posts (of operators and moderators); questions and ads (posts of that kind of
--          members); benefits (those of staff); shares; purchases; amount (what was paid, whatever the currency);
--          people (how many different ones with any action but leave, exact).
-- From all accepted events, late ones included: a row may change when one comes.
SELECT
    community_id,
    group_id,
    toStartOfHour(occurred_at) AS hour,
    countIf(action = 'join') AS joins,
    countIf(action = 'post' AND NOT is_staff) AS posts,
    countIf(action = 'post' AND is_staff) AS staff_posts,
    countIf(action = 'post' AND kind = 'question' AND NOT is_staff) AS questions,
    countIf(action = 'post' AND kind = 'benefit' AND is_staff) AS benefits,
    countIf(action = 'post' AND kind = 'ad' AND NOT is_staff) AS ads,
    countIf(action = 'share') AS shares,
    countIf(action = 'leave') AS leaves,
    countIf(action = 'purchase') AS purchases,
    sumIf(events.amount, action = 'purchase') AS amount,
    uniqExactIf(user_id, action != 'leave') AS people
FROM
(
    SELECT *, role IN ('operator', 'moderator') AS is_staff
    FROM events
) AS events
GROUP BY community_id, group_id, hour
