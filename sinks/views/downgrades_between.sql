-- Question: who is lower on a ladder at the end of a day than at the end of an earlier one?
-- Grain: one row a person and ladder on which they are lower.
-- Columns: community_id; user_id; ladder; from_segment; to_segment.
-- Ask: SELECT * FROM downgrades_between(from = '2026-01-01', to = '2026-01-31')
-- The order of the segments: changes_between.
SELECT
    community_id,
    user_id,
    ladder,
    from_segment,
    to_segment
FROM changes_between(from = {from:Date32}, to = {to:Date32})
WHERE direction = 'down'
