-- Question: which operators and moderators passed in each month, and whom do two months in a row speak for or against?
-- Grain: one row a person who ever posted as operator or moderator in a community, and month (UTC) that is over.
-- Columns: community_id; user_id; month (its first day; from that of their first such post on); role (that of their
--          latest post as staff by then); posts (as staff); days (with one); heard_share (of posts that a member's
--          post followed within 30 minutes; null where posts is under 20); joins, leaves (events of that action in the
--          groups where they posted as staff that month); passed_days, passed_heard, passed_growth, passed (1 or 0);
--          advice (promote: a moderator who passed this month and the one before; demote: anybody who failed in both;
--          else empty).
-- Passed if all three are: days >= 8 (passed_days), 20 % of posts heard (passed_heard; under 20 posts it is not
-- judged), joins >= leaves (passed_growth). A month is over by the clock of the stage users. Late events count.
WITH
    (SELECT toStartOfMonth(max(clock)) FROM receipts_snapshots FINAL WHERE stage = 'users') AS end_month,
    by_group AS
    (
        SELECT
            community_id,
            group_id,
            user_id,
            toStartOfMonth(at) AS month,
            count() AS posts_there,
            countIf(h.heard) AS heard_there,
            groupUniqArray(toDate(at)) AS days_there,
            max((at, toString(h.role))) AS latest
        FROM heard_posts AS h
        WHERE month < end_month
        GROUP BY community_id, group_id, user_id, month
    ),
    flows AS
    (
        SELECT
            community_id,
            group_id,
            toStartOfMonth(occurred_at) AS month,
            countIf(action = 'join') AS came,
            countIf(action = 'leave') AS went
        FROM events
        WHERE action IN ('join', 'leave')
        GROUP BY community_id, group_id, month
    ),
    worked AS
    (
        SELECT
            community_id,
            user_id,
            month,
            sum(posts_there) AS month_posts,
            sum(heard_there) AS month_heard,
            toUInt64(length(groupUniqArrayArray(days_there))) AS month_days,
            max(latest) AS last_role,
            toUInt64(sum(ifNull(came, 0))) AS month_joins,
            toUInt64(sum(ifNull(went, 0))) AS month_leaves
        FROM by_group
        LEFT JOIN flows USING (community_id, group_id, month)
        GROUP BY community_id, user_id, month
    ),
    months AS -- those without a post too
    (
        SELECT
            community_id,
            user_id,
            one.1 AS month,
            sum(one.2) AS posts,
            sum(one.3) AS heard,
            sum(one.4) AS days,
            sum(one.5) AS joins,
            sum(one.6) AS leaves,
            max(max(one.7)) OVER (PARTITION BY community_id, user_id ORDER BY month) AS last_role
        FROM
        (
            SELECT
                community_id,
                user_id,
                arrayJoin(arrayConcat(
                    groupArray((month, month_posts, month_heard, month_days, month_joins, month_leaves, last_role)),
                    arrayMap(
                        n -> (
                            toDate(addMonths(min(month), n)),
                            toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0), toUInt64(0),
                            (toDateTime64(0, 3, 'UTC'), '')
                        ),
                        range(toUInt64(dateDiff('month', min(month), end_month)))
                    )
                )) AS one
            FROM worked
            GROUP BY community_id, user_id
        )
        GROUP BY community_id, user_id, month
    ),
    judged AS
    (
        SELECT
            *,
            days >= 8 AS passed_days,
            posts < 20 OR heard >= 0.2 * posts AS passed_heard,
            joins >= leaves AS passed_growth,
            passed_days AND passed_heard AND passed_growth AS passed,
            lagInFrame(toNullable(passed), 1, NULL) OVER (
                PARTITION BY community_id, user_id ORDER BY month
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS passed_before
        FROM months
    )
SELECT
    community_id,
    user_id,
    month,
    last_role.2 AS role,
    posts,
    days,
    if(posts < 20, NULL, heard / posts) AS heard_share,
    joins,
    leaves,
    passed_days,
    passed_heard,
    passed_growth,
    passed,
    multiIf(
        passed AND ifNull(passed_before, 0) AND role = 'moderator', 'promote',
        NOT passed AND NOT ifNull(passed_before, 1), 'demote',
        ''
    ) AS advice
FROM judged
