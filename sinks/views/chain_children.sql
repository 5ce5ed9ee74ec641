-- Question: how many shares of a share came within 24 hours, and is its chance over?
-- Grain: one row a share (community_id, content_id, share_id).
-- Columns: community_id; content_id; share_id; depth; chance_ends_at (24 hours after the share); old_enough (1: that
--          is over by the clock of the stage chains); children (shares just below it, made before chance_ends_at).
-- Children are read from all versions of a row: of those that name a share above it, it is the same one and as long ago.
WITH (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'chains') AS now_at
SELECT
    community_id,
    content_id,
    share_id,
    depth,
    at + INTERVAL 24 HOUR AS chance_ends_at,
    ifNull(chance_ends_at <= now_at, 0) AS old_enough,
    ifNull(came, 0) AS children
FROM (SELECT community_id, content_id, share_id, depth, at FROM shares_snapshots FINAL) AS nodes
LEFT JOIN
(
    SELECT community_id, content_id, parent_share_id AS share_id, uniqExact(s.share_id) AS came
    FROM shares_snapshots AS s
    WHERE delay_s < 86400
    GROUP BY community_id, content_id, parent_share_id
) AS below
USING (community_id, content_id, share_id)
