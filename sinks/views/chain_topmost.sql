-- Question: which shares are under another share of the same person?
-- Grain: one row a share (community_id, content_id, share_id).
-- Columns: community_id; content_id; share_id; user_id; topmost (1: no share of the same person is above it in the
--          tree, so what came through it is part of no other share of theirs); reach, joins, buyers, amount (of
--          itself and all below it, as in `shares`).
-- Only shares of people who shared a content more than once are followed upwards, at most 100 generations.
-- The way up is read from all versions of a row, not the last: of those that name a share above it is the same one.
WITH RECURSIVE
    climb AS
    (
        SELECT DISTINCT
            community_id, content_id, share_id, user_id, parent_share_id AS above_id, 0 AS found, 0 AS steps
        FROM shares_snapshots
        WHERE parent_share_id != '' AND (community_id, content_id, user_id) IN (
            SELECT community_id, content_id, user_id
            FROM shares_snapshots FINAL
            GROUP BY community_id, content_id, user_id
            HAVING count() > 1
        )
        UNION ALL
        SELECT DISTINCT
            c.community_id,
            c.content_id,
            c.share_id,
            c.user_id,
            n.parent_share_id,
            toUInt8(n.user_id = c.user_id),
            toUInt8(c.steps + 1)
        FROM shares_snapshots AS n
        INNER JOIN climb AS c
        ON n.community_id = c.community_id AND n.content_id = c.content_id AND n.share_id = c.above_id
        WHERE n.direct_shares > 0 AND NOT c.found AND c.steps < 100
    )
SELECT
    community_id,
    content_id,
    share_id,
    user_id,
    (community_id, content_id, share_id) NOT IN (
        SELECT community_id, content_id, share_id FROM climb WHERE found
    ) AS topmost,
    reach,
    joins,
    buyers,
    amount
FROM shares_snapshots FINAL
