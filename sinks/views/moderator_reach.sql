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
    invited AS
    (
        SELECT community_id, inviter_id AS user_id, uniqExact(members.user_id) AS invited_people
        FROM members
        WHERE inviter_id != ''
        GROUP BY community_id, inviter_id
    ),
    reached AS
    (
        SELECT
            staff.community_id AS community_id,
            staff.user_id AS user_id,
            uniqExact(staff.group_id) AS groups,
            count() AS members,
            uniqExact(everybody.user_id) AS people
        FROM (SELECT community_id, group_id, user_id FROM members WHERE is_staff) AS staff
        INNER JOIN members AS everybody
        ON staff.community_id = everybody.community_id AND staff.group_id = everybody.group_id
        GROUP BY staff.community_id, staff.user_id
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
