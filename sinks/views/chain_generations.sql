-- Question: how many shares does a share lead to, at each depth of each content's tree?
-- Grain: one row a content (community_id, content_id) and depth that it has, 1 and up.
-- Columns: community_id; content_id; depth; nodes (shares there); old_enough (those made at least 24 hours before the
--          clock of the stage chains, the others can't tell yet); children (shares just below those, made within 24
--          hours); branching (children / old_enough; null for none); branching_low, branching_high (its 95 %
--          interval, docs/spread.md).
WITH
    sums AS
    (
        SELECT
            community_id,
            content_id,
            depth,
            count() AS nodes,
            countIf(old_enough) AS chances,
            sumIf(c.children, old_enough) AS came,
            sumIf(c.children * c.children, old_enough) AS squares
        FROM chain_children AS c
        GROUP BY community_id, content_id, depth
    ),
    scattered AS
    (
        SELECT
            *,
            if(
                came > 0 AND chances > 1,
                greatest(1, (squares - came * came / chances) / (chances - 1) / (came / chances)),
                1
            ) AS scatter,
            came / scatter AS x
        FROM sums
    )
SELECT
    community_id,
    content_id,
    depth,
    nodes,
    chances AS old_enough,
    came AS children,
    if(chances = 0, NULL, came / chances) AS branching,
    if(
        chances = 0,
        NULL,
        if(x = 0, 0, x * pow(greatest(0, 1 - 1 / (9 * x) - 1.96 / (3 * sqrt(x))), 3)) * scatter / chances
    ) AS branching_low,
    if(
        chances = 0,
        NULL,
        (x + 1) * pow(1 - 1 / (9 * (x + 1)) + 1.96 / (3 * sqrt(x + 1)), 3) * scatter / chances
    ) AS branching_high
FROM scattered
