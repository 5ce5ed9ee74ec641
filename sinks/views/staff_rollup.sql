-- Question: what did each operator and moderator do in the last 28 days, and what came of it in their groups?
-- Grain: one row a person (community_id, user_id) who is staff of a group: in it, as operator or moderator.
-- Columns: community_id; user_id; role (operator if they are one of any group, else moderator); groups (in which they
--          are staff); members (different people in those groups); posts (theirs as staff); heard (those of them that a
--          member's post followed within 30 minutes); heard_share (heard / posts; null where posts is under 20);
--          replies (posts of theirs that answer another); questions_answered (different members' questions that they
--          answered); brought (joins that name them as inviter); joins, leaves (events of that action in those groups).
-- The 28 days end at the clock of the stage users. Late events count.
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'users') AS now_at,
    recent AS
    (
        SELECT
            community_id,
            toString(group_id) AS group_id,
            user_id,
            action,
            reply_to,
            inviter_id,
            occurred_at,
            role IN ('operator', 'moderator') AS is_staff
        FROM events
        WHERE occurred_at > now_at - INTERVAL 28 DAY AND occurred_at <= now_at
    ),
    moved AS
    (
        SELECT community_id, group_id, countIf(action = 'join') AS came, countIf(action = 'leave') AS went
        FROM recent
        WHERE action IN ('join', 'leave')
        GROUP BY community_id, group_id
    ),
    flows AS
    (
        SELECT
            community_id,
            user_id,
            if(max(last_role = 'operator'), 'operator', 'moderator') AS role,
            sum(ifNull(came, 0)) AS joins,
            sum(ifNull(went, 0)) AS leaves
        FROM
        (
            SELECT community_id, toString(m.group_id) AS group_id, user_id, argMax(m.role, _version) AS last_role
            FROM memberships_snapshots AS m
            WHERE (community_id, m.group_id, user_id) IN (
                SELECT community_id, group_id, user_id
                FROM memberships_snapshots
                WHERE role IN ('operator', 'moderator')
            )
            GROUP BY community_id, m.group_id, user_id
            HAVING argMax(member, _version) AND last_role IN ('operator', 'moderator')
        ) AS staff
        LEFT JOIN moved USING (community_id, group_id)
        GROUP BY community_id, user_id
    ),
    heard AS -- as in heard_posts, which no filter makes smaller on both sides
    (
        SELECT community_id, user_id, count() AS staff_posts, countIf(next_at <= at + INTERVAL 30 MINUTE) AS heard_posts
        FROM
        (
            SELECT community_id, group_id, user_id, occurred_at AS at
            FROM recent
            WHERE action = 'post' AND is_staff
        ) AS staff
        ASOF LEFT JOIN
        (
            SELECT community_id, toString(events.group_id) AS group_id, toNullable(occurred_at) AS next_at
            FROM events
            WHERE
                action = 'post' AND role NOT IN ('operator', 'moderator')
                AND occurred_at > now_at - INTERVAL 28 DAY AND occurred_at <= now_at + INTERVAL 30 MINUTE
        ) AS members
        ON staff.community_id = members.community_id AND staff.group_id = members.group_id
            AND staff.at <= members.next_at
        GROUP BY community_id, user_id
    ),
    answers AS -- of who is or was staff: the others have no row in the end
    (
        SELECT community_id, user_id, reply_to
        FROM recent
        WHERE action = 'post' AND reply_to != '' AND (community_id, user_id) IN (
            SELECT community_id, user_id
            FROM memberships_snapshots
            WHERE role IN ('operator', 'moderator')
        )
    ),
    answered AS
    (
        SELECT
            community_id,
            user_id,
            count() AS replies,
            uniqExactIf(reply_to, (community_id, reply_to) IN (
                SELECT community_id, content_id
                FROM events
                WHERE
                    action = 'post' AND kind = 'question' AND role NOT IN ('operator', 'moderator')
                    AND (community_id, content_id) IN (SELECT community_id, reply_to FROM answers)
            )) AS questions
        FROM answers
        GROUP BY community_id, user_id
    ),
    brought AS
    (
        SELECT community_id, inviter_id AS user_id, count() AS joins_brought
        FROM recent
        WHERE action = 'join' AND inviter_id != ''
        GROUP BY community_id, inviter_id
    )
SELECT
    community_id,
    user_id,
    role,
    groups,
    people AS members,
    ifNull(staff_posts, 0) AS posts,
    ifNull(heard_posts, 0) AS heard,
    if(posts < 20, NULL, heard / posts) AS heard_share,
    ifNull(answered.replies, 0) AS replies,
    ifNull(questions, 0) AS questions_answered,
    ifNull(joins_brought, 0) AS brought,
    joins,
    leaves
FROM moderator_reach
INNER JOIN flows USING (community_id, user_id)
LEFT JOIN heard USING (community_id, user_id)
LEFT JOIN answered USING (community_id, user_id)
LEFT JOIN brought USING (community_id, user_id)
