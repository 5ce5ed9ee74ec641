-- Question: at which hours of the week do people post in a group?
-- Grain: one row an hour of the week, all 168; none before the group has a whole week.
-- Columns: day_of_week (1 is Monday); hour (0 to 23), both in the time zone `zone` (a name of the IANA database);
--          posts (of anybody, in that hour of all these weeks); weeks (how many there are); posts_a_week (posts /
--          weeks).
-- Ask: SELECT * FROM group_habit(community = 'runners', group = 'berlin-mitte', zone = 'Europe/Berlin')
-- Weeks begin on Monday. Counted are the last 8 whole ones: after the week of the group's first event, before that
-- of its last; fewer if the group is younger. From all accepted events, late ones included.
WITH
    local AS
    (
        SELECT
            action,
            toTimeZone(occurred_at, {zone:String}) AS at,
            toMonday(at) AS week,
            toDayOfWeek(at) AS day_of_week,
            toHour(at) AS hour
        FROM events
        WHERE community_id = {community:String} AND group_id = {group:String}
    ),
    (SELECT max(week) FROM local) AS end_week,
    (SELECT greatest(min(week) + 7, max(week) - 56) FROM local) AS first_week,
    greatest(0, intDiv(dateDiff('day', first_week, end_week), 7)) AS week_count
SELECT
    day_of_week,
    hour,
    sum(one) AS posts,
    week_count AS weeks,
    posts / weeks AS posts_a_week
FROM
(
    SELECT day_of_week, hour, 1 AS one
    FROM local
    WHERE action = 'post' AND week >= first_week AND week < end_week
    UNION ALL
    SELECT toUInt8(intDiv(place, 24) + 1), toUInt8(place % 24), 0
    FROM (SELECT arrayJoin(range(168)) AS place)
)
WHERE week_count > 0
GROUP BY day_of_week, hour
