-- Question: how many people of each community are in each lifecycle segment now?
-- Grain: one row a community and segment that has people.
-- Columns: community_id; segment; people (how many).
SELECT
    community_id,
    segment,
    count() AS people
FROM users_snapshots
FINAL
GROUP BY community_id, segment
