-- Question: by how many invitations is each person away from somebody who came by themselves?
-- Grain: one row a person (community_id, user_id) whose generation is known.
-- Columns: community_id; user_id; inviter_id (who invited them: that of `users`, or else who made the share that
--          brought them; empty: nobody known); generation (0: nobody known invited them; else 1 + that of the
--          inviter).
-- Known are people of `users`. Generations are counted from 0 on, so a ring of people who name each other is never
-- come to, nor is who was invited out of one, nor anybody beyond generation 100: they have no row.
WITH RECURSIVE
    invited AS
    (
        SELECT
            community_id,
            user_id,
            if(u.inviter_id != '', u.inviter_id, ifNull(sharer_id, '')) AS named_id,
            (community_id, named_id) IN (SELECT community_id, user_id FROM users_snapshots) AS is_known,
            if(is_known, named_id, '') AS inviter_id,
            reinterpretAsUInt128(sipHash128(community_id, user_id)) AS id
        FROM (SELECT community_id, user_id, inviter_id, via_share_id FROM users_snapshots FINAL) AS u
        LEFT JOIN
        (
            SELECT community_id, share_id AS via_share_id, argMin(s.user_id, at) AS sharer_id
            FROM shares_snapshots AS s
            WHERE via_share_id IN (SELECT via_share_id FROM users_snapshots)
            GROUP BY community_id, share_id
        ) AS brought
        USING (community_id, via_share_id)
    ),
    jumps AS -- each step doubles how far up `above` is: whoever is above the one who was above; 0: nobody
    (
        SELECT
            id,
            if(inviter_id = '', 0, reinterpretAsUInt128(sipHash128(community_id, inviter_id))) AS above,
            toUInt8(above != 0) AS generation,
            toUInt8(0) AS steps
        FROM invited
        UNION ALL
        SELECT person, up, toUInt8(known), toUInt8(steps + 1)
        FROM
        (
            SELECT
                steps,
                if(is_low, above, id) AS one,
                anyIf(above, NOT is_low) AS up,
                anyIf(generation, NOT is_low) AS more,
                arrayConcat(groupArrayIf(id, is_low), if(up = 0, [one], [])) AS people,
                arrayConcat(
                    arrayMap(way -> way + more, groupArrayIf(generation, is_low)), if(up = 0, [more], [])
                ) AS ways
            FROM (SELECT *, arrayJoin([0, 1]) AS is_low FROM jumps WHERE steps < 7)
            WHERE NOT is_low OR above != 0
            GROUP BY steps, one
        )
        ARRAY JOIN people AS person, ways AS known
    )
SELECT community_id, user_id, inviter_id, generation
FROM invited
INNER JOIN (SELECT id, generation FROM jumps WHERE steps = 7 AND above = 0 AND generation <= 100) AS known USING (id)
