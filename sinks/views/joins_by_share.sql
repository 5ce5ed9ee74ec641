-- Question: how many people did each share bring within 7 days?
-- Grain: one row a share (community_id, content_id, share_id) made 35 to 7 days before the clock of the stage chains.
-- Columns: community_id; content_id; share_id; group_id; channel; user_id (who shared); at; joins (other people whose
--          first join through a share in the community names this one, and came within 7 days of it).
-- From `shares` and all accepted events, late ones included. docs/spread.md has an example.
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'chains') AS now_at,
    firsts AS -- each person's first join through a share
    (
        SELECT
            community_id,
            e.user_id AS guest_id,
            argMin(via_share_id, (occurred_at, source_partition, source_offset)) AS via_id,
            argMin(e.content_id, (occurred_at, source_partition, source_offset)) AS named_id,
            min(occurred_at) AS came_at
        FROM events AS e
        WHERE action = 'join' AND via_share_id != ''
        GROUP BY community_id, e.user_id
    )
SELECT
    s.community_id AS community_id,
    s.content_id AS content_id,
    s.share_id AS share_id,
    any(s.group_id) AS group_id,
    any(s.channel) AS channel,
    any(s.user_id) AS user_id,
    any(s.at) AS at,
    countIf(
        guest_id != '' AND guest_id != s.user_id AND named_id IN ('', s.content_id)
        AND came_at < s.at + INTERVAL 7 DAY
    ) AS joins
FROM
(
    SELECT community_id, content_id, share_id, group_id, channel, user_id, at
    FROM shares_snapshots FINAL
    WHERE at >= now_at - INTERVAL 35 DAY AND at < now_at - INTERVAL 7 DAY
) AS s
LEFT JOIN firsts AS f ON s.community_id = f.community_id AND s.share_id = f.via_id
GROUP BY s.community_id, s.content_id, s.share_id
