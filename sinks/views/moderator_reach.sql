-- Question: how many people does each operator and moderator reach, and how many did they bring?
-- Grain: one row a person (community_id, user_id) who is staff of a group: in it, as operator or moderator.
-- Columns: community_id; user_id; groups (in which they are staff); members (of those groups, one group after the
--          other, themselves included); people (the different ones among them); inviter_joins (people who are in any
--          group of the community and name them as their inviter there).
WITH
    members AS
    (
        SELECT community_id, group_id, user_id, inviter_id, role IN ('operator', 'moderator') AS is_staff
        FROM memberships_snapshots FINAL
        WHERE member
    ),
    numbers AS -- of people: sets of numbers are united faster than those of names
    (
        SELECT community_id, user_id, toUInt32(row_number() OVER ()) AS number
        FROM (SELECT DISTINCT community_id, user_id FROM memberships_snapshots)
    ),
    places AS
    (
        SELECT
            community_id,
            group_id,
            count() AS size,
            groupBitmapState(number) AS everybody,
            groupArrayIf(user_id, is_staff) AS staff
        FROM members
        INNER JOIN numbers USING (community_id, user_id)
        GROUP BY community_id, group_id
    ),
    reached AS
    (
        SELECT community_id, user_id, count() AS groups, sum(size) AS members, groupBitmapMerge(everybody) AS people
        FROM places
        ARRAY JOIN staff AS user_id
        GROUP BY community_id, user_id
    ),
    invited AS
    (
        SELECT community_id, inviter_id AS user_id, uniqExact(members.user_id) AS invited_people
        FROM members
        WHERE inviter_id != ''
        GROUP BY community_id, inviter_id
    )
SELECT
    community_id,
    user_id,
    groups,
    members,
    people,
    ifNull(invited_people, 0) AS inviter_joins
FROM reached
LEFT JOIN invited USING (community_id, user_id)
