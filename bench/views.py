"""Each view over events made in ClickHouse itself: how long it takes to answer, parts merged or not.

No broker and no stage: rows go into the tables as a sink would leave them, so that millions take seconds.
"""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clickhouse_connect.driver.client import Client

from schemas.tables import TABLES
from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from streams.settings import Settings

PEOPLE = 100_000
GROUPS = 1_000
COMMUNITIES = 4
CONTENTS = 20_000
DAYS = 90
INSERTS = 20
"""Inserts of each table, and so its parts as long as nothing is merged."""
BEST_OF = 3

PARAMETERS = {
    "segments_on": "day = '2026-03-01'",
    "group_habit": "community = 'c1', group = 'g1', zone = 'Europe/Berlin'",
    "campaign_attainment": "community = 'c1', groups = [], contents = [], figure = 'active_people', "
    "from = '2026-02-01', to = '2026-03-01', goal = 1000",
    **dict.fromkeys(
        ("changes_between", "downgrades_between", "transitions_between"),
        "from = '2026-02-01', to = '2026-03-01'",
    ),
}
"""How each view with parameters is asked."""

START = "toDateTime64('2026-01-01', 3, 'UTC')"
END = f"({START} + INTERVAL {DAYS} DAY)"


@dataclass(frozen=True)
class Answered:
    """One view: the best time to its whole answer with parts unmerged and merged, and how long that is."""

    name: str
    unmerged_s: float
    merged_s: float
    rows: int


def measure(events: int, home: Path, people: int = PEOPLE) -> list[Answered]:
    """Fill an engine in `home` with so many events of so many people, and time each view."""
    shutil.rmtree(home, ignore_errors=True)
    client = connect(Settings(path=home / "clickhouse", clickhouse=None))
    try:
        migrate(client)
        names = create_views(client)
        fill(client, events, people)
        unmerged = {name: _best(client, name) for name in names}
        merge(client)
        merged = {name: _best(client, name) for name in names}
    finally:
        client.close()
    return [Answered(name, unmerged[name][0], merged[name][0], merged[name][1]) for name in names]


def _best(client: Client, name: str) -> tuple[float, int]:
    """The best time of some, in seconds, and the number of rows. Every column is worked out, none is sent."""
    asked = f"{name}({PARAMETERS[name]})" if name in PARAMETERS else name
    sql = f"SELECT count(), sum(cityHash64(*)) FROM {asked}"
    best, rows = float("inf"), 0
    for _ in range(BEST_OF):
        began = time.perf_counter()
        rows = int(client.query(sql).result_rows[0][0])
        best = min(best, time.perf_counter() - began)
    return best, rows


def merge(client: Client) -> None:
    """Leave one part of each table and month."""
    for table in TABLES.values():
        client.command(f"ALTER TABLE {table.stored_as} RESET SETTING {', '.join(_NO_MERGES)}")
        client.command(f"OPTIMIZE TABLE {table.stored_as} FINAL")


_NO_MERGES = {
    "max_bytes_to_merge_at_max_space_in_pool": 1,
    "max_bytes_to_merge_at_min_space_in_pool": 1,
}


def fill(client: Client, events: int, people: int = PEOPLE) -> None:
    """Rows of every table that a view reads, each in `INSERTS` parts that nothing merges."""
    for table in TABLES.values():
        settings = ", ".join(f"{name} = {value}" for name, value in _NO_MERGES.items())
        if table.kind == "entity":
            settings += ", min_age_to_force_merge_seconds = 0"
        client.command(f"ALTER TABLE {table.stored_as} MODIFY SETTING {settings}")
    for number, statement in itertools.product(range(INSERTS), _statements(events, people)):
        client.command(
            statement.replace("@part", str(number)), settings={"async_insert": 0, "max_insert_threads": 1}
        )
    client.command(
        "INSERT INTO receipts_snapshots (stage, partition, clock, _version) "
        f"SELECT arrayJoin(['intake', 'users', 'groups', 'chains']), 0, {END}, 1"
    )


def _statements(events: int, people: int) -> Iterator[str]:
    """INSERT ... SELECT of one part of each table, its number to be put for ``@part``."""
    step = events // INSERTS
    yield f"""
        INSERT INTO events
            (event_id, action, community_id, group_id, user_id, occurred_at, channel, inviter_id, content_id,
            via_share_id, role, reply_to, kind, share_id, parent_share_id, order_id, amount, currency,
            source_offset, _partition, _position, _ingested_at)
        WITH
            number + @part * {step} AS n,
            cityHash64(n, 1) AS h,
            cityHash64(n, 2) AS h2,
            toUInt64({people} * pow(cityHash64(n, 3) / 18446744073709551616., 2)) AS person,
            person % {COMMUNITIES} AS community,
            cityHash64(person, h % 5) % {GROUPS // COMMUNITIES} * {COMMUNITIES} + community AS place,
            h2 % 100 AS draw,
            multiIf(
                draw < 55, 'view', draw < 85, 'post', draw < 90, 'share', draw < 95, 'join',
                draw < 98, 'purchase', 'leave'
            ) AS what,
            toUInt64({CONTENTS} * pow(cityHash64(n, 4) / 18446744073709551616., 2)) AS content,
            n * {DAYS * 86_400_000} / {events} AS passed,
            person % 50 = 7 AS is_staff,
            {events} * pow(cityHash64(n, 5) / 18446744073709551616., 2) AS earlier
        SELECT
            toString(n), what, concat('c', toString(community)), concat('g', toString(place)),
            concat('u', toString(person)), addMilliseconds({START}, toInt64(passed)),
            if(what = 'join', ['direct', 'ad', 'invite', ''][h % 4 + 1], ''),
            if(what = 'join' AND h % 3 = 0, concat('u', toString(h2 % {people})), ''),
            multiIf(
                what = 'post', concat('k', toString(n)),
                what IN ('view', 'share') OR (what = 'purchase' AND h % 2), concat('x', toString(content)),
                ''
            ),
            if(
                what IN ('view', 'join', 'purchase') AND h % 4 = 0,
                concat('s', toString(toUInt64(earlier))),
                ''
            ),
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
            if(what = 'share', concat('s', toString(n)), ''), '',
            if(what = 'purchase', toString(n), ''), if(what = 'purchase', h % 100, 0),
            if(what = 'purchase', ['EUR', 'USD'][h % 2 + 1], ''),
            n, 'intake/0', n, now64(3)
        FROM numbers({step})"""
    person = f"""
            toUInt64(number) AS person,
            concat('c', toString(person % {COMMUNITIES})) AS community_id,
            concat('u', toString(person)) AS user_id,
            cityHash64(person, 9) AS h"""
    yield f"""
        INSERT INTO users_snapshots
            (community_id, user_id, segment, pyramid, intent, closeness, level, title, first_at, last_at,
            joined_at,
            first_post_at, activated, points_post, points_share, inviter_id, joins, _version)
        WITH {person}
        SELECT
            community_id, user_id, ['new', 'active', 'core', 'silent', 'lost'][h % 5 + 1], 'general', 'none',
            'know',
            h % 10, toString(h % 10), {START} + INTERVAL h % 60 DAY AS first_at, {END} - INTERVAL h % 30 DAY,
            first_at,
            first_at + INTERVAL h % 72 HOUR, h % 72 < 24, h % 1000, h % 77,
            if(h % 3 = 0, concat('u', toString(intDiv(person, 2))), ''), 1, @part
        FROM numbers({people})
        WHERE h % {INSERTS} IN (@part, (@part + 1) % {INSERTS})"""
    yield f"""
        INSERT INTO memberships_snapshots
            (community_id, group_id, user_id, member, joined_at, phase_at_joining, channel, inviter_id, role,
            left_at,
            left_after, _version)
        WITH {person}
        SELECT
            community_id,
            concat('g', toString(
                cityHash64(person, arrayJoin(range(5))) % {GROUPS // COMMUNITIES} * {COMMUNITIES}
                + person % {COMMUNITIES}
            )),
            user_id, h % 10 > 1, {START} + INTERVAL h % 60 DAY, 'seed', 'ad', '',
            if(person % 50 = 7, ['operator', 'moderator'][person % 2 + 1], 'member'),
            if(h % 10 > 1, toDateTime64(0, 3, 'UTC'), {START} + INTERVAL 70 DAY), 'talk', @part
        FROM numbers({people})
        WHERE h % {INSERTS} IN (@part, (@part + 1) % {INSERTS})"""
    yield f"""
        INSERT INTO groups_snapshots (community_id, group_id, members, day, _version)
        SELECT concat('c', toString(number % {COMMUNITIES})), concat('g', toString(number)), 400,
        toDate({END}) - 1, @part
        FROM numbers({GROUPS})"""
    yield f"""
        INSERT INTO segment_transitions
            (community_id, user_id, ladder, from_segment, to_segment, at, day, rule, _partition, _position,
            _ingested_at)
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
            toDate(at), 'rule',
            'users/0', @part * {people} + number, now64(3)
        FROM numbers({people})"""
    yield f"""
        INSERT INTO contents_snapshots (community_id, content_id, views, shares, first_at, _version)
        SELECT concat('c', toString(number % {COMMUNITIES})), concat('x', toString(number)), 100, 10,
        {START}, @part
        FROM numbers({CONTENTS})"""
    yield f"""
        INSERT INTO shares_snapshots
            (community_id, content_id, share_id, group_id, user_id, at, parent_share_id, depth, size, reach,
            delay_s, _version)
        SELECT
            community_id, content_id, share_id, group_id, user_id, occurred_at, '', 1, 1, 5, NULL, @part
        FROM events
        WHERE action = 'share' AND _position >= @part * {step} AND _position < (@part + 1) * {step}"""
    yield f"""
        INSERT INTO alert_changes
            (community_id, group_id, rule, severity, change, at, opened_at, _partition, _position,
            _ingested_at)
        SELECT
            concat('c', toString(number % {COMMUNITIES})), concat('g', toString(number)), 'group_silence',
            'critical',
            if(@part % 2, 'resolved', 'opened'), {START} + INTERVAL @part DAY,
            {START} + INTERVAL @part - @part % 2 DAY, 'groups/0', @part * {GROUPS} + number, now64(3)
        FROM numbers({GROUPS})"""
