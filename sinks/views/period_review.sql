-- Question: what moved in the latest complete week and month against the one before, and who moved it most?
-- Grain: one row a community, group (empty: the whole community), period and figure, where anything happened in either.
-- Columns: community_id; group_id; period (week: from Monday on; month: of the calendar); starts_on (its first day);
--          figure (joins, leaves, posts, questions, staff_posts, shares, views, purchases, amount, active_people); now
--          (in the latest period that is over); before (in the one before that); change (now - before);
--          top_contributor (whose part moved most in the direction of change, of two the first by name; empty where
--          nothing did); contribution (by how much).
-- Periods are those of UTC, and over by the clock of the stage users. Contributors are groups for a whole community; in
-- a group they are channels for joins, reasons for leaves, people for posts, shares and purchases, and none for views
-- and active_people. active_people are those with any action but leave; posts and questions are members', staff_posts
-- those of operators and moderators; amount is what was paid, whatever the currency. Late events count.
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'users') AS clock_at,
    assumeNotNull(clock_at) AS now_at, -- 1970 if there is none: no event is in its weeks and months
    toMonday(now_at) AS week_end,
    toStartOfMonth(now_at) AS month_end,
    month_end - INTERVAL 1 MONTH AS last_month,
    month_end - INTERVAL 2 MONTH AS first_day,
    placed AS
    (
        SELECT
            *,
            role IN ('operator', 'moderator') AS is_staff,
            toDate(occurred_at) AS on_day,
            on_day >= week_end - 7 AND on_day < week_end AS this_week,
            on_day >= week_end - 14 AND on_day < week_end - 7 AS last_week,
            on_day >= last_month AND on_day < month_end AS this_month,
            on_day < last_month AS month_before,
            -- Summed up, these are four counts in one number, 32 bits each.
            bitShiftLeft(toUInt128(bitShiftLeft(toUInt64(month_before), 32) + this_month), 64)
            + bitShiftLeft(toUInt64(last_week), 32) + this_week AS periods
        FROM events
        WHERE occurred_at >= toDateTime64(first_day, 3, 'UTC') AND occurred_at < greatest(week_end, month_end)
    ),
    by_person AS -- each person once in each of their groups
    (
        SELECT
            community_id,
            -- One key instead of two: it saves a fourth of the time. No id has this byte.
            splitByString('\xff', concat(group_id, '\xff', user_id)) AS ids,
            groupBitOrIf(periods, action != 'leave') AS active,
            sumIf(periods, action = 'post' AND NOT is_staff) AS posts,
            sumIf(periods, action = 'post' AND NOT is_staff AND kind = 'question') AS questions,
            sumIf(periods, action = 'post' AND is_staff) AS staff_posts,
            sumIf(periods, action = 'share') AS shares,
            sumIf(periods, action = 'view') AS views,
            sumIf(periods, action = 'purchase') AS purchases,
            (
                toFloat64(sumIf(placed.amount, this_week)),
                toFloat64(sumIf(placed.amount, last_week)),
                toFloat64(sumIf(placed.amount, this_month)),
                toFloat64(sumIf(placed.amount, month_before))
            ) AS paid
        FROM placed
        GROUP BY community_id, concat(group_id, '\xff', user_id)
    ),
    by_figure AS -- of each group and figure, who did how much of it
    (
        SELECT community_id, place, what, whos, counts, sums
        FROM
        (
            SELECT
                community_id,
                ids[1] AS place,
                groupArray(ids[2]) AS people,
                groupArray(active) AS active_of,
                groupArray(posts) AS posts_of,
                groupArray(questions) AS questions_of,
                groupArray(staff_posts) AS staff_posts_of,
                groupArray(shares) AS shares_of,
                groupArray(purchases) AS purchases_of,
                groupArray(paid) AS paid_of,
                sum(views) AS all_views
            FROM by_person
            GROUP BY community_id, ids[1]
        )
        ARRAY JOIN
            ['active_people', 'posts', 'questions', 'staff_posts', 'shares', 'purchases', 'amount', 'views'] AS what,
            [people, people, people, people, people, people, people, ['']] AS whos,
            [active_of, posts_of, questions_of, staff_posts_of, shares_of, purchases_of, [], [all_views]] AS counts,
            [[], [], [], [], [], [], paid_of, []] AS sums
        UNION ALL
        SELECT community_id, place, concat(action, 's'), groupArray(who), groupArray(made), []
        FROM
        (
            SELECT
                community_id,
                toString(placed.group_id) AS place,
                action,
                if(action = 'join', toString(placed.channel), reason) AS who,
                sum(periods) AS made
            FROM placed
            WHERE action IN ('join', 'leave')
            GROUP BY community_id, placed.group_id, action, who
        )
        GROUP BY community_id, place, action
    ),
    by_period AS -- with whose part grew most, and whose fell most; of active_people, who they are
    (
        SELECT
            community_id,
            place,
            span,
            what,
            arraySum(nows) AS total_now,
            arraySum(thens) AS total_then,
            (-most, arrayMin(arrayFilter((who, move) -> move = most, whos, moves))) AS rise,
            (least, arrayMin(arrayFilter((who, move) -> move = least, whos, moves))) AS fall,
            if(what = 'active_people', arrayFilter((who, count) -> count > 0, whos, nows), []) AS here,
            if(what = 'active_people', arrayFilter((who, count) -> count > 0, whos, thens), []) AS there
        FROM
        (
            SELECT
                community_id,
                place,
                if(is_month, 'month', 'week') AS span,
                what,
                whos,
                arrayConcat(
                    arrayMap(one -> toFloat64(toUInt32(bitShiftRight(one, 64 * is_month))), counts),
                    arrayMap(one -> if(is_month, one.3, one.1), sums)
                ) AS nows,
                arrayConcat(
                    arrayMap(one -> toFloat64(toUInt32(bitShiftRight(one, 64 * is_month + 32))), counts),
                    arrayMap(one -> if(is_month, one.4, one.2), sums)
                ) AS thens,
                arrayMap((one, other) -> one - other, nows, thens) AS moves,
                arrayMax(moves) AS most,
                arrayMin(moves) AS least
            FROM by_figure
            ARRAY JOIN [0, 1] AS is_month
        )
    ),
    levels AS -- the rows of each group, and what of it is the group's part of the community's
    (
        SELECT
            community_id,
            span,
            what,
            here,
            there,
            arrayJoin([
                (place, total_now, total_then, rise, fall),
                ('', total_now, total_then, (total_then - total_now, place), (total_now - total_then, place))
            ]) AS level
        FROM by_period
    )
SELECT
    community_id,
    group_id,
    period,
    if(period = 'week', week_end - 7, last_month) AS starts_on,
    figure,
    if(counts_people AND group_id = '', toFloat64(people_now), total) AS now,
    if(counts_people AND group_id = '', toFloat64(people_then), total_before) AS before,
    now - before AS change,
    multiIf(contribution = 0, '', change > 0, rise.2, fall.2) AS top_contributor,
    multiIf(
        counts_people AND group_id != '', 0, change > 0, greatest(-rise.1, 0), change < 0, least(fall.1, 0), 0
    ) AS contribution
FROM
(
    SELECT
        community_id,
        level.1 AS group_id,
        span AS period,
        what AS figure,
        what = 'active_people' AS counts_people,
        sum(level.2) AS total,
        sum(level.3) AS total_before,
        min(level.4) AS rise,
        min(level.5) AS fall,
        uniqExactArrayIf(here, level.1 = '') AS people_now,
        uniqExactArrayIf(there, level.1 = '') AS people_then
    FROM levels
    GROUP BY community_id, level.1, span, what
)
WHERE now != 0 OR before != 0
