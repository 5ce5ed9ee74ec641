-- Question: which change brought each person to where they are, and why?
-- Grain: one row a person and ladder: their newest transition.
-- Columns: community_id; user_id; ladder; from_segment; to_segment; at (when it became true);
--          rule (what decided it); evidence (JSON: the values that decided it).
SELECT
    community_id,
    user_id,
    ladder,
    argMax(t.from_segment, (t.at, t._position)) AS from_segment,
    argMax(t.to_segment, (t.at, t._position)) AS to_segment,
    max(t.at) AS at,
    argMax(t.rule, (t.at, t._position)) AS rule,
    argMax(t.evidence, (t.at, t._position)) AS evidence
FROM segment_transitions AS t
GROUP BY community_id, user_id, ladder
