-- Question: in which group do people who look also buy?
-- Grain: one row a community and group with a view or a purchase.
-- Columns: community_id; group_id; viewers (people with a view there); buyers (people with a purchase there);
--          viewers_who_bought (people who are both, whichever came first); rate (viewers_who_bought / viewers; null
--          where viewers is under 20); purchases (how many); amounts (what was paid, by currency).
-- From all accepted events, late ones included. Who buys without a view is in buyers alone.
WITH
    people AS
    (
        SELECT community_id, group_id, max(action = 'view') AS viewed, max(action = 'purchase') AS bought
        FROM events
        WHERE action IN ('view', 'purchase')
        GROUP BY community_id, group_id, user_id
    ),
    paid AS
    (
        SELECT community_id, group_id, count() AS found, sumMap(map(toString(currency), amount)) AS sums
        FROM events
        WHERE action = 'purchase'
        GROUP BY community_id, group_id
    ),
    counts AS
    (
        SELECT
            community_id,
            group_id,
            countIf(viewed) AS viewers,
            countIf(bought) AS buyers,
            countIf(viewed AND bought) AS viewers_who_bought
        FROM people
        GROUP BY community_id, group_id
    )
SELECT
    community_id,
    group_id,
    viewers,
    buyers,
    viewers_who_bought,
    if(viewers < 20, NULL, viewers_who_bought / viewers) AS rate,
    ifNull(found, 0) AS purchases,
    sums AS amounts
FROM counts
LEFT JOIN paid USING (community_id, group_id)
