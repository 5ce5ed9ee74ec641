-- Question: who carries each content: whose shares were viewed most, and whose led to most purchases?
-- Grain: one row a person who shared a content (community_id, content_id, user_id).
-- Columns: community_id; content_id; user_id; shares (theirs); reach, joins, buyers, amount (views, joins, people who
--          bought, and what was paid through those and all below them); rank_by_reach, rank_by_amount (1 is the most;
--          equal ones have the same).
-- What came through a share of theirs that is under another one of theirs counts once: sums are of topmost shares.
WITH sums AS
(
    SELECT
        community_id,
        content_id,
        user_id,
        count() AS shares,
        sumIf(t.reach, topmost) AS reach,
        sumIf(t.joins, topmost) AS joins,
        sumIf(t.buyers, topmost) AS buyers,
        sumIf(t.amount, topmost) AS amount
    FROM shares_snapshots AS t FINAL
    GROUP BY community_id, content_id, user_id
)
SELECT
    *,
    rank() OVER (PARTITION BY community_id, content_id ORDER BY reach DESC) AS rank_by_reach,
    rank() OVER (PARTITION BY community_id, content_id ORDER BY amount DESC) AS rank_by_amount
FROM sums
