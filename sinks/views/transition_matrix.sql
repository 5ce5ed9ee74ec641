-- Question: from which segment to which did people move, by which rule, and on which day?
-- Grain: one row a community, ladder, day, from_segment, to_segment and rule that happened.
-- Columns: community_id; ladder; day (in the community's time zone); from_segment (empty: their first); to_segment;
--          rule; transitions (how many; a person who moved so twice on a day counts twice).
SELECT
    community_id,
    ladder,
    day,
    from_segment,
    to_segment,
    rule,
    count() AS transitions
FROM segment_transitions
GROUP BY community_id, ladder, day, from_segment, to_segment, rule
