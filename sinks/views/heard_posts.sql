-- Question: which posts of operators and moderators did a member's post follow within 30 minutes?
-- Grain: one row a post of an operator or moderator.
-- Columns: community_id; group_id; user_id (who posted); role (in which); kind; at; heard (1: a member posted in the
--          group at that moment or up to 30 minutes later).
-- From all accepted events, late ones included.
SELECT
    community_id,
    group_id,
    user_id,
    role,
    kind,
    occurred_at AS at,
    toUInt8(ifNull(next_at <= occurred_at + INTERVAL 30 MINUTE, 0)) AS heard
FROM
(
    SELECT community_id, group_id, user_id, role, kind, occurred_at
    FROM events
    WHERE action = 'post' AND role IN ('operator', 'moderator')
) AS staff
ASOF LEFT JOIN
(
    SELECT community_id, group_id, toNullable(occurred_at) AS next_at
    FROM events
    WHERE action = 'post' AND role NOT IN ('operator', 'moderator')
) AS members
ON staff.community_id = members.community_id AND staff.group_id = members.group_id
    AND staff.occurred_at <= members.next_at
