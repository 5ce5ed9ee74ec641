-- Question: how near is a campaign to its goal, and is it as far as the time that has passed asks for?
-- Grain: one row, the campaign; none while there is no clock.
-- Columns: figure; goal; reached (so far, from the first day to the last); attained (reached / goal); elapsed (the part
--          of its time that has passed); expected (goal * elapsed); pace (reached / expected; null before it begins);
--          state (planned: not begun; reached; ahead: pace >= 1; behind; missed: over and not reached).
-- Ask: SELECT * FROM campaign_attainment(community = 'runners', groups = ['berlin-mitte'], contents = [],
--      figure = 'joins', from = '2026-01-01', to = '2026-01-31', goal = 200)
-- No groups: all of the community; no contents: whatever the content, or none. Figures: joins, posts (of members),
-- shares, purchases, amount (what was paid, whatever the currency), active_people (with any action but leave). From
-- and to are days of UTC, both of them in it. How much time has passed is told by the clock of the stage users.
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'users') AS now_at,
    toDateTime64({from:Date32}, 3, 'UTC') AS begins_at,
    toDateTime64({to:Date32} + 1, 3, 'UTC') AS ends_at
SELECT
    {figure:String} AS figure,
    {goal:Float64} AS goal,
    multiIf(
        figure = 'amount', toFloat64(sumIf(amount, action = 'purchase')),
        figure = 'active_people', toFloat64(uniqExactIf(user_id, action != 'leave')),
        figure IN ('joins', 'shares', 'purchases'), toFloat64(countIf(concat(action, 's') = {figure:String})),
        figure = 'posts', toFloat64(countIf(action = 'post' AND role NOT IN ('operator', 'moderator'))),
        throwIf(1, 'figure: joins, posts, shares, purchases, amount or active_people')
    ) AS reached,
    reached / goal AS attained,
    greatest(0, least(1, dateDiff('second', begins_at, now_at) / dateDiff('second', begins_at, ends_at))) AS elapsed,
    goal * elapsed AS expected,
    if(expected > 0, reached / expected, NULL) AS pace,
    multiIf(
        reached >= goal, 'reached',
        elapsed >= 1, 'missed',
        expected = 0, 'planned',
        reached >= expected, 'ahead',
        'behind'
    ) AS state
FROM events
WHERE
    community_id = {community:String}
    AND (empty({groups:Array(String)}) OR has({groups:Array(String)}, group_id))
    AND (empty({contents:Array(String)}) OR has({contents:Array(String)}, content_id))
    AND occurred_at >= toDateTime64({from:Date32}, 3, 'UTC') AND occurred_at < toDateTime64({to:Date32} + 1, 3, 'UTC')
HAVING now_at > 0
