-- Question: how did each content do each day, and was that much or little for its community?
-- Grain: one row a community, content and day (UTC) with a view or share of it, or a join or purchase that names it.
-- Columns: community_id; content_id; day; views; shares; joins; purchases; amount (what was paid, whatever the
--          currency); views_band, shares_band, purchases_band (top: more than 95 % of the rows of the community have;
--          high: more than 80 %; middle: more than half; low: the others).
-- Bands compare with every row of the community, of any content and day. Late events count.
WITH
    days AS
    (
        SELECT
            community_id,
            content_id,
            toDate(occurred_at) AS day,
            countIf(action = 'view') AS views,
            countIf(action = 'share') AS shares,
            countIf(action = 'join') AS joins,
            countIf(action = 'purchase') AS purchases,
            sumIf(events.amount, action = 'purchase') AS amount
        FROM events
        WHERE content_id != '' AND action IN ('view', 'share', 'join', 'purchase')
        GROUP BY community_id, content_id, day
    ),
    ['low', 'middle', 'high', 'top'] AS bands
SELECT
    community_id,
    content_id,
    day,
    views,
    shares,
    joins,
    purchases,
    amount,
    bands[arrayCount(cut -> views > cut, quantilesExactInclusive(0.5, 0.8, 0.95)(views) OVER every) + 1] AS views_band,
    bands[arrayCount(cut -> shares > cut, quantilesExactInclusive(0.5, 0.8, 0.95)(shares) OVER every) + 1]
        AS shares_band,
    bands[arrayCount(cut -> purchases > cut, quantilesExactInclusive(0.5, 0.8, 0.95)(purchases) OVER every) + 1]
        AS purchases_band
FROM days
WINDOW every AS (PARTITION BY community_id)
