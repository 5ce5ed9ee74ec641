-- Question: how did the number of active people change each day: who came, who came back, who went?
-- Grain: one row a community and day (of its time zone), from the first to the last of its log, with no holes.
-- Columns: community_id; day; active_before (at the end of the day before); new (first came that day, active at its
--          end); resurrected (known before, not active at the end of the day before, active now); gone (active at
--          the end of the day before, not now); active (at the end of the day: active_before + new + resurrected -
--          gone); came_and_went (first came that day, not active at its end).
-- Active are people whose lifecycle segment at the end of the day is new, active, core or resurrected. `active`
-- comes from the spans of days on which people were, the others from comparing each day with the one before.
WITH
    ends AS -- each person's segment at the end of each day on which it changed
    (
        SELECT
            community_id,
            user_id,
            day,
            toInt64(argMax(to_segment, (at, _position)) IN ('new', 'active', 'core', 'resurrected')) AS is_active
        FROM segment_transitions
        WHERE ladder = 'lifecycle'
        GROUP BY community_id, user_id, day
    ),
    changes AS
    (
        SELECT
            community_id,
            day,
            is_active,
            row_number() OVER person = 1 AS is_first,
            lagInFrame(is_active, 1, 0) OVER person AS was_active,
            leadInFrame(toNullable(day), 1, NULL) OVER person AS next_day
        FROM ends
        WINDOW person AS (
            PARTITION BY community_id, user_id ORDER BY day
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        )
    ),
    deltas AS -- new, resurrected, gone, came_and_went, and by how much the number of active people changes
    (
        SELECT
            community_id,
            arrayJoin(arrayConcat(
                [(
                    day,
                    toInt64(is_first AND is_active),
                    toInt64(NOT is_first AND NOT was_active AND is_active),
                    toInt64(was_active AND NOT is_active),
                    toInt64(is_first AND NOT is_active),
                    is_active
                )],
                if(is_active AND next_day IS NOT NULL, [(assumeNotNull(next_day), 0, 0, 0, 0, -1)], [])
            )) AS delta
        FROM changes
        UNION ALL
        SELECT
            community_id,
            arrayJoin(arrayMap(
                n -> (addDays(min(day), n), 0, 0, 0, 0, 0), range(toUInt64(dateDiff('day', min(day), max(day))) + 1)
            ))
        FROM segment_transitions
        GROUP BY community_id
    ),
    days AS
    (
        SELECT
            community_id,
            delta.1 AS day,
            sum(delta.2) AS new,
            sum(delta.3) AS resurrected,
            sum(delta.4) AS gone,
            sum(delta.5) AS came_and_went,
            sum(delta.6) AS change
        FROM deltas
        GROUP BY community_id, delta.1
    )
SELECT
    community_id,
    day,
    active - change AS active_before,
    new,
    resurrected,
    gone,
    sum(change) OVER (PARTITION BY community_id ORDER BY day) AS active,
    came_and_went
FROM days
