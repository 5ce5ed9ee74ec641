-- Question: how much happened each day, and by how many people?
-- Grain: one row a community, day (UTC) and action.
-- Columns: community_id; day; action; events (how many); people (how many different ones, exact).
SELECT
    community_id,
    toDate(occurred_at) AS day,
    action,
    count() AS events,
    uniqExact(user_id) AS people
FROM events
GROUP BY community_id, day, action
