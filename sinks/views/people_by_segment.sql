-- Question: how many people of each community are in each segment of each ladder now?
-- Grain: one row a community, ladder and segment that has people. Everybody is counted once on each ladder.
-- Columns: community_id; ladder (lifecycle, pyramid, intent, closeness or level); segment; people (how many).
SELECT
    community_id,
    standing.1 AS ladder,
    standing.2 AS segment,
    count() AS people
FROM
(
    SELECT
        community_id,
        arrayJoin([
            ('lifecycle', toString(segment)),
            ('pyramid', toString(pyramid)),
            ('intent', toString(intent)),
            ('closeness', toString(closeness)),
            ('level', concat('level_', toString(level)))
        ]) AS standing
    FROM users_snapshots
    FINAL
)
GROUP BY community_id, ladder, segment
