-- Question: which content leads those who look at it to buy?
-- Grain: one row a community and content with a view or a purchase.
-- Columns: community_id; content_id; viewers (people with a view of it); buyers (people with a purchase that names it);
--          viewers_who_bought (people who are both, whichever came first); rate (viewers_who_bought / viewers; null
--          where viewers is under 20); purchases (how many); amounts (what was paid, by currency).
-- From all accepted events, late ones included. Who buys without a view is in buyers alone.
WITH
    people AS -- community and content in one key, and told apart by its length: three keys take twice the time of two
    (
        SELECT
            concat(toString(length(community_id)), ' ', community_id, content_id) AS place,
            max(action = 'view') AS viewed,
            max(action = 'purchase') AS bought
        FROM events
        WHERE action IN ('view', 'purchase') AND content_id != ''
        GROUP BY place, user_id
    ),
    paid AS
    (
        SELECT community_id, content_id, count() AS found, sumMap(map(toString(currency), amount)) AS sums
        FROM events
        WHERE action = 'purchase' AND content_id != ''
        GROUP BY community_id, content_id
    ),
    counts AS
    (
        SELECT
            position(place, ' ') + 1 AS begin,
            toUInt32(left(place, begin - 2)) AS long,
            substring(place, begin, long) AS community_id,
            substring(place, begin + long) AS content_id,
            countIf(viewed) AS viewers,
            countIf(bought) AS buyers,
            countIf(viewed AND bought) AS viewers_who_bought
        FROM people
        GROUP BY place
    )
SELECT
    community_id,
    content_id,
    viewers,
    buyers,
    viewers_who_bought,
    if(viewers < 20, NULL, viewers_who_bought / viewers) AS rate,
    ifNull(found, 0) AS purchases,
    sums AS amounts
FROM counts
LEFT JOIN paid USING (community_id, content_id)
