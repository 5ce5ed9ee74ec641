-- Question: in which segment of each ladder was each person at the end of a day?
-- Grain: one row a person who was in the log by then. Ask: SELECT * FROM segments_on(day = '2026-01-31')
-- Columns: community_id; user_id; lifecycle; pyramid; intent; closeness; level (the segment on each ladder).
-- Days are those of the community's time zone. On ladders other than the lifecycle everybody begins, without a row that
-- says so, as general, none, know and level_0.
SELECT
    community_id,
    user_id,
    toString(argMaxIf(to_segment, (t.day, at, _position), ladder = 'lifecycle')) AS lifecycle,
    ifNull(argMaxOrNullIf(toString(to_segment), (t.day, at, _position), ladder = 'pyramid'), 'general') AS pyramid,
    ifNull(argMaxOrNullIf(toString(to_segment), (t.day, at, _position), ladder = 'intent'), 'none') AS intent,
    ifNull(argMaxOrNullIf(toString(to_segment), (t.day, at, _position), ladder = 'closeness'), 'know') AS closeness,
    ifNull(argMaxOrNullIf(toString(to_segment), (t.day, at, _position), ladder = 'level'), 'level_0') AS level
FROM segment_transitions AS t
WHERE t.day <= {day:Date32}
GROUP BY community_id, user_id
