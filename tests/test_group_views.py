"""Each view of groups on a tiny community, its answer worked out by hand."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.analyst_engine import client, engine
from tests.hand_rows import clear, insert, moment

__all__ = ["client", "engine"]

GROUP = {"community_id": "c", "group_id": "g"}


def rows(client: Client, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(sql).result_rows]


# --- alerts --------------------------------------------------------------------------------------


def change(rule: str, what: str, at: str, opened_at: str, evidence: str) -> dict[str, Any]:
    return {
        **GROUP, "rule": rule, "severity": "critical", "change": what, "at": at, "opened_at": opened_at,
        "evidence": evidence,
    }  # fmt: skip


def test_alerts(client: Client) -> None:
    first, second, end = "2026-01-01 10:00", "2026-01-02 10:00", "2026-01-01 12:00"
    insert(
        client,
        "alert_changes",
        change("spam_burst", "opened", first, first, "s1"),
        change("churn_spike", "opened", first, first, "c1"),
        change("spam_burst", "resolved", end, first, "s2"),
        change("spam_burst", "opened", second, second, "s3"),
        {**change("spam_burst", "opened", first, first, "h1"), "group_id": "h"},
    )
    asked = "SELECT * EXCEPT (community_id) FROM alerts ORDER BY ALL"
    t1, t2, t3 = datetime(2026, 1, 1, 10), datetime(2026, 1, 2, 10), datetime(2026, 1, 1, 12)
    for setting in ("", " SETTINGS join_use_nulls = 1", " SETTINGS prefer_column_name_to_alias = 1"):
        assert rows(client, asked + setting) == [
            ("g", "", "churn_spike", "critical", t1, None, "c1", ""),
            ("g", "", "spam_burst", "critical", t1, t3, "s1", "s2"),
            ("g", "", "spam_burst", "critical", t2, None, "s3", ""),
            ("h", "", "spam_burst", "critical", t1, None, "h1", ""),
        ]


def test_an_alert_that_opens_again_at_once_is_another(client: Client) -> None:
    at = "2026-01-01 10:00"
    changes = [
        change("unanswered_question", what, at, at, f"{what} {n}")
        for n in (1, 2)
        for what in ("opened", "resolved")
    ]
    insert(client, "alert_changes", *changes[:3])
    asked = "SELECT resolved_at, opened_evidence, resolved_evidence FROM alerts ORDER BY opened_evidence"
    when = datetime(2026, 1, 1, 10)
    assert rows(client, asked) == [(when, "opened 1", "resolved 1"), (None, "opened 2", "")]
    insert(client, "alert_changes", changes[3])
    assert rows(client, asked)[1] == (when, "opened 2", "resolved 2")


# --- from events ---------------------------------------------------------------------------------


def event(action: str, user: str, at: str, **fields: Any) -> dict[str, Any]:
    return {**GROUP, "action": action, "user_id": user, "occurred_at": at, **fields}


def test_group_hours(client: Client) -> None:
    member, operator = {"role": "member"}, {"role": "operator"}
    insert(
        client,
        "events",
        event("join", "ann", "2026-01-01 09:59:59.999", **operator),
        event("join", "bob", "2026-01-01 10:00"),
        event("post", "ann", "2026-01-01 10:10", **operator, kind="benefit"),
        event("post", "ann", "2026-01-01 10:11", **operator, kind="question"),
        event("post", "bob", "2026-01-01 10:20", **member, kind="benefit"),
        event("post", "bob", "2026-01-01 10:21", **member, kind="question"),
        event("post", "cid", "2026-01-01 10:22", **member, kind="ad", late=1),
        event("post", "dan", "2026-01-01 10:23", role="moderator", kind="ad"),
        event("share", "bob", "2026-01-01 10:30"),
        event("view", "bob", "2026-01-01 10:31"),
        event("purchase", "bob", "2026-01-01 10:40", amount=Decimal("2.5"), currency="EUR"),
        event("purchase", "bob", "2026-01-01 10:41", amount=Decimal("0.000001"), currency="USD"),
        event("leave", "eve", "2026-01-01 10:59:59.999"),
        event("leave", "eve", "2026-01-01 11:00"),
        {**event("join", "fay", "2026-01-01 10:00"), "group_id": "h"},
    )
    asked = (
        "SELECT * EXCEPT (community_id, hour), toHour(hour) AS at FROM group_hours WHERE community_id = 'c'"
    )
    # joins, posts, staff_posts, questions, benefits, ads, shares, leaves, purchases, amount, people, at
    for setting in ("", " SETTINGS prefer_column_name_to_alias = 1"):
        assert rows(client, f"{asked} ORDER BY group_id, hour{setting}") == [
            ("g", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9),
            ("g", 1, 3, 3, 1, 1, 1, 1, 1, 2, Decimal("2.500001"), 4, 10),
            ("g", 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 11),
            ("h", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 10),
        ]
    assert rows(client, "SELECT hour FROM group_hours WHERE group_id = 'h'") == [(datetime(2026, 1, 1, 10),)]


def habit(client: Client, zone: str, group: str = "g") -> dict[tuple[int, int], tuple[int, int, float]]:
    sql = "SELECT * FROM group_habit(community = {c:String}, group = {group:String}, zone = {zone:String})"
    found = client.query(sql, parameters={"c": "c", "group": group, "zone": zone}).result_rows
    assert len(found) in (0, 168)
    return {(row[0], row[1]): tuple(row[2:]) for row in found}


def test_group_habit(client: Client) -> None:
    """From Wednesday 2026-01-07 to Tuesday 2026-01-27: two whole weeks, from the 12th to the 25th."""
    insert(
        client,
        "events",
        event("join", "ann", "2026-01-07 10:00"),
        event("post", "ann", "2026-01-11 22:59"),
        event("post", "ann", "2026-01-11 23:30"),
        event("post", "ann", "2026-01-12 10:00", role="operator", late=1),
        event("post", "bob", "2026-01-19 10:59"),
        event("post", "bob", "2026-01-25 22:30"),
        event("view", "bob", "2026-01-25 22:30"),
        event("post", "bob", "2026-01-25 23:30"),
        event("post", "bob", "2026-01-27 10:00"),
        {**event("post", "bob", "2026-01-14 10:00"), "group_id": "h"},
        {**event("post", "bob", "2026-01-14 10:00"), "community_id": "d"},
    )

    def busy(zone: str) -> dict[tuple[int, int], tuple[int, int, float]]:
        return {place: row for place, row in habit(client, zone).items() if row[0]}

    assert busy("UTC") == {(1, 10): (2, 2, 1.0), (7, 22): (1, 2, 0.5), (7, 23): (1, 2, 0.5)}
    # There the 11th 23:30 is Monday the 12th already; the 25th 23:30 is in the week of the last event.
    assert busy("Europe/Berlin") == {(1, 0): (1, 2, 0.5), (1, 11): (2, 2, 1.0), (7, 23): (1, 2, 0.5)}
    assert {row[1:] for place, row in habit(client, "UTC").items() if place not in busy("UTC")} == {(2, 0.0)}
    assert habit(client, "UTC", "h") == {} == habit(client, "UTC", "nobody")


def test_group_habit_is_of_eight_weeks(client: Client) -> None:
    """Tuesdays, 10:00 in Berlin, from 2026-02-03 to 04-28: an hour earlier in UTC from 03-29 on."""
    tuesdays = [
        "02-03 09", "02-10 09", "02-17 09", "02-24 09", "03-03 09", "03-10 09", "03-17 09", "03-24 09",
        "03-31 08", "04-07 08", "04-14 08", "04-21 08", "04-28 08",
    ]  # fmt: skip
    insert(client, "events", *(event("post", "ann", f"2026-{tuesday}:00") for tuesday in tuesdays))
    busy = {place: row for place, row in habit(client, "Europe/Berlin").items() if row[0]}
    assert busy == {(2, 10): (8, 8, 1.0)}
    busy = {place: row for place, row in habit(client, "UTC").items() if row[0]}
    assert busy == {(2, 9): (4, 8, 0.5), (2, 8): (4, 8, 0.5)}


ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu")
ROLES = {"ann": "member", "bob": "member", "olga": "operator", "max": "moderator"}
KINDS = {"question": "questions", "ad": "ads", "benefit": "benefits"}


def random_events(rng: random.Random) -> list[dict[str, Any]]:
    """Up to 60, over up to eleven weeks in which most zones change their clocks."""
    weeks = rng.randint(1, 11)
    found = []
    for _ in range(rng.randint(1, 60)):
        user = rng.choice(list(ROLES))
        at = moment("2026-02-25") + timedelta(minutes=15 * rng.randrange(weeks * 7 * 96))
        action = rng.choice(("join", "post", "post", "post", "share", "leave", "purchase", "view"))
        fields = {"role": ROLES[user], "kind": rng.choice(("talk", *KINDS))} if action == "post" else {}
        found.append({**event(action, user, "", **fields), "occurred_at": at})
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(seed=st.integers(0, 2**32), zone=st.sampled_from(ZONES))
def test_any_events_are_counted_right(engine: Client, seed: int, zone: str) -> None:
    events = random_events(random.Random(seed))
    clear(engine)
    insert(engine, "events", *events)
    hours: Counter[tuple[datetime, str]] = Counter()
    people: dict[datetime, set[str]] = {}
    for one in events:
        hour = one["occurred_at"].replace(minute=0, tzinfo=None)
        staff = one.get("role") in ("operator", "moderator")
        people.setdefault(hour, set()).update([] if one["action"] == "leave" else [one["user_id"]])
        if one["action"] == "post":
            hours[hour, "staff_posts" if staff else "posts"] += 1
            if (counted := KINDS.get(one["kind"])) and staff == (counted == "benefits"):
                hours[hour, counted] += 1
        elif one["action"] != "view":
            hours[hour, f"{one['action']}s"] += 1
    found = list(engine.query("SELECT * EXCEPT (community_id, group_id) FROM group_hours").named_results())
    assert {row["hour"]: row["people"] for row in found} == {hour: len(them) for hour, them in people.items()}
    names = set(found[0]) - {"hour", "people", "amount"}
    assert {(row["hour"], name): row[name] for row in found for name in names if row[name]} == hours

    local = [one["occurred_at"].astimezone(ZoneInfo(zone)) for one in events]
    mondays = [at.date() - timedelta(days=at.weekday()) for at in local]
    first, end = max(min(mondays) + timedelta(7), max(mondays) - timedelta(56)), max(mondays)
    places = Counter(
        (at.isoweekday(), at.hour)
        for one, at, monday in zip(events, local, mondays, strict=True)
        if one["action"] == "post" and first <= monday < end
    )
    weeks = (end - first).days // 7
    week = [(day, hour) for day in range(1, 8) for hour in range(24)] if weeks > 0 else []
    wanted = {place: (places[place], weeks, places[place] / weeks) for place in week}
    assert habit(engine, zone) == wanted


# --- from memberships ----------------------------------------------------------------------------


def out(user: str, left_after: str, **fields: Any) -> dict[str, Any]:
    gone = {"joined_at": "2026-01-01", "left_at": "2026-02-01", "left_after": left_after}
    return {**GROUP, "user_id": user, **gone, **fields}


def into(user: str, **fields: Any) -> dict[str, Any]:
    return {**GROUP, "user_id": user, "member": 1, "joined_at": "2026-01-01", **fields}


def test_last_before_leaving(client: Client) -> None:
    """Of g 20 people are gone: 15 after an ad, 5 after silence. Of h one, of whom nothing is known."""
    insert(
        client,
        "memberships",
        *(out(f"a{n}", "ad") for n in range(15)),
        *(out(f"s{n}", "silence") for n in range(4)),
        out("s4", "talk"),
        into("back", left_at="2026-01-15", left_after="ad"),
        into("again", left_at="2026-01-15", left_after="benefit"),
        into("stays"),
        into("loyal"),
        {**GROUP, "user_id": "never_came"},
        {**out("x", ""), "group_id": "h"},
        {**into("y"), "group_id": "h"},
        {**into("z"), "group_id": "i"},
    )
    insert(client, "memberships", out("s4", "silence"))  # a newer snapshot
    posts = [event("post", "p", "2026-01-01", kind=("ad", "talk", "talk", "talk")[n % 4]) for n in range(20)]
    insert(client, "events", *posts, {**posts[0], "group_id": "h"}, event("share", "p", "2026-01-01"))
    asked = "SELECT * EXCEPT (community_id) FROM last_before_leaving ORDER BY group_id, left_after"
    # gone, share, came_back, stayed, post_share
    for setting in ("", " SETTINGS prefer_column_name_to_alias = 1"):
        assert rows(client, asked + setting) == [
            ("g", "ad", 15, 0.75, 1, 2, 0.25),
            ("g", "benefit", 0, 0.0, 1, 2, 0.0),
            ("g", "silence", 5, 0.25, 0, 2, None),
            ("h", "", 1, None, 0, 1, None),
        ]


def test_last_before_leaving_of_few(client: Client) -> None:
    insert(client, "memberships", *(out(f"a{n}", "ad") for n in range(19)))
    insert(client, "events", *(event("post", "p", "2026-01-01", kind="ad") for _ in range(19)))
    asked = "SELECT gone, share, post_share FROM last_before_leaving"
    assert rows(client, asked) == [(19, None, None)]
    insert(client, "memberships", out("b", "ad"))
    insert(client, "events", event("post", "p", "2026-01-01", kind="talk"))
    assert rows(client, asked) == [(20, 1.0, 0.95)]


def test_moderator_reach(client: Client) -> None:
    """olga is staff of g and h, and once was of i; max of g. bob is a member, and was staff of nothing."""
    operator = {"role": "operator"}
    insert(
        client,
        "memberships",
        into("olga", **operator),
        into("max", role="moderator", inviter_id="olga"),
        into("ann", role="member", inviter_id="olga"),
        into("bob", inviter_id="max"),
        out("gone", "ad", inviter_id="olga"),
        {**into("olga", **operator), "group_id": "h"},
        {**into("ann", inviter_id="olga"), "group_id": "h"},
        {**into("cid", inviter_id="olga"), "group_id": "h"},
        {**out("olga", "ad", **operator), "group_id": "i"},
        {**into("dan", inviter_id="olga"), "group_id": "i"},
        {**into("eve", inviter_id="olga"), "community_id": "d"},
        {**into("max", **operator), "community_id": "d"},
    )
    asked = "SELECT * FROM moderator_reach ORDER BY community_id, user_id"
    # groups, members, people, inviter_joins
    for setting in ("", " SETTINGS join_use_nulls = 1", " SETTINGS prefer_column_name_to_alias = 1"):
        assert rows(client, asked + setting) == [
            ("c", "max", 1, 4, 4, 1),
            ("c", "olga", 2, 7, 5, 4),
            ("d", "max", 1, 2, 2, 0),
        ]


def test_retention_by_phase(client: Client) -> None:
    """By ad into seeds 21: 20 are old enough, of whom 5 left within a week, and one after it."""
    insert(client, "receipts", {"stage": "groups", "partition": 0, "clock": "2026-02-01"})
    insert(client, "receipts", {"stage": "groups", "partition": 1, "clock": "2026-02-08"})
    insert(client, "receipts", {"stage": "users", "partition": 0, "clock": "2027-01-01"})
    seed = {"phase_at_joining": "seed", "channel": "ad"}
    insert(
        client,
        "memberships",
        *(out(f"soon{n}", "ad", **seed, left_at="2026-01-07 23:59:59.999") for n in range(4)),
        out("early", "ad", **seed, joined_at="2026-02-01", left_at="2026-01-31"),  # an older leave came late
        out("later", "ad", **seed, left_at="2026-01-08"),
        *(into(f"in{n}", **seed) for n in range(13)),
        into("back", **seed, left_at="2026-01-03"),
        out("new", "ad", **seed, joined_at="2026-02-01 00:00:00.001", left_at="2026-02-02"),
        *(
            into(f"own{n}", phase_at_joining="decline", channel=("", "direct", "organic")[n % 3])
            for n in range(19)
        ),
        {**GROUP, "user_id": "never_came"},
    )
    asked = "SELECT * FROM retention_by_phase ORDER BY phase, channel"
    # joined, still_in, in_share, old_enough_7, left_7, left_share_7
    for setting in ("", " SETTINGS prefer_column_name_to_alias = 1"):
        assert rows(client, asked + setting) == [
            ("c", "decline", "organic", 19, 19, None, 19, 0, None),
            ("c", "seed", "ad", 21, 14, 14 / 21, 20, 5, 0.25),
        ]
