-- Question: how many joins does a person who shares bring, by the generation of who shares?
-- Grain: one row a community and generation with a share in the window.
-- Columns: community_id; generation (of who shared, as in `generations`; null: unknown); sharers (people who
--          shared); shares (theirs); joins (that these shares brought, each within 7 days);
--          shares_per_sharer; joins_per_share; k (joins / sharers: the product of the two); k_low, k_high
--          (its 95 % interval: Poisson for the joins, by Byar).
-- Window: shares made 35 to 7 days before the clock of the stage chains. Definitions and an example: docs/spread.md.
WITH sums AS
(
    SELECT community_id, generation, count() AS sharers, sum(b.made) AS shares, sum(b.brought) AS joins
    FROM
    (
        SELECT community_id, user_id, count() AS made, sum(s.joins) AS brought
        FROM joins_by_share AS s
        GROUP BY community_id, user_id
    ) AS b
    LEFT JOIN (SELECT community_id, user_id, toNullable(generation) AS generation FROM generations) AS g
    USING (community_id, user_id)
    GROUP BY community_id, generation
)
SELECT
    community_id,
    generation,
    sharers,
    shares,
    joins,
    shares / sharers AS shares_per_sharer,
    joins / shares AS joins_per_share,
    joins / sharers AS k,
    if(joins = 0, 0, joins * pow(1 - 1 / (9 * joins) - 1.96 / (3 * sqrt(joins)), 3)) / sharers AS k_low,
    (joins + 1) * pow(1 - 1 / (9 * (joins + 1)) + 1.96 / (3 * sqrt(joins + 1)), 3) / sharers AS k_high
FROM sums
