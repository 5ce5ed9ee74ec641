-- Question: what came last in a group before people left it, and does that come last more often than it is there?
-- Grain: one row a community, group and left_after that anybody ever left after.
-- Columns: community_id; group_id; left_after (unanswered: their own question waited; silence: nobody posted for 24
--          hours; else the kind of the last post by somebody else: talk, question, benefit or ad; empty: there was
--          none); gone (people who are out and left after it); share (gone / all of the group who are out and left;
--          null where these are under 20); came_back (people who are in again, and left after it the last time);
--          stayed (people who are in and never left; the same in each row of a group); post_share (posts of that
--          kind / all posts of the group: how often it would come last by chance; null under 20 posts, and for what
--          is no kind of post).
WITH
    counts AS
    (
        SELECT
            community_id,
            toString(group_id) AS group_id,
            toString(left_after) AS left_after,
            countIf(left_at > 0 AND NOT member) AS gone_there,
            countIf(left_at > 0 AND member) AS back_there,
            countIf(left_at = 0 AND member) AS stayed_there,
            0 AS posts_there
        FROM memberships_snapshots FINAL
        GROUP BY ALL
        UNION ALL
        SELECT community_id, toString(group_id), toString(kind), 0, 0, 0, count()
        FROM events
        WHERE action = 'post'
        GROUP BY ALL
    ),
    sums AS
    (
        SELECT
            community_id,
            group_id,
            left_after,
            sum(gone_there) AS gone,
            sum(sum(gone_there)) OVER one_group AS gone_in_all,
            sum(back_there) AS came_back,
            sum(sum(stayed_there)) OVER one_group AS stayed,
            sum(posts_there) AS posts,
            sum(sum(posts_there)) OVER one_group AS posts_in_all
        FROM counts
        GROUP BY community_id, group_id, left_after
        WINDOW one_group AS (PARTITION BY community_id, group_id)
    )
SELECT
    community_id,
    group_id,
    left_after,
    gone,
    if(gone_in_all < 20, NULL, gone / gone_in_all) AS share,
    came_back,
    stayed,
    if(posts_in_all < 20 OR left_after IN ('', 'silence', 'unanswered'), NULL, posts / posts_in_all) AS post_share
FROM sums
WHERE gone + came_back > 0
