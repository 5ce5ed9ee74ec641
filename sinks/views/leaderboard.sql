-- Question: who has earned most points in each community?
-- Grain: one row a person (community_id, user_id) who has points.
-- Columns: community_id; user_id; rank (1 is the most; equal ones have the same); points (earned so far);
--          points_join, points_post, points_share, points_day, points_invite, points_purchase (what they are made of);
--          level; title.
-- Points earned are never taken away; those that decide the level decay (docs/people.md).
SELECT
    community_id,
    user_id,
    rank() OVER (PARTITION BY community_id ORDER BY points DESC) AS rank,
    points_join + points_post + points_share + points_day + points_invite + points_purchase AS points,
    points_join,
    points_post,
    points_share,
    points_day,
    points_invite,
    points_purchase,
    level,
    title
FROM users_snapshots
FINAL
WHERE points > 0
