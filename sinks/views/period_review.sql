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
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'users') AS now_at,
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
            on_day < last_month AS month_before
        FROM events
        WHERE occurred_at >= toDateTime64(first_day, 3, 'UTC') AND occurred_at < greatest(week_end, month_end)
    ),
    parts AS -- what each contributor did in a group
    (
        SELECT
            community_id,
            group_id,
            if(action = 'post', if(is_staff, 'staff_posts', 'posts'), concat(action, 's')) AS figure,
            multiIf(
                action = 'join', toString(placed.channel), action = 'leave', reason, action = 'view', '', user_id
            ) AS who,
            countIf(this_week) AS week_now,
            countIf(last_week) AS week_then,
            countIf(this_month) AS month_now,
            countIf(month_before) AS month_then,
            countIf(this_week AND kind = 'question') AS asked_week_now,
            countIf(last_week AND kind = 'question') AS asked_week_then,
            countIf(this_month AND kind = 'question') AS asked_month_now,
            countIf(month_before AND kind = 'question') AS asked_month_then,
            toFloat64(sumIf(placed.amount, this_week)) AS paid_week_now,
            toFloat64(sumIf(placed.amount, last_week)) AS paid_week_then,
            toFloat64(sumIf(placed.amount, this_month)) AS paid_month_now,
            toFloat64(sumIf(placed.amount, month_before)) AS paid_month_then
        FROM placed
        GROUP BY community_id, group_id, action, is_staff, who
    ),
    by_group AS -- with whose part grew most, and whose fell most
    (
        SELECT
            community_id,
            group_id,
            moved.1 AS period,
            moved.2 AS what,
            sum(moved.3) AS total_now,
            sum(moved.4) AS total_then,
            min((moved.4 - moved.3, who)) AS rise,
            min((moved.3 - moved.4, who)) AS fall
        FROM
        (
            SELECT
                community_id,
                group_id,
                who,
                arrayJoin(arrayFilter(
                    one -> one.3 != 0 OR one.4 != 0,
                    arrayConcat(
                        [
                            ('week', figure, toFloat64(week_now), toFloat64(week_then)),
                            ('month', figure, toFloat64(month_now), toFloat64(month_then))
                        ],
                        if(
                            figure = 'purchases',
                            [
                                ('week', 'amount', paid_week_now, paid_week_then),
                                ('month', 'amount', paid_month_now, paid_month_then)
                            ],
                            []
                        ),
                        if(
                            figure = 'posts',
                            [
                                ('week', 'questions', toFloat64(asked_week_now), toFloat64(asked_week_then)),
                                ('month', 'questions', toFloat64(asked_month_now), toFloat64(asked_month_then))
                            ],
                            []
                        )
                    )
                )) AS moved
            FROM parts
        )
        GROUP BY community_id, group_id, period, what
    ),
    people AS -- each person once in each of their groups, and once in the community
    (
        SELECT
            community_id,
            place.1 AS group_id,
            arrayJoin([
                ('week', countIf(bitAnd(place.2, 1) > 0), countIf(bitAnd(place.2, 2) > 0)),
                ('month', countIf(bitAnd(place.2, 4) > 0), countIf(bitAnd(place.2, 8) > 0))
            ]) AS counted
        FROM
        (
            SELECT
                community_id,
                arrayJoin(arrayConcat(groupArray((toString(group_id), seen)), [('', groupBitOr(seen))])) AS place
            FROM
            (
                SELECT
                    community_id,
                    group_id,
                    user_id,
                    groupBitOr(this_week + 2 * last_week + 4 * this_month + 8 * month_before) AS seen
                FROM placed
                WHERE action != 'leave'
                GROUP BY community_id, group_id, user_id
            )
            GROUP BY community_id, user_id
        )
        GROUP BY community_id, group_id
    ),
    levels AS -- the rows of each group, and what of it is the group's part of the community's
    (
        SELECT
            community_id,
            arrayJoin([
                (toString(group_id), total_now, total_then, rise, fall),
                (
                    '',
                    total_now,
                    total_then,
                    (total_then - total_now, toString(group_id)),
                    (total_now - total_then, toString(group_id))
                )
            ]) AS level,
            period,
            what
        FROM by_group
        UNION ALL
        SELECT
            community_id,
            arrayJoin(if(
                group_id = '',
                [('', now_there, then_there, (0., ''), (0., ''))],
                [
                    (group_id, now_there, then_there, (0., ''), (0., '')),
                    ('', 0., 0., (then_there - now_there, group_id), (now_there - then_there, group_id))
                ]
            )),
            period,
            'active_people'
        FROM
        (
            SELECT
                community_id,
                group_id,
                counted.1 AS period,
                toFloat64(counted.2) AS now_there,
                toFloat64(counted.3) AS then_there
            FROM people
        )
    )
SELECT
    community_id,
    level.1 AS group_id,
    period,
    if(period = 'week', week_end - 7, last_month) AS starts_on,
    what AS figure,
    sum(level.2) AS now,
    sum(level.3) AS before,
    now - before AS change,
    multiIf(change = 0, '', contribution = 0, '', change > 0, min(level.4).2, min(level.5).2) AS top_contributor,
    multiIf(change > 0, greatest(-min(level.4).1, 0), change < 0, least(min(level.5).1, 0), 0) AS contribution
FROM levels
GROUP BY community_id, group_id, period, figure
HAVING now != 0 OR before != 0
