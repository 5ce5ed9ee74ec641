-- Question: of the people who took part in one round of a benefit, how many did in the next?
-- Grain: one row a round: a post of kind benefit by an operator or moderator in a group.
-- Columns: community_id; group_id; round (1 is the group's first); begins_at; people (who bought in the group, or
--          posted of kind benefit as members, from begins_at until the next round begins); next_people (those of the
--          next round; null while there is none); repeated (people of both; null while there is none); rate (repeated
--          / people; null where people is under 20, or while there is no next).
-- From all accepted events, late ones included. The last round of a group goes on.
WITH
    marks AS
    (
        SELECT
            community_id,
            group_id,
            user_id,
            occurred_at,
            action = 'post' AND role IN ('operator', 'moderator') AS is_round,
            sum(is_round) OVER (
                PARTITION BY community_id, group_id ORDER BY occurred_at, is_round DESC, source_partition, source_offset
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS number
        FROM events
        WHERE
            (action = 'post' AND kind = 'benefit')
            OR (action = 'purchase' AND (community_id, group_id) IN (
                SELECT community_id, group_id
                FROM events
                WHERE action = 'post' AND kind = 'benefit' AND role IN ('operator', 'moderator')
            ))
    ),
    rounds AS -- each round with the next
    (
        SELECT
            community_id,
            group_id,
            number AS round,
            occurred_at AS begins_at,
            number < max(number) OVER (PARTITION BY community_id, group_id) AS has_next
        FROM marks
        WHERE is_round
    ),
    counts AS
    (
        SELECT community_id, group_id, one AS round, count() AS came, countIf(has(taken, one + 1)) AS came_again
        FROM
        (
            SELECT community_id, group_id, groupUniqArray(number) AS taken
            FROM marks
            WHERE NOT is_round AND number > 0
            GROUP BY community_id, group_id, user_id
        )
        ARRAY JOIN taken AS one
        GROUP BY community_id, group_id, one
    )
SELECT
    community_id,
    group_id,
    round,
    begins_at,
    ifNull(came, 0) AS people,
    if(has_next, ifNull(next_came, 0), NULL) AS next_people,
    if(has_next, ifNull(came_again, 0), NULL) AS repeated,
    if(people < 20, NULL, repeated / people) AS rate
FROM rounds
LEFT JOIN counts USING (community_id, group_id, round)
LEFT JOIN
(
    SELECT community_id, group_id, toUInt64(c.round - 1) AS round, came AS next_came
    FROM counts AS c
) AS following
USING (community_id, group_id, round)
