-- Question: of the people who took part in one round of a benefit, how many did in the next?
-- Grain: one row a round: a post of kind benefit by an operator or moderator in a group.
-- Columns: community_id; group_id; round (1 is the group's first); begins_at; people (who bought in the group, or
--          posted of kind benefit as members, from begins_at until the next round begins); next_people (those of the
--          next round; null while there is none); repeated (people of both; null while there is none); rate (repeated
--          / people; null where people is under 20, or while there is no next).
-- From all accepted events, late ones included. The last round of a group goes on.
WITH
    rounds AS -- each with whether there is a next
    (
        SELECT
            community_id,
            group_id,
            occurred_at AS begins_at,
            row_number() OVER (
                PARTITION BY community_id, group_id ORDER BY occurred_at, source_partition, source_offset
            ) AS round,
            round < count() OVER (PARTITION BY community_id, group_id) AS has_next
        FROM events
        WHERE action = 'post' AND kind = 'benefit' AND role IN ('operator', 'moderator')
    ),
    counts AS
    (
        SELECT community_id, group_id, one AS round, count() AS came, countIf(has(taken, one + 1)) AS came_again
        FROM
        (
            SELECT e.community_id AS community_id, e.group_id AS group_id, groupUniqArray(number) AS taken
            FROM
            (
                SELECT community_id, group_id, user_id, occurred_at
                FROM events
                WHERE
                    (action = 'post' AND kind = 'benefit' AND role NOT IN ('operator', 'moderator'))
                    OR action = 'purchase'
            ) AS e
            ASOF INNER JOIN -- the latest round by then; of several at one moment the last
            (
                SELECT community_id, group_id, begins_at, max(round) AS number
                FROM rounds
                GROUP BY community_id, group_id, begins_at
            ) AS r
            ON e.community_id = r.community_id AND e.group_id = r.group_id AND e.occurred_at >= r.begins_at
            GROUP BY e.community_id, e.group_id, e.user_id
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
    if(
        has_next,
        leadInFrame(people) OVER (
            PARTITION BY community_id, group_id ORDER BY round ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ),
        NULL
    ) AS next_people,
    if(has_next, ifNull(came_again, 0), NULL) AS repeated,
    if(people < 20, NULL, repeated / people) AS rate
FROM rounds
LEFT JOIN counts USING (community_id, group_id, round)
