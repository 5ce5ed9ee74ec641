-- Question: which contents are looked at more and more, while people share them less and buy or join less?
-- Grain: one row a content (community_id, content_id) of which this is so.
-- Columns: community_id; content_id; views, shares, conversions (joins and purchases that name it) of the 7 days
--          before the clock of the stage chains; views_before, shares_before, conversions_before (of the 7 days
--          before those).
-- It is so if there were 20 views before, they went up by 20 % at least, and shares and conversions went down by 20 %
-- at least, each. By when things happened; late events are left out.
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'chains') AS now_at,
    weeks AS
    (
        SELECT
            community_id,
            content_id,
            occurred_at >= now_at - INTERVAL 7 DAY AS is_last,
            action = 'view' AS is_view,
            action = 'share' AS is_share,
            action IN ('join', 'purchase') AS is_conversion
        FROM events
        WHERE
            content_id != '' AND action != 'post' AND NOT late
            AND occurred_at >= now_at - INTERVAL 14 DAY AND occurred_at < now_at
    )
SELECT
    community_id,
    content_id,
    countIf(is_view AND is_last) AS views,
    countIf(is_share AND is_last) AS shares,
    countIf(is_conversion AND is_last) AS conversions,
    countIf(is_view AND NOT is_last) AS views_before,
    countIf(is_share AND NOT is_last) AS shares_before,
    countIf(is_conversion AND NOT is_last) AS conversions_before
FROM weeks
GROUP BY community_id, content_id
HAVING
    views_before >= 20 AND 10 * views >= 12 * views_before
    AND shares_before > 0 AND 10 * shares <= 8 * shares_before
    AND conversions_before > 0 AND 10 * conversions <= 8 * conversions_before
