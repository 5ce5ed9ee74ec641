-- Question: how many people are on each ladder in which segment at the end of one day, and in which later?
-- Grain: one row a community, ladder, from_segment and to_segment that has people; who stayed is on the diagonal.
-- Columns: community_id; ladder; from_segment (empty: not in the log by then); to_segment; direction (up, down, same
--          or aside, as in changes_between); people; share (people / all of that ladder and from_segment; null where
--          these are under 20).
-- Ask: SELECT * FROM transitions_between(from = '2026-01-01', to = '2026-01-31')
SELECT
    community_id,
    ladder,
    from_segment,
    to_segment,
    direction,
    count() AS people,
    if(sum(people) OVER before < 20, NULL, people / sum(people) OVER before) AS share
FROM changes_between(from = {from:Date32}, to = {to:Date32})
GROUP BY community_id, ladder, from_segment, to_segment, direction
WINDOW before AS (PARTITION BY community_id, ladder, from_segment)
