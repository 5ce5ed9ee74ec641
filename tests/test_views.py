"""Each view on a tiny community, its answer worked out by hand."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sinks.migrate import create_views
from tests.analyst_engine import client, engine
from tests.hand_rows import clear, insert, moment

__all__ = ["client", "engine"]

ACTIVE = {"new", "active", "core", "resurrected"}
LIFECYCLE = ["new", "active", "core", "resurrected", "join_and_stay", "silent", "lost"]
BEGINNINGS = {"pyramid": "general", "intent": "none", "closeness": "know", "level": "level_0"}


def rows(client: Client, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(sql).result_rows]


def moves(client: Client, ladder: str, *found: tuple[str, str, str], community: str = "c") -> None:
    """Insert transitions: (user, segment, moment); each from the one before of that person in `found`."""
    last: dict[str, str] = {}
    made = []
    for user, segment, at in found:
        before = last.get(user, BEGINNINGS.get(ladder, ""))
        made.append(
            {
                "community_id": community,
                "user_id": user,
                "ladder": ladder,
                "from_segment": before,
                "to_segment": segment,
                "at": at,
                "rule": f"to_{segment}",
            }
        )
        last[user] = segment
    insert(client, "segment_transitions", *made)


@pytest.mark.parametrize("setting", ["", "join_use_nulls = 1", "prefer_column_name_to_alias = 1"])
def test_every_view_can_be_asked_when_there_is_nothing(client: Client, setting: str) -> None:
    parameters = {
        "segments_on": "(day = '2026-01-31')",
        "group_habit": "(community = 'c', group = 'g', zone = 'UTC')",
        "campaign_attainment": (
            "(community = 'c', groups = [], contents = [], figure = 'joins', from = '2026-01-01', "
            "to = '2026-01-31', goal = 10)"
        ),
        **dict.fromkeys(
            ("changes_between", "downgrades_between", "transitions_between"),
            "(from = '2026-01-01', to = '2026-01-31')",
        ),
    }
    for name in create_views(client):
        suffix = f" SETTINGS {setting}" if setting else ""
        assert rows(client, f"SELECT * FROM {name}{parameters.get(name, '')}{suffix}") == []


def test_people_by_segment(client: Client) -> None:
    common = {"community_id": "c", "segment": "active", "pyramid": "general", "intent": "none"}
    insert(
        client,
        "users",
        {**common, "user_id": "ann", "closeness": "rely", "level": 2},
        {**common, "user_id": "bob", "closeness": "know", "segment": "lost"},
        {**common, "user_id": "cid", "closeness": "know"},
        {**common, "user_id": "ann", "closeness": "know", "community_id": "d"},
    )
    insert(client, "users", {**common, "user_id": "cid", "closeness": "like", "pyramid": "valuable"})
    asked = "SELECT ladder, segment, people FROM people_by_segment WHERE community_id = 'c' ORDER BY ALL"
    assert rows(client, asked) == [
        ("closeness", "know", 1),
        ("closeness", "like", 1),
        ("closeness", "rely", 1),
        ("intent", "none", 3),
        ("level", "level_0", 2),
        ("level", "level_2", 1),
        ("lifecycle", "active", 2),
        ("lifecycle", "lost", 1),
        ("pyramid", "general", 2),
        ("pyramid", "valuable", 1),
    ]
    everybody = "SELECT community_id, ladder, sum(people) AS n FROM people_by_segment GROUP BY ALL"
    assert {row[2] for row in rows(client, f"{everybody} HAVING community_id = 'd'")} == {1}


def test_last_transitions(client: Client) -> None:
    same = "2026-01-02 10:00"
    moves(client, "lifecycle", ("ann", "new", "2026-01-01"), ("ann", "active", same), ("ann", "core", same))
    moves(client, "intent", ("ann", "potential", "2026-01-03"))
    asked = "SELECT user_id, ladder, from_segment, to_segment, at, rule FROM last_transitions ORDER BY ladder"
    assert rows(client, asked) == [
        ("ann", "intent", "none", "potential", datetime(2026, 1, 3), "to_potential"),
        ("ann", "lifecycle", "active", "core", datetime(2026, 1, 2, 10), "to_core"),
    ]


def a_small_community(client: Client) -> None:
    """ann, bob and cid come, go and come back; dan is first known by a leave; on the 5th nothing happens."""
    moves(
        client,
        "lifecycle",
        ("ann", "new", "2026-01-01 08:00"),
        ("bob", "new", "2026-01-01 09:00"),
        ("bob", "lost", "2026-01-01 10:00"),
        ("ann", "active", "2026-01-02 08:00"),
        ("bob", "resurrected", "2026-01-03 08:00"),
        ("cid", "new", "2026-01-03 09:00"),
        ("ann", "silent", "2026-01-04 08:00"),
        ("cid", "silent", "2026-01-04 09:00"),
        ("cid", "resurrected", "2026-01-04 10:00"),
        ("ann", "lost", "2026-01-06 08:00"),
        ("bob", "silent", "2026-01-06 09:00"),
        ("dan", "lost", "2026-01-06 10:00"),
        ("ann", "resurrected", "2026-01-07 08:00"),
        ("bob", "lost", "2026-01-07 09:00"),
    )
    moves(client, "pyramid", ("ann", "valuable", "2026-01-01 08:00"), ("ann", "general", "2026-01-08 08:00"))
    moves(client, "intent", ("cid", "buyer", "2026-01-04 09:00"))
    moves(client, "lifecycle", ("ann", "new", "2026-01-02 08:00"), community="d")


def day(number: int) -> date:
    return date(2026, 1, number)


def test_growth_accounting(client: Client) -> None:
    a_small_community(client)
    asked = "SELECT * EXCEPT community_id FROM growth_accounting WHERE community_id = 'c' ORDER BY day"
    # day, active_before, new, resurrected, gone, active, came_and_went
    assert rows(client, asked) == [
        (day(1), 0, 1, 0, 0, 1, 1),
        (day(2), 1, 0, 0, 0, 1, 0),
        (day(3), 1, 1, 1, 0, 3, 0),
        (day(4), 3, 0, 0, 1, 2, 0),
        (day(5), 2, 0, 0, 0, 2, 0),
        (day(6), 2, 0, 0, 1, 1, 1),
        (day(7), 1, 0, 1, 0, 2, 0),
        (day(8), 2, 0, 0, 0, 2, 0),
    ]
    assert rows(client, "SELECT * FROM growth_accounting WHERE community_id = 'd'") == [
        ("d", day(2), 0, 1, 0, 0, 1, 0)
    ]


def test_a_day_is_the_communitys_own(client: Client) -> None:
    row = {"community_id": "c", "user_id": "ann", "ladder": "lifecycle", "to_segment": "new"}
    insert(client, "segment_transitions", {**row, "at": "2026-01-01 23:30", "day": day(2)})
    assert rows(client, "SELECT day, active FROM growth_accounting") == [(day(2), 1)]
    assert rows(client, "SELECT DISTINCT day FROM segments_by_day") == [(day(2),)]
    assert rows(client, "SELECT user_id FROM segments_on(day = '2026-01-01')") == []
    assert rows(client, "SELECT day FROM transition_matrix") == [(day(2),)]


def test_segments_by_day(client: Client) -> None:
    a_small_community(client)
    asked = (
        "SELECT segment, groupArray(people) FROM (SELECT * FROM segments_by_day WHERE community_id = 'c' "
        "AND ladder = {ladder:String} ORDER BY day) GROUP BY segment ORDER BY segment"
    )

    def found(ladder: str) -> dict[str, list[int]]:
        answer = client.query(asked, parameters={"ladder": ladder}).result_rows
        return {row[0]: row[1] for row in answer}

    # The 1st to the 8th. Silent on the 4th: ann alone, as cid is back by the end of the day.
    assert found("lifecycle") == {
        "new": [1, 0, 1, 0, 0, 0, 0, 0],
        "active": [0, 1, 1, 0, 0, 0, 0, 0],
        "resurrected": [0, 0, 1, 2, 2, 1, 2, 2],
        "silent": [0, 0, 0, 1, 1, 1, 0, 0],
        "lost": [1, 1, 0, 0, 0, 2, 2, 2],
    }
    assert found("pyramid") == {"general": [1, 1, 2, 2, 2, 3, 3, 4], "valuable": [1, 1, 1, 1, 1, 1, 1, 0]}
    assert found("intent") == {"none": [2, 2, 3, 2, 2, 3, 3, 3], "buyer": [0, 0, 0, 1, 1, 1, 1, 1]}
    assert found("closeness") == {"know": [2, 2, 3, 3, 3, 4, 4, 4]}
    assert found("level") == {"level_0": [2, 2, 3, 3, 3, 4, 4, 4]}


def test_segments_on(client: Client) -> None:
    a_small_community(client)
    asked = "SELECT * FROM segments_on(day = '{}') WHERE community_id = 'c' ORDER BY user_id"
    assert rows(client, asked.format("2025-12-31")) == []
    assert rows(client, asked.format("2026-01-04")) == [
        ("c", "ann", "silent", "valuable", "none", "know", "level_0"),
        ("c", "bob", "resurrected", "general", "none", "know", "level_0"),
        ("c", "cid", "resurrected", "general", "buyer", "know", "level_0"),
    ]
    assert rows(client, asked.format("2030-01-01"))[0] == (
        "c", "ann", "resurrected", "general", "none", "know", "level_0",
    )  # fmt: skip
    asked = "SELECT user_id FROM segments_on(day = {d:Date32}) WHERE community_id = 'd'"
    assert client.query(asked, parameters={"d": day(2)}).result_rows == [("ann",)]


def test_transition_matrix(client: Client) -> None:
    a_small_community(client)
    asked = (
        "SELECT * EXCEPT community_id FROM transition_matrix WHERE community_id = 'c' AND day <= '2026-01-01'"
    )
    assert rows(client, f"{asked} ORDER BY ALL") == [
        ("lifecycle", day(1), "", "new", "to_new", 2),
        ("lifecycle", day(1), "new", "lost", "to_lost", 1),
        ("pyramid", day(1), "general", "valuable", "to_valuable", 1),
    ]


def test_intent_steps(client: Client) -> None:
    moves(
        client,
        "intent",
        ("ann", "potential", "2026-01-01"),
        ("ann", "intent", "2026-01-03"),
        ("ann", "potential", "2026-01-09"),
        ("bob", "buyer", "2026-01-05"),
        ("bob", "none", "2026-01-06"),
    )
    moves(client, "pyramid", ("bob", "valuable", "2026-01-05"))
    first, last, other = datetime(2026, 1, 1), datetime(2026, 1, 9), datetime(2026, 1, 3)
    assert rows(client, "SELECT * FROM intent_steps ORDER BY user_id, first_at") == [
        ("c", "ann", "potential", first, last),
        ("c", "ann", "intent", other, other),
        ("c", "bob", "buyer", datetime(2026, 1, 5), datetime(2026, 1, 5)),
    ]


def funnel(client: Client, community: str) -> dict[str, tuple[Any, ...]]:
    sql = "SELECT * EXCEPT community_id FROM intent_funnel WHERE community_id = {c:String}"
    return {row[0]: tuple(row[1:]) for row in client.query(sql, parameters={"c": community}).result_rows}


def test_intent_funnel(client: Client) -> None:
    """Of 40 people, 30 came to potential, 1 to 30 days after the 1st, and 20 of those on to intent."""
    start = moment("2026-01-01")
    lifecycle, intent = [], []
    for number in range(1, 41):
        user = f"u{number}"
        lifecycle.append((user, "new", str(start)[:19]))
        if number <= 30:
            potential = start + timedelta(days=number)
            intent.append((user, "potential", str(potential)[:19]))
            if number <= 20:
                intent.append((user, "intent", str(potential + timedelta(hours=12 * number))[:19]))
            if number <= 3:
                intent.append((user, "strong", str(potential + timedelta(days=60))[:19]))
    intent.append(("u40", "intent", "2026-03-01"))  # past potential
    intent.append(("u39", "buyer", "2026-03-01"))
    moves(client, "lifecycle", *lifecycle)
    moves(client, "intent", *intent)
    # people, step_before, people_before, went_on, rate, median_days
    assert funnel(client, "c") == {
        "potential": (30, "everybody", 40, 30, 0.75, 15.5),
        "intent": (21, "potential", 30, 20, 20 / 30, 5.25),
        "strong": (3, "intent", 21, 3, 3 / 21, None),
        "buyer": (1, "strong", 3, 0, None, None),
        "hunter": (0, "potential", 30, 0, 0.0, None),
    }


def test_a_step_taken_before_the_one_before_is_not_going_on(client: Client) -> None:
    moves(client, "lifecycle", ("ann", "new", "2026-01-01"))
    moves(client, "intent", ("ann", "strong", "2026-01-01"), ("ann", "intent", "2026-01-02"))
    assert funnel(client, "c")["strong"] == (1, "intent", 1, 0, None, None)
    assert funnel(client, "c")["intent"] == (1, "potential", 0, 0, None, None)


def test_retention_by_channel(client: Client) -> None:
    """25 by ad and 22 organic in January; in February 3, of whom none is known for 28 days yet."""
    insert(client, "receipts", {"stage": "users", "clock": "2026-03-02"})
    insert(client, "receipts", {"stage": "intake", "partition": 1, "clock": "2026-12-01"})
    joins, people = [], []

    def came(user: str, channel: str, at: str, stayed: timedelta) -> None:
        joins.append({"user_id": user, "action": "join", "channel": channel, "occurred_at": at})
        people.append({"user_id": user, "last_at": moment(at) + stayed})

    for number in range(25):  # 10 of 25 stay a week, 5 of those for four
        days = 40 if number < 5 else 7 if number < 10 else 0
        came(f"ad{number}", "ad", "2026-01-10 12:00", timedelta(days=days))
    for number in range(22):
        days = 28 if number < 11 else 1
        channel = ("", "direct", "organic")[number % 3]
        came(f"own{number}", channel, "2026-01-31 12:00", timedelta(days=days))
    came("late", "ad", "2026-02-01 00:00", timedelta(days=28))
    came("later", "ad", "2026-02-20 00:00", timedelta(days=7, milliseconds=-1))
    came("last", "ad", "2026-03-01 00:00", timedelta(days=1))
    joins.append({"user_id": "own0", "action": "join", "channel": "ad", "occurred_at": "2026-02-02"})
    joins.append({"user_id": "ad0", "action": "post", "occurred_at": "2026-01-01"})
    insert(client, "events", *({"community_id": "c", **row} for row in joins))
    insert(client, "users", *({"community_id": "c", **row} for row in people))
    names = [
        "joined",
        *(f"{name}_{n}" for n in (1, 7, 28) for name in ("old_enough", "stayed", "rate", "gap")),
    ]
    asked = f"SELECT channel, month, {', '.join(names)} FROM retention_by_channel ORDER BY month, channel"
    [ad, organic, february, march] = rows(client, asked)
    january = date(2026, 1, 1)
    assert ad[:2] == ("ad", january) and organic[:2] == ("organic", january)
    assert organic[2:] == (22, 22, 22, 1.0, 0.0, 22, 11, 0.5, 0.0, 22, 11, 0.5, 0.0)
    assert ad[2:] == (25, 25, 10, 0.4, 0.4 - 1.0, 25, 10, 0.4, 0.4 - 0.5, 25, 5, 0.2, 0.2 - 0.5)
    none = (None, None)
    assert february == ("ad", date(2026, 2, 1), 2, 2, 2, *none, 2, 1, *none, 1, 1, *none)
    assert march == ("ad", date(2026, 3, 1), 1, 1, 1, *none, 0, 0, *none, 0, 0, *none)


# --- any log -------------------------------------------------------------------------------------


def random_log(rng: random.Random) -> list[dict[str, Any]]:
    """Transitions of a few people over two weeks, several a day, some at the same moment, on every ladder."""
    segments = {
        "lifecycle": LIFECYCLE,
        "pyramid": ["staff", "valuable", "general"],
        "intent": ["none", "potential", "buyer"],
        "closeness": ["know", "like"],
        "level": ["level_0", "level_1"],
    }
    log = []
    for number in range(rng.randint(1, 4)):
        start = rng.randint(0, 10)
        for ladder, words in segments.items():
            moments = sorted(rng.choices(range(start * 4, 14 * 4), k=rng.randint(0, 8)))
            if ladder == "lifecycle":
                moments = [start * 4, *moments]
            before = BEGINNINGS.get(ladder, "")
            for quarter in moments:
                segment = rng.choice([word for word in words if word != before])
                log.append(
                    {
                        "community_id": "c",
                        "user_id": f"u{number}",
                        "ladder": ladder,
                        "from_segment": before,
                        "to_segment": segment,
                        "at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=6 * quarter),
                    }
                )
                before = segment
    return sorted(log, key=lambda row: row["at"])


def standing(log: list[dict[str, Any]], user: str, ladder: str, end: date) -> str | None:
    """Where somebody is at the end of a day; None before they came."""
    theirs = [row for row in log if row["user_id"] == user and row["at"].date() <= end]
    found = [row["to_segment"] for row in theirs if row["ladder"] == ladder]
    return (found[-1] if found else BEGINNINGS.get(ladder)) if theirs else None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_any_log_balances_and_is_counted_right(engine: Client, seed: int) -> None:
    log = random_log(random.Random(seed))
    clear(engine)
    insert(engine, "segment_transitions", *log)
    users = sorted({row["user_id"] for row in log})
    found = list(engine.query("SELECT * FROM growth_accounting ORDER BY day").named_results())
    first, last = min(row["at"] for row in log).date(), max(row["at"] for row in log).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    assert [row["day"] for row in found] == days
    yesterday: dict[str, str | None] = dict.fromkeys(users)
    for row in found:
        assert row["active"] == row["active_before"] + row["new"] + row["resurrected"] - row["gone"]
        today = {user: standing(log, user, "lifecycle", row["day"]) for user in users}
        kinds = Counter(
            "new" if yesterday[user] is None and segment in ACTIVE
            else "came_and_went" if yesterday[user] is None and segment is not None
            else "resurrected" if segment in ACTIVE and yesterday[user] not in ACTIVE
            else "gone" if yesterday[user] in ACTIVE and segment not in ACTIVE
            else ""
            for user, segment in today.items()
        )  # fmt: skip
        assert {name: row[name] for name in ("active", "active_before")} == {
            "active": sum(segment in ACTIVE for segment in today.values()),
            "active_before": sum(segment in ACTIVE for segment in yesterday.values()),
        }
        names = ("new", "resurrected", "gone", "came_and_went")
        assert {name: row[name] for name in names} == {name: kinds[name] for name in names}
        yesterday = today
    by_day = "SELECT day, ladder, segment, people FROM segments_by_day WHERE people != 0"
    counted = {tuple(row[:3]): row[3] for row in engine.query(by_day).result_rows}
    wanted = Counter(
        (each, ladder, segment)
        for each in days
        for ladder in ("lifecycle", *BEGINNINGS)
        for user in users
        if (segment := standing(log, user, ladder, each)) is not None
    )
    assert counted == wanted
    middle = days[len(days) // 2]
    on = engine.query("SELECT * FROM segments_on(day = {d:Date32})", parameters={"d": middle})
    assert {row["user_id"]: [row[ladder] for ladder in BEGINNINGS] for row in on.named_results()} == {
        user: [standing(log, user, ladder, middle) for ladder in BEGINNINGS]
        for user in users
        if standing(log, user, "lifecycle", middle) is not None
    }
