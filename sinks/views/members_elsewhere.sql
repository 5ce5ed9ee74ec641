-- Question: which groups do the members of a group go to instead: does a small group eat a big one?
-- Grain: one row a community, from_group and to_group with people who went so.
-- Columns: community_id; from_group; to_group; people (members of from_group who were active in it in the 28 days
--          before the last 28, not in those, but then in to_group); from_active (members of from_group who were active
--          in it in the 28 days before); share (people / from_active; null where that is under 20); to_active (people
--          active in to_group in the last 28 days).
-- Who went to two groups counts for both. Active is who did anything but leave. The days end at the clock of the stage
-- groups. Late events count.
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'groups') AS now_at,
    seen AS
    (
        SELECT
            community_id,
            toString(group_id) AS group_id,
            user_id,
            max(occurred_at <= now_at - INTERVAL 28 DAY) AS was_active,
            max(occurred_at > now_at - INTERVAL 28 DAY) AS is_active
        FROM events
        WHERE action != 'leave' AND occurred_at > now_at - INTERVAL 56 DAY AND occurred_at <= now_at
        GROUP BY community_id, group_id, user_id
    ),
    people AS -- of each person, the groups of old and those of now
    (
        SELECT
            community_id,
            user_id,
            groupArrayIf((group_id, is_active), is_member) AS old_groups,
            groupArrayIf(group_id, is_active) AS new_groups
        FROM
        (
            SELECT
                community_id,
                group_id,
                user_id,
                was_active,
                is_active,
                was_active AND (community_id, group_id, user_id) IN (
                    SELECT community_id, group_id, user_id
                    FROM memberships_snapshots
                    GROUP BY community_id, group_id, user_id
                    HAVING argMax(member, _version)
                ) AS is_member
            FROM seen
        )
        GROUP BY community_id, user_id
    ),
    ways AS -- an empty to_group: counted in from_active; an empty from_group: in to_active
    (
        SELECT
            community_id,
            arrayJoin(arrayConcat(
                arrayMap(old -> (old.1, ''), old_groups),
                arrayMap(new -> ('', new), new_groups),
                arrayFlatten(arrayMap(
                    old -> arrayMap(new -> (old.1, new), new_groups), arrayFilter(old -> NOT old.2, old_groups)
                ))
            )) AS way,
            count() AS people
        FROM people
        GROUP BY community_id, way
    )
SELECT
    community_id,
    way.1 AS from_group,
    way.2 AS to_group,
    people,
    from_active,
    if(from_active < 20, NULL, people / from_active) AS share,
    to_active
FROM
(
    SELECT
        community_id,
        way,
        people,
        sumIf(people, way.2 = '') OVER (PARTITION BY community_id, way.1) AS from_active,
        sumIf(people, way.1 = '') OVER (PARTITION BY community_id, way.2) AS to_active
    FROM ways
)
WHERE way.1 != '' AND way.2 != ''
