"""Rows for the bench of views, made in ClickHouse itself as a sink would leave them: millions in seconds.

People come in sessions of five actions within minutes, in one of their five groups; people, groups and
contents are used unequally, contents mostly in the days after they appear; shares are trees.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from clickhouse_connect.driver.client import Client

from schemas.tables import TABLES

PEOPLE = 100_000
GROUPS = 1_000
COMMUNITIES = 4
CONTENTS = 20_000
DAYS = 90
SESSION = 5
"""Actions that one person does in a row."""
INSERTS = 20
"""Inserts of each table, and so its parts as long as nothing is merged."""

START = "toDateTime64('2026-01-01', 3, 'UTC')"
END = f"({START} + INTERVAL {DAYS} DAY)"
NO_MERGES = {
    "max_bytes_to_merge_at_max_space_in_pool": 1,
    "max_bytes_to_merge_at_min_space_in_pool": 1,
}


def fill(client: Client, events: int, people: int = PEOPLE) -> None:
    """Rows of every table that a view reads, each in `INSERTS` parts that nothing merges."""
    for table in TABLES.values():
        settings = ", ".join(f"{name} = {value}" for name, value in NO_MERGES.items())
        if table.kind == "entity":
            settings += ", min_age_to_force_merge_seconds = 0"
        client.command(f"ALTER TABLE {table.stored_as} MODIFY SETTING {settings}")
    # Every part of one table before the next: shares are those of all events.
    for statement, number in itertools.product(_statements(events, people), range(INSERTS)):
        client.command(
            statement.replace("@part", str(number)), settings={"async_insert": 0, "max_insert_threads": 1}
        )
    client.command(
        "INSERT INTO receipts_snapshots (stage, partition, clock, _version) "
        f"SELECT arrayJoin(['intake', 'users', 'groups', 'chains']), 0, {END}, 1"
    )


def merge(client: Client) -> None:
    """Leave one part of each table and month."""
    for table in TABLES.values():
        client.command(f"ALTER TABLE {table.stored_as} RESET SETTING {', '.join(NO_MERGES)}")
        client.command(f"OPTIMIZE TABLE {table.stored_as} FINAL")


def _skewed(hashed: str, below: int | str) -> str:
    """A number from 0 on that small ones are more often, of a hash."""
    return f"toUInt64({below} * pow({hashed} / 18446744073709551616., 2))"


def _statements(events: int, people: int) -> Iterator[str]:
    """INSERT ... SELECT of one part of each table, its number to be put for ``@part``."""
    yield _events(events, people)
    person = f"""
            toUInt64(number) AS person,
            concat('c', toString(person % {COMMUNITIES})) AS community_id,
            concat('u', toString(person)) AS user_id,
            cityHash64(person, 9) AS h"""
    # A snapshot is written more than once: half of the rows of a part replace one of the part before.
    in_part = f"WHERE h % {INSERTS} IN (@part, (@part + 1) % {INSERTS})"
    inviter = _skewed("cityHash64(person, 8)", "person")
    yield f"""
        INSERT INTO users_snapshots
            (community_id, user_id, segment, pyramid, intent, closeness, level, title, first_at, last_at,
            joined_at, first_post_at, activated, points_post, points_share, inviter_id, joins, _version)
        WITH {person}
        SELECT
            community_id, user_id, ['new', 'active', 'core', 'silent', 'lost'][h % 5 + 1], 'general', 'none',
            'know', h % 10, toString(h % 10), {START} + INTERVAL h % 60 DAY AS first_at,
            {END} - INTERVAL h % 30 DAY, first_at,
            first_at + INTERVAL h % 72 HOUR, h % 72 < 24, h % 1000, h % 77,
            if(person > 3 AND h % 3 < 2, concat('u', toString({inviter})), ''),
            1, @part
        FROM numbers({people})
        {in_part}"""
    yield f"""
        INSERT INTO memberships_snapshots
            (community_id, group_id, user_id, member, joined_at, phase_at_joining, channel, inviter_id, role,
            left_at, left_after, _version)
        WITH {person}
        SELECT
            community_id, concat('g', toString({_place("person", "arrayJoin(range(5))")})),
            user_id, h % 10 > 1, {START} + INTERVAL h % 60 DAY, 'seed', 'ad', '',
            if(person % 50 = 7, ['operator', 'moderator'][person % 2 + 1], 'member'),
            if(h % 10 > 1, toDateTime64(0, 3, 'UTC'), {START} + INTERVAL 70 DAY), 'talk', @part
        FROM numbers({people})
        {in_part}"""
    yield f"""
        INSERT INTO groups_snapshots (community_id, group_id, members, day, _version)
        SELECT concat('c', toString(number % {COMMUNITIES})), concat('g', toString(number)), 400,
        toDate({END}) - 1, @part
        FROM numbers({GROUPS})"""
    yield f"""
        INSERT INTO segment_transitions
            (community_id, user_id, ladder, from_segment, to_segment, at, day, rule, evidence, _partition,
            _position, _ingested_at)
        WITH
            {person},
            ['lifecycle', 'lifecycle', 'pyramid', 'intent', 'closeness', 'level'][@part % 6 + 1] AS ladder,
            multiIf(
                ladder = 'lifecycle', ['new', 'active', 'silent', 'lost', 'resurrected', 'core'],
                ladder = 'pyramid', ['valuable', 'general'], ladder = 'intent', ['potential', 'intent',
                'buyer'],
                ladder = 'closeness', ['like', 'know'], ['level_1', 'level_2']
            ) AS words,
            h % 1000 / 1000 AS shift
        SELECT
            community_id, user_id, ladder, '', words[(@part + h) % length(words) + 1],
            addMilliseconds({START}, toInt64((@part + shift) * {DAYS * 86_400_000 // INSERTS})) AS at,
            toDate(at), 'rule', concat('{{"active_days_28":', toString(h % 28), '}}'),
            'users/0', @part * {people} + number, at
        FROM numbers({people})
        WHERE cityHash64(person, @part) % 2"""
    yield f"""
        INSERT INTO contents_snapshots (community_id, content_id, views, shares, first_at, _version)
        SELECT concat('c', toString(number % {COMMUNITIES})), concat('x', toString(number)), 100, 10,
        {START}, @part
        FROM numbers({CONTENTS})
        WHERE cityHash64(number) % {INSERTS} IN (@part, (@part + 1) % {INSERTS})"""
    yield _shares()
    yield f"""
        INSERT INTO alert_changes
            (community_id, group_id, rule, severity, change, at, opened_at, _partition, _position,
            _ingested_at)
        SELECT
            concat('c', toString(number % {COMMUNITIES})), concat('g', toString(number)), 'group_silence',
            'critical',
            if(@part % 2, 'resolved', 'opened'), {START} + INTERVAL @part DAY AS at,
            {START} + INTERVAL @part - @part % 2 DAY, 'groups/0', @part * {GROUPS} + number, at
        FROM numbers({GROUPS})"""


def _place(person: str, which: str) -> str:
    """One of the groups of a person."""
    choice = _skewed(f"cityHash64({person}, toUInt64({which}))", GROUPS // COMMUNITIES)
    return f"{choice} * {COMMUNITIES} + {person} % {COMMUNITIES}"


def _events(events: int, people: int) -> str:
    step = events // INSERTS
    span_ms = DAYS * 86_400_000
    per_community = CONTENTS // COMMUNITIES
    # Every 20th is a share, so that its id is known to those who name it.
    share_before = "20 * toUInt64(n / 20 * (1 - pow(cityHash64(n, 5) / 18446744073709551616., 4))) + 7"
    return f"""
        INSERT INTO events
            (event_id, action, community_id, group_id, user_id, occurred_at, channel, inviter_id, content_id,
            via_share_id, role, reply_to, kind, share_id, order_id, amount, currency,
            source_offset, _partition, _position, _ingested_at)
        WITH
            number + @part * {step} AS n,
            intDiv(n, {SESSION}) AS session,
            cityHash64(n, 1) AS h,
            cityHash64(n, 2) AS h2,
            {_skewed("cityHash64(session, 3)", people)} AS person,
            person % {COMMUNITIES} AS community,
            {_place("person", "cityHash64(session, 1) % 5")} AS place,
            h2 % 95 AS draw,
            multiIf(
                n % 20 = 7, 'share', draw < 55, 'view', draw < 85, 'post', draw < 90, 'join',
                draw < 93, 'purchase', 'leave'
            ) AS what,
            least(
                intDiv(session * {SESSION} * {span_ms}, {events}) + n % {SESSION} * (20000 + h % 100000),
                toUInt64({span_ms} - 1)
            ) AS passed,
            -2 * log((cityHash64(n, 4) + 1) / 18446744073709551616.) / {DAYS} AS age,
            toUInt64(greatest(0, passed / {span_ms} - age) * {per_community}) AS nth,
            least(nth - if(h2 % 2, nth % 10, 0), {per_community - 1}) * {COMMUNITIES} + community AS content,
            person % 50 = 7 AS is_staff
        SELECT
            toString(n), what, concat('c', toString(community)), concat('g', toString(place)),
            concat('u', toString(person)), addMilliseconds({START}, toInt64(passed)) AS occurred_at,
            if(what = 'join', ['direct', 'ad', 'invite', ''][h % 4 + 1], ''),
            if(what = 'join' AND h % 3 = 0, concat('u', toString(h2 % {people})), ''),
            multiIf(
                what = 'post', concat('k', toString(n)),
                what IN ('view', 'share') OR (what = 'purchase' AND h % 2), concat('x', toString(content)),
                ''
            ),
            if(what IN ('view', 'join', 'purchase') AND h % 4 = 0, concat('s', toString({share_before})), ''),
            multiIf(
                what NOT IN ('post', 'join'), '',
                is_staff, ['operator', 'moderator'][person % 2 + 1],
                'member'
            ),
            if(what = 'post' AND h % 3 = 0, concat('k', toString(n - h % 1000)), ''),
            if(
                what = 'post',
                ['talk', 'talk', 'talk', 'question', 'benefit', 'talk', 'talk', 'ad'][h % 8 + 1],
                ''
            ),
            if(what = 'share', concat('s', toString(n)), ''),
            if(what = 'purchase', toString(n), ''), if(what = 'purchase', h % 100, 0),
            if(what = 'purchase', ['EUR', 'USD'][h % 2 + 1], ''),
            n, 'intake/0', n, occurred_at
        FROM numbers({step})"""


def _shares() -> str:
    """The trees of the shares in `events`: a fourth names no parent, the others one of the 8 before them."""
    return f"""
        INSERT INTO shares_snapshots
            (community_id, content_id, share_id, group_id, user_id, at, parent_share_id, depth, size,
            direct_shares, reach, delay_s, topmost, _version)
        SELECT
            community_id, content_id, node.1, node.2, node.3, node.4, if(above = 0, '', nodes[above].1),
            depth, 1 + below, below, 5 * (1 + below),
            if(above = 0, NULL, dateDiff('second', nodes[above].4, node.4)),
            countEqual(path, node.3) = 1, @part
        FROM
        (
            SELECT
                community_id,
                content_id,
                arraySort(
                    node -> (node.4, node.1), groupArray((share_id, toString(group_id), user_id, occurred_at))
                ) AS nodes,
                arrayMap(
                    (node, i) -> if(
                        i = 1 OR cityHash64(node.1) % 4 = 0,
                        0,
                        i - 1 - cityHash64(node.1, 1) % least(8, i - 1)
                    ),
                    nodes,
                    arrayEnumerate(nodes)
                ) AS aboves,
                arrayFold(
                    (depths, above) -> arrayPushBack(
                        depths, toUInt32(if(above = 0, 1, depths[above] + 1))
                    ),
                    aboves,
                    CAST([], 'Array(UInt32)')
                ) AS depths,
                arrayFold(
                    (paths, above, node) -> arrayPushBack(
                        paths, arrayPushBack(if(above = 0, [], paths[above]), node.3)
                    ),
                    aboves,
                    nodes,
                    CAST([], 'Array(Array(String))')
                ) AS paths
            FROM events
            WHERE action = 'share'
                AND cityHash64(content_id) % {INSERTS} IN (@part, (@part + 1) % {INSERTS})
            GROUP BY community_id, content_id
        )
        ARRAY JOIN
            nodes AS node, aboves AS above, depths AS depth, paths AS path,
            arrayMap(i -> countEqual(aboves, i), arrayEnumerate(nodes)) AS below"""
