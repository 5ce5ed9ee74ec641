-- Question: where was each person on each ladder at the end of one day, and where at the end of a later one?
-- Grain: one row a person who was in the log by the later day, and ladder.
-- Columns: community_id; user_id; ladder; from_segment (empty: not in the log by then); to_segment; direction (up, down
--          or same by the order below; aside where a segment has no place in it, or there was none before).
-- Ask: SELECT * FROM changes_between(from = '2026-01-01', to = '2026-01-31')
-- Order, lowest first: lost, silent, join_and_stay, new and resurrected, active, core; invalid, general, valuable,
-- organiser, staff; none, potential, intent, strong, buyer (hunter stands beside it); know, like, rely; levels by
-- number. Days are those of the community's time zone. On ladders other than the lifecycle everybody begins, without
-- a row that says so, as general, none, know and level_0.
WITH people AS
    (
        SELECT
            community_id,
            user_id,
            min(t.day) <= {from:Date32} AS is_known,
            argMaxIf(t.to_segment, (at, _position), ladder = 'lifecycle' AND t.day <= {from:Date32}) AS lifecycle_was,
            argMaxIf(t.to_segment, (at, _position), ladder = 'lifecycle') AS lifecycle_now,
            argMaxIf(t.to_segment, (at, _position), ladder = 'pyramid' AND t.day <= {from:Date32}) AS pyramid_was,
            argMaxIf(t.to_segment, (at, _position), ladder = 'pyramid') AS pyramid_now,
            argMaxIf(t.to_segment, (at, _position), ladder = 'intent' AND t.day <= {from:Date32}) AS intent_was,
            argMaxIf(t.to_segment, (at, _position), ladder = 'intent') AS intent_now,
            argMaxIf(t.to_segment, (at, _position), ladder = 'closeness' AND t.day <= {from:Date32}) AS closeness_was,
            argMaxIf(t.to_segment, (at, _position), ladder = 'closeness') AS closeness_now,
            argMaxIf(t.to_segment, (at, _position), ladder = 'level' AND t.day <= {from:Date32}) AS level_was,
            argMaxIf(t.to_segment, (at, _position), ladder = 'level') AS level_now
        FROM segment_transitions AS t
        WHERE t.day <= {to:Date32}
        GROUP BY community_id, user_id
    )
SELECT
    community_id,
    user_id,
    ladder,
    from_segment,
    to_segment,
    multiIf(
        from_segment = to_segment, 'same',
        from_place < 0 OR to_place < 0, 'aside',
        from_place < to_place, 'up',
        from_place > to_place, 'down',
        'same'
    ) AS direction
FROM
(
    SELECT
        community_id,
        user_id,
        place.1 AS ladder,
        multiIf(NOT is_known, '', place.3 != '', place.3, place.2) AS from_segment,
        if(place.4 != '', place.4, place.2) AS to_segment,
        ['lost', 'silent', 'join_and_stay', 'new', 'resurrected', 'active', 'core', 'invalid', 'general', 'valuable',
        'organiser', 'staff', 'none', 'potential', 'intent', 'strong', 'buyer', 'know', 'like', 'rely'] AS words,
        [0, 1, 2, 3, 3, 4, 5, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2] AS places,
        if(
            startsWith(from_segment, 'level_'), toInt32OrZero(substring(from_segment, 7)),
            toInt32(transform(from_segment, words, places, -1))
        ) AS from_place,
        if(
            startsWith(to_segment, 'level_'), toInt32OrZero(substring(to_segment, 7)),
            toInt32(transform(to_segment, words, places, -1))
        ) AS to_place
    FROM
    (
        SELECT
            community_id,
            user_id,
            is_known,
            arrayJoin([
                ('lifecycle', '', lifecycle_was, lifecycle_now),
                ('pyramid', 'general', pyramid_was, pyramid_now),
                ('intent', 'none', intent_was, intent_now),
                ('closeness', 'know', closeness_was, closeness_now),
                ('level', 'level_0', level_was, level_now)
            ]) AS place
        FROM people
    )
)
WHERE to_segment != ''
