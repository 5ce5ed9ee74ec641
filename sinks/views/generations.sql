-- Question: by how many invitations is each person away from somebody who came by themselves?
-- Grain: one row a person (community_id, user_id) whose generation is known.
-- Columns: community_id; user_id; inviter_id (who invited them: that of `users`, or else who made the share that
--          brought them; empty: nobody known); generation (0: nobody known invited them; else 1 + that of the
--          inviter).
-- Known are people of `users`. Generations are counted from 0 on, so a ring of people who name each other is never
-- come to, nor is who was invited out of one, nor anybody beyond generation 100: they have no row.
WITH RECURSIVE
    invited AS -- two halves, not one outer join: the engine would take that apart within the recursion
    (
        SELECT community_id, user_id, inviter_id
        FROM users_snapshots FINAL
        WHERE inviter_id != ''
        UNION ALL
        SELECT community_id, guests.user_id, sharer_id
        FROM
        (
            SELECT community_id, user_id, via_share_id AS share_id
            FROM users_snapshots FINAL
            WHERE inviter_id = '' AND via_share_id != ''
        ) AS guests
        INNER JOIN
        (
            SELECT community_id, share_id, argMin(s.user_id, at) AS sharer_id
            FROM shares_snapshots AS s FINAL
            GROUP BY community_id, share_id
        ) AS brought
        USING (community_id, share_id)
    ),
    reached AS
    (
        SELECT community_id, user_id, '' AS inviter_id, 0 AS generation
        FROM users_snapshots FINAL
        WHERE (community_id, user_id) NOT IN (
            SELECT community_id, user_id
            FROM invited
            WHERE (community_id, inviter_id) IN (SELECT community_id, user_id FROM users_snapshots)
        )
        UNION ALL
        SELECT i.community_id, i.user_id, i.inviter_id, toUInt8(r.generation + 1)
        FROM invited AS i
        INNER JOIN reached AS r ON i.community_id = r.community_id AND i.inviter_id = r.user_id
        WHERE r.generation < 100
    )
SELECT community_id, user_id, inviter_id, generation
FROM reached
