"""Views for analysts on tiny communities, by hand: the review, retention, ladders, points."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from clickhouse_connect.driver.client import Client

from tests.analyst_engine import client, clock, engine, event, rows
from tests.hand_rows import insert

__all__ = ["client", "engine"]

STAFF = {"role": "operator", "kind": "talk"}
TALK = {"role": "member", "kind": "talk"}
ASKED = {"role": "member", "kind": "question"}


# --- period_review -------------------------------------------------------------------------------


def two_weeks(client: Client) -> None:
    """Thursday 2026-03-12: the week of the 2nd against that of February 23; February against January."""
    clock(client, "2026-03-12 10:00")
    h = {"group_id": "h"}
    insert(
        client,
        "events",
        event("post", "ann", "2026-02-23 00:00", **TALK),  # the first moment of the week before
        event("post", "ann", "2026-02-24", **TALK),
        event("post", "bob", "2026-02-24", **ASKED),
        event("post", "ann", "2026-03-01 23:59:59.999", **TALK),  # its last
        event("post", "cid", "2026-03-02", **TALK, **h),
        event("post", "cid", "2026-03-08 23:59:59.999", **ASKED, **h, late=1),
        event("post", "bob", "2026-03-03", **TALK),
        event("post", "olga", "2026-03-03", **STAFF),
        event("leave", "dan", "2026-03-04", reason="noise"),
        event("join", "eve", "2026-03-04", channel="ad"),
        event("join", "fay", "2026-03-04", channel="ad"),
        event("join", "gus", "2026-03-05", channel="invite"),
        event("purchase", "ann", "2026-02-25", amount=Decimal("10"), currency="EUR"),
        event("purchase", "eve", "2026-03-06", amount=Decimal("2.5"), currency="USD"),
        event("view", "bob", "2026-03-09", content_id="x"),  # a week that is not over
        event("post", "ann", "2026-02-22 23:59:59.999", **TALK),  # the week before those
        event("post", "ann", "2026-01-01", **TALK),
        event("post", "ann", "2025-12-31 23:59:59.999", **TALK),
        {**event("share", "zoe", "2026-03-02"), "community_id": "d"},
    )


def test_period_review_of_a_week(client: Client) -> None:
    two_weeks(client)
    asked = (
        "SELECT figure, now, before, change, top_contributor, contribution FROM period_review "
        "WHERE community_id = 'c' AND group_id = '{}' AND period = 'week' AND starts_on = '2026-03-02' "
        "ORDER BY figure"
    )
    assert rows(client, asked.format("")) == [
        ("active_people", 6, 2, 4, "g", 3),  # bob, cid, olga, eve, fay, gus; before ann, bob
        ("amount", 2.5, 10, -7.5, "g", -7.5),
        ("joins", 3, 0, 3, "g", 3),
        ("leaves", 1, 0, 1, "g", 1),
        ("posts", 3, 4, -1, "g", -3),
        ("purchases", 1, 1, 0, "", 0),
        ("questions", 1, 1, 0, "", 0),
        ("staff_posts", 1, 0, 1, "g", 1),
    ]
    assert rows(client, asked.format("g")) == [
        ("active_people", 5, 2, 3, "", 0),
        ("amount", 2.5, 10, -7.5, "ann", -10),
        ("joins", 3, 0, 3, "ad", 2),
        ("leaves", 1, 0, 1, "noise", 1),
        ("posts", 1, 4, -3, "ann", -3),
        ("purchases", 1, 1, 0, "", 0),
        ("questions", 0, 1, -1, "bob", -1),
        ("staff_posts", 1, 0, 1, "olga", 1),
    ]
    assert rows(client, asked.format("h")) == [
        ("active_people", 1, 0, 1, "", 0),
        ("posts", 2, 0, 2, "cid", 2),
        ("questions", 1, 0, 1, "cid", 1),
    ]


def test_period_review_of_a_month(client: Client) -> None:
    two_weeks(client)
    asked = (
        "SELECT starts_on, figure, now, before, change, top_contributor, contribution FROM period_review "
        "WHERE community_id = 'c' AND group_id = 'g' AND period = 'month' ORDER BY figure"
    )
    february = date(2026, 2, 1)
    assert rows(client, asked) == [
        (february, "active_people", 2, 1, 1, "", 0),
        (february, "amount", 10, 0, 10, "ann", 10),
        (february, "posts", 4, 1, 3, "ann", 2),
        (february, "purchases", 1, 0, 1, "ann", 1),
        (february, "questions", 1, 0, 1, "bob", 1),
    ]
    d = "SELECT period, figure, top_contributor, now FROM period_review WHERE community_id = 'd' ORDER BY ALL"
    assert rows(client, d) == [
        ("week", "active_people", "", 1),
        ("week", "active_people", "g", 1),
        ("week", "shares", "g", 1),
        ("week", "shares", "zoe", 1),
    ]


def test_period_review_counts_people_of_two_groups_once(client: Client) -> None:
    clock(client, "2026-03-09")  # the first moment at which the week is over
    insert(
        client,
        "events",
        *(event("view", "ann", "2026-03-05", content_id="x", group_id=group) for group in ("h", "g", "i")),
    )
    names = "group_id, now, top_contributor, contribution"
    asked = f"SELECT {names} FROM period_review WHERE figure = '{{}}' ORDER BY ALL"
    assert rows(client, asked.format("active_people")) == [
        ("", 1, "g", 1), ("g", 1, "", 0), ("h", 1, "", 0), ("i", 1, "", 0),
    ]  # fmt: skip
    assert rows(client, asked.format("views"))[:2] == [("", 3, "g", 1), ("g", 1, "", 1)]


def test_period_review_takes_the_joins_of_a_channel_together(client: Client) -> None:
    """Whoever comes through it: two operators and two members are more than three members."""
    clock(client, "2026-03-09")
    came = [
        ("ad", "operator"),
        ("ad", "operator"),
        ("ad", "member"),
        ("ad", "member"),
        *[("group", "member")] * 3,
    ]
    insert(
        client,
        "events",
        *(
            event("join", f"u{number}", "2026-03-05", channel=channel, role=role)
            for number, (channel, role) in enumerate(came)
        ),
    )
    asked = "SELECT now, top_contributor, contribution FROM period_review WHERE figure = 'joins' ORDER BY ALL"
    assert rows(client, asked) == [(7, "ad", 4), (7, "g", 7)]


# --- people --------------------------------------------------------------------------------------


def test_retention_by_group(client: Client) -> None:
    """Into g 21 in January: all are old enough for 7 days, 20 for 28."""
    clock(client, "2026-02-08")
    found = []
    for number in range(20):  # half stay a week, the 5 first of those four weeks
        user = f"u{number}"
        found.append(event("join", user, "2026-01-10 12:00"))
        found.append(event("leave", user, "2026-02-08"))
        if number < 10:
            found.append(event("post", user, "2026-02-07 12:00" if number < 5 else "2026-01-17 12:00"))
    found += [
        event("join", "u0", "2026-02-01"),  # again: still of January
        event("join", "new", "2026-01-31"),
        event("view", "new", "2026-02-08", content_id="x"),
        event("post", "never_joined", "2026-01-10"),
        event("join", "ann", "2026-02-07 12:00", group_id="h"),
        event("post", "ann", "2026-02-09", group_id="g"),
    ]
    insert(client, "events", *found)
    asked = "SELECT * EXCEPT community_id FROM retention_by_group ORDER BY ALL"
    assert rows(client, asked) == [
        ("g", date(2026, 1, 1), 21, 21, 11, 11 / 21, 21, 11, 11 / 21, 20, 5, 0.25),
        ("h", date(2026, 2, 1), 1, 0, 0, None, 0, 0, None, 0, 0, None),
    ]


def test_active_people_by_day(client: Client) -> None:
    found = [event("view", f"u{number}", "2026-01-01 12:00", content_id="x") for number in range(20)]
    found += [
        event("post", "u0", "2026-01-01"),
        event("post", "ann", "2026-01-02 23:59:59.999"),
        event("post", "ann", "2026-01-09"),
        event("leave", "bob", "2026-01-05"),
        event("post", "u0", "2026-01-30", late=1),
    ]
    insert(client, "events", *found)
    answer = rows(client, "SELECT * EXCEPT community_id FROM active_people_by_day ORDER BY day")
    assert [row[0] for row in answer] == [date(2026, 1, day) for day in range(1, 31)]
    by_day = {row[0].day: row[1:] for row in answer}
    assert by_day[1] == (20, 20, 20, 1.0)
    assert by_day[2] == (1, 21, 21, 1 / 21)
    assert by_day[7] == (0, 21, 21, 0.0)
    assert by_day[8] == (0, 1, 21, 0.0)
    assert by_day[9] == (1, 1, 21, 1 / 21)
    assert by_day[28] == (0, 0, 21, 0.0)
    assert by_day[29] == (0, 0, 1, None)
    assert by_day[30] == (1, 1, 2, None)


def moved(user: str, ladder: str, segment: str, at: str) -> dict[str, Any]:
    return {"community_id": "c", "user_id": user, "ladder": ladder, "to_segment": segment, "at": at}


def ladders(client: Client) -> None:
    insert(
        client,
        "segment_transitions",
        moved("ann", "lifecycle", "new", "2026-01-01"),
        moved("ann", "lifecycle", "core", "2026-01-05"),
        moved("ann", "lifecycle", "active", "2026-01-09"),
        moved("ann", "lifecycle", "lost", "2026-02-01"),  # after both days
        moved("ann", "intent", "buyer", "2026-01-02"),
        moved("ann", "intent", "hunter", "2026-01-09"),
        moved("ann", "level", "level_10", "2026-01-02"),
        moved("ann", "level", "level_9", "2026-01-09"),
        moved("bob", "lifecycle", "new", "2026-01-02"),
        moved("bob", "lifecycle", "silent", "2026-01-06"),
        moved("bob", "lifecycle", "resurrected", "2026-01-06"),
        moved("bob", "closeness", "like", "2026-01-06"),
        moved("cid", "lifecycle", "new", "2026-01-06"),
        moved("cid", "pyramid", "staff", "2026-01-06"),
    )


BETWEEN = "(from = '2026-01-05', to = '2026-01-09')"


def test_changes_between(client: Client) -> None:
    ladders(client)
    asked = f"SELECT * EXCEPT community_id FROM changes_between{BETWEEN} ORDER BY user_id, ladder"
    assert rows(client, asked) == [
        ("ann", "closeness", "know", "know", "same"),
        ("ann", "intent", "buyer", "hunter", "aside"),
        ("ann", "level", "level_10", "level_9", "down"),
        ("ann", "lifecycle", "core", "active", "down"),
        ("ann", "pyramid", "general", "general", "same"),
        ("bob", "closeness", "know", "like", "up"),
        ("bob", "intent", "none", "none", "same"),
        ("bob", "level", "level_0", "level_0", "same"),
        ("bob", "lifecycle", "new", "resurrected", "same"),
        ("bob", "pyramid", "general", "general", "same"),
        ("cid", "closeness", "", "know", "aside"),
        ("cid", "intent", "", "none", "aside"),
        ("cid", "level", "", "level_0", "aside"),
        ("cid", "lifecycle", "", "new", "aside"),
        ("cid", "pyramid", "", "staff", "aside"),
    ]


def test_downgrades_between(client: Client) -> None:
    ladders(client)
    assert rows(client, f"SELECT * FROM downgrades_between{BETWEEN} ORDER BY ladder") == [
        ("c", "ann", "level", "level_10", "level_9"),
        ("c", "ann", "lifecycle", "core", "active"),
    ]
    assert rows(client, "SELECT * FROM downgrades_between(from = '2026-01-01', to = '2026-01-05')") == []


def test_transitions_between(client: Client) -> None:
    ladders(client)
    people = [moved(f"u{number}", "lifecycle", "new", "2026-01-04") for number in range(19)]
    insert(client, "segment_transitions", *people, moved("u0", "lifecycle", "silent", "2026-01-09"))
    asked = (
        f"SELECT * EXCEPT (community_id, ladder) FROM transitions_between{BETWEEN} WHERE ladder = 'lifecycle'"
    )
    assert rows(client, f"{asked} ORDER BY ALL") == [
        ("", "new", "aside", 1, None),
        ("core", "active", "down", 1, None),
        ("new", "new", "same", 18, 0.9),
        ("new", "resurrected", "same", 1, 0.05),
        ("new", "silent", "down", 1, 0.05),
    ]


def test_leaderboard(client: Client) -> None:
    def person(user: str, **points: Any) -> dict[str, Any]:
        return {"community_id": "c", "user_id": user, **points}

    insert(client, "users", person("ann", points_join=10, points_post=5, title="visitor"))
    insert(client, "users", person("ann", points_join=10, points_post=25, level=1, title="newcomer"))
    insert(
        client,
        "users",
        person("bob", points_share=8, points_day=2, points_invite=20, points_purchase=5),
        person("cid", points_join=100),
        person("dan"),
        {**person("eve", points_join=1), "community_id": "d"},
    )
    asked = "SELECT community_id, user_id, rank, points, level, title FROM leaderboard ORDER BY ALL"
    assert rows(client, asked) == [
        ("c", "ann", 2, 35, 1, "newcomer"),
        ("c", "bob", 2, 35, 0, ""),
        ("c", "cid", 1, 100, 0, ""),
        ("d", "eve", 1, 1, 0, ""),
    ]
    parts = "SELECT points_join, points_post, points_share, points_day, points_invite, points_purchase"
    assert rows(client, f"{parts} FROM leaderboard WHERE user_id = 'bob'") == [(0, 0, 8, 2, 20, 5)]
