-- Question: which change brought each person to where they are, and why?
-- Grain: one row a person and ladder: their newest transition.
-- Columns: community_id; user_id; ladder; from_segment; to_segment; at (when it became true);
--          rule (what decided it); evidence (JSON: the values that decided it).
SELECT
    community_id,
    user_id,
    ladder,
    last.1 AS from_segment,
    last.2 AS to_segment,
    last.3 AS at,
    last.4 AS rule,
    last.5 AS evidence
FROM
(
    SELECT
        community_id,
        user_id,
        ladder,
        argMax(
            (from_segment, to_segment, at, rule, evidence),
            bitShiftLeft(toUInt128(toUnixTimestamp64Milli(at)), 64) + _position -- (at, _position), compared faster
        ) AS last
    FROM segment_transitions
    GROUP BY community_id, user_id, ladder
)
