"""Views for analysts on tiny communities, each answer worked out by hand: content, benefits, staff."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from tests.analyst_engine import GROUP, client, clock, engine, event, rows
from tests.hand_rows import insert, moment

__all__ = ["client", "engine"]

TALK = {"role": "member", "kind": "talk"}
STAFF = {"role": "operator", "kind": "talk"}
BENEFIT = {"role": "operator", "kind": "benefit"}


def bought(user: str, amount: str, currency: str, **fields: Any) -> dict[str, Any]:
    paid = {"amount": Decimal(amount), "currency": currency}
    return event("purchase", user, "2026-01-02", **paid, **fields)


# --- content -------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["group", "content"])
def test_conversion(client: Client, place: str) -> None:
    """Of 20 who look at x in g, 5 buy, and so do two who don't look; nobody buys y in h."""
    x, y = {"content_id": "x", "group_id": "g"}, {"content_id": "y", "group_id": "h"}
    insert(
        client,
        "events",
        *(event("view", f"u{number}", "2026-01-03", **x) for number in range(20)),
        event("view", "u0", "2026-01-01", **x),
        *(bought(f"u{number}", "1.5", "EUR", **x) for number in range(5)),
        bought("u0", "0.000001", "USD", **x),
        *(bought(user, "10", "EUR", **x) for user in ("ann", "bob")),
        event("view", "u0", "2026-01-01", **y),
        event("share", "u0", "2026-01-01", content_id="z", group_id="i"),
    )
    names = f"{place}_id, viewers, buyers, viewers_who_bought, rate, purchases, amounts"
    euros, dollars = Decimal("27.5"), Decimal("0.000001")
    assert rows(client, f"SELECT {names} FROM conversion_by_{place} ORDER BY viewers") == [
        (y[f"{place}_id"], 1, 0, 0, None, 0, {}),
        (x[f"{place}_id"], 20, 7, 5, 0.25, 8, {"EUR": euros, "USD": dollars}),
    ]


def test_conversion_by_content_leaves_out_what_names_none(client: Client) -> None:
    insert(client, "events", bought("ann", "1", "EUR"))
    assert rows(client, "SELECT * FROM conversion_by_content") == []
    assert rows(client, "SELECT buyers FROM conversion_by_group") == [(1,)]


def test_content_days(client: Client) -> None:
    """Twenty contents with 1 to 20 views: the median is 10.5, 80 % are below 16.2, 95 % below 19.05."""
    found = [
        event("view", "u", "2026-01-02 23:59", content_id=f"x{n}") for n in range(1, 21) for _ in range(n)
    ]
    named = {"content_id": "x1"}
    found += [
        event("share", "u", "2026-01-02", **named),
        event("join", "v", "2026-01-02", **named),
        event("post", "v", "2026-01-02", **named, **TALK),
        bought("v", "2.5", "EUR", **named),
        bought("v", "1", "EUR", **named),
        event("view", "u", "2026-01-02"),
        {**event("view", "u", "2026-01-03", **named), "community_id": "d"},
    ]
    insert(client, "events", *found)
    bands = {
        row[0]: row[1]
        for row in rows(client, "SELECT views, views_band FROM content_days WHERE community_id = 'c'")
    }
    assert bands == {
        **dict.fromkeys(range(1, 11), "low"), **dict.fromkeys(range(11, 17), "middle"),
        **dict.fromkeys(range(17, 20), "high"), 20: "top",
    }  # fmt: skip
    asked = "SELECT * EXCEPT community_id FROM content_days WHERE content_id = 'x1' ORDER BY community_id"
    assert rows(client, asked) == [
        ("x1", date(2026, 1, 2), 1, 1, 1, 2, Decimal("3.5"), "low", "top", "top"),
        ("x1", date(2026, 1, 3), 1, 0, 0, 0, 0, "low", "low", "low"),
    ]


# --- posts of staff ------------------------------------------------------------------------------


def test_heard_posts(client: Client) -> None:
    insert(
        client,
        "events",
        event("post", "olga", "2026-01-01 10:00", **STAFF),
        event("post", "ann", "2026-01-01 10:30", **TALK),
        event("post", "max", "2026-01-01 10:30", role="moderator", kind="benefit"),
        event("post", "max", "2026-01-01 11:00", role="moderator", kind="talk"),
        event("post", "olga", "2026-01-01 11:05", **STAFF),
        event("post", "ann", "2026-01-01 11:30:00.001", **TALK),
        event("post", "ann", "2026-01-01 11:20", **TALK, group_id="h"),
        event("post", "olga", "2026-01-02", **STAFF),
        event("view", "ann", "2026-01-02", content_id="x"),
    )
    asked = "SELECT user_id, role, kind, toString(at), heard FROM heard_posts ORDER BY at, user_id"
    assert rows(client, asked) == [
        ("olga", "operator", "talk", "2026-01-01 10:00:00.000", 1),
        ("max", "moderator", "benefit", "2026-01-01 10:30:00.000", 1),
        ("max", "moderator", "talk", "2026-01-01 11:00:00.000", 0),
        ("olga", "operator", "talk", "2026-01-01 11:05:00.000", 1),
        ("olga", "operator", "talk", "2026-01-02 00:00:00.000", 0),
    ]


def test_lift_by_kind(client: Client) -> None:
    """A benefit on Thursday at 10:00 in g: 30 posts follow; in the weeks before it were 10 and 14."""
    clock(client, "2026-01-29 11:00")
    posts: list[dict[str, Any]] = [event("join", "ann", "2026-01-15 10:00")]

    def said(n: int, at: str, **fields: Any) -> None:
        posts.extend(event("post", f"u{k}", at, **TALK, **fields) for k in range(n))

    posts.append(event("post", "olga", "2026-01-29 10:00", **BENEFIT))
    posts.append(event("post", "olga", "2026-01-29 10:00:00.001", role="operator", kind="ad"))  # not over
    said(5, "2026-01-29 10:00")  # at the same moment: not after it
    said(10, "2026-01-29 10:00:00.001")
    said(20, "2026-01-29 11:00")  # the last moment of the hour
    said(10, "2026-01-22 10:30")
    said(9, "2026-01-22 11:00:00.001")
    said(14, "2026-01-15 10:59")
    posts.append(event("post", "olga", "2026-01-21 10:00", **STAFF))  # in the first week of the group
    # In h, three weeks old, nobody ever answers; and there were 60 posts in one of the weeks.
    posts.append(event("join", "ann", "2026-01-08 09:00", group_id="h"))
    posts.append(event("post", "max", "2026-01-29 09:30", role="moderator", kind="benefit", group_id="h"))
    said(60, "2026-01-15 09:40", group_id="h")
    insert(client, "events", *posts)
    asked = "SELECT group_id, kind, staff_posts, posts_after, expected, lift FROM lift_by_kind ORDER BY ALL"
    assert rows(client, asked) == [
        ("", "benefit", 2, 30, 32.0, 30 / 32),
        ("g", "benefit", 1, 30, 12.0, None),
        ("h", "benefit", 1, 0, 20.0, 0.0),
    ]


def test_next_round_repeat(client: Client) -> None:
    """Three rounds in g: 20 take part in the first, 5 of those and one more in the second, then nobody."""
    reply = {"role": "member", "kind": "benefit"}
    insert(
        client,
        "events",
        event("post", "olga", "2026-01-01 10:00", **BENEFIT),
        event("post", "early", "2026-01-01 09:00", **reply),
        *(event("post", f"u{n}", "2026-01-01 10:00", **reply) for n in range(10)),
        *({**bought(f"u{n}", "1", "EUR")} for n in range(10, 20)),
        bought("u0", "1", "EUR"),
        event("post", "max", "2026-01-08", **{**BENEFIT, "role": "moderator"}),
        *(event("post", f"u{n}", "2026-01-08", **reply) for n in range(8, 13)),
        event("post", "late", "2026-01-08 12:00", **reply),
        event("post", "u1", "2026-01-08 12:00", **TALK),
        event("post", "olga", "2026-01-15", **BENEFIT),
        event("post", "u1", "2026-01-15", **reply, group_id="h"),
    )
    asked = "SELECT * EXCEPT community_id FROM next_round_repeat ORDER BY round"
    assert rows(client, asked) == [
        ("g", 1, datetime(2026, 1, 1, 10), 20, 6, 5, 0.25),
        ("g", 2, datetime(2026, 1, 8), 6, 0, 0, None),
        ("g", 3, datetime(2026, 1, 15), 0, None, None, None),
    ]


# --- staff ---------------------------------------------------------------------------------------


def member(user: str, role: str = "member", **fields: Any) -> dict[str, Any]:
    return {**GROUP, "user_id": user, "member": 1, "role": role, **fields}


def test_staff_rollup(client: Client) -> None:
    clock(client, "2026-01-29")
    h = {"group_id": "h"}
    insert(
        client,
        "memberships",
        member("olga", "operator"),
        member("olga", "moderator", **h),
        member("max", "moderator", **h),
        member("ann"),
        member("ann", **h),
        member("bob"),
        member("gone", "operator", member=0),
    )
    insert(
        client,
        "events",
        event("post", "ann", "2025-12-01", role="member", kind="question", content_id="q1"),
        event("post", "ann", "2026-01-02", role="member", kind="question", content_id="q2"),
        event("post", "max", "2026-01-02", role="moderator", kind="question", content_id="q3", **h),
        event("post", "olga", "2026-01-03", **STAFF, reply_to="q1"),
        event("post", "olga", "2026-01-03", **STAFF, reply_to="q1"),
        event("post", "olga", "2026-01-03", **STAFF, reply_to="q2"),
        event("post", "olga", "2026-01-04", **STAFF, reply_to="q3"),
        event("post", "olga", "2026-01-05", **STAFF, reply_to="k"),
        event("post", "bob", "2026-01-05 00:30", **TALK, reply_to="q1"),
        event("post", "olga", "2026-01-01", **STAFF, reply_to="q2"),  # 28 days ago: no more
        event("post", "olga", "2026-01-30", **STAFF),
        event("join", "ann", "2026-01-10", inviter_id="olga"),
        event("join", "bob", "2026-01-10", inviter_id="olga", **h),
        event("join", "cid", "2026-01-10", inviter_id="max", group_id="i"),
        event("leave", "gone", "2026-01-11"),
        event("leave", "gone", "2025-12-11"),
    )
    asked = "SELECT * EXCEPT community_id FROM staff_rollup ORDER BY user_id"
    # role, groups, members, posts, heard, share, replies, questions_answered, brought, joins, leaves
    assert rows(client, asked) == [
        ("max", "moderator", 1, 3, 1, 0, None, 0, 0, 1, 1, 0),
        ("olga", "operator", 2, 4, 5, 1, None, 5, 2, 2, 2, 1),
    ]


def test_operator_assessment(client: Client) -> None:
    """max is heard on 8 days of January and February; olga on 7 of January, and nothing after it."""
    clock(client, "2026-03-31 23:59")
    posts = [event("join", "ann", "2026-01-01"), event("leave", "ann", "2026-01-02")]
    for month in (1, 2, 3):
        for day in range(1, 9):
            at = moment(f"2026-0{month}-{day:02} 10:00")
            posts.append({**event("post", "max", "", role="moderator", kind="talk"), "occurred_at": at})
            if month == 1 and day < 8:
                late = at + timedelta(hours=1)
                posts += [{**event("post", "olga", "", **STAFF), "occurred_at": late} for _ in range(3)]
    posts += [event("post", "bob", f"2026-01-0{day} 11:10", **TALK) for day in range(1, 5)]
    posts.append(event("leave", "bob", "2026-02-10"))
    posts.append(event("join", "bob", "2026-02-11"))
    insert(client, "events", *posts)
    asked = "SELECT * EXCEPT community_id FROM operator_assessment ORDER BY user_id, month"
    january, february = date(2026, 1, 1), date(2026, 2, 1)
    assert rows(client, asked) == [
        ("max", january, "moderator", 8, 8, None, 1, 1, 1, 1, 1, 1, ""),
        ("max", february, "moderator", 8, 8, None, 1, 1, 1, 1, 1, 1, "promote"),
        ("olga", january, "operator", 21, 7, 12 / 21, 1, 1, 0, 1, 1, 0, ""),
        ("olga", february, "operator", 0, 0, None, 0, 0, 0, 1, 1, 0, "demote"),
    ]


def test_operator_assessment_hears_and_counts_who_leaves(client: Client) -> None:
    clock(client, "2026-02-01")
    posts = [
        event("post", "olga", f"2026-01-{day:02} {hour}:00", **STAFF)
        for day in range(1, 11)
        for hour in (10, 12)
    ]
    heard = [event("post", "bob", f"2026-01-0{day} 10:30", **TALK) for day in range(1, 4)]
    insert(client, "events", *posts, *heard, event("leave", "bob", "2026-01-05"))
    asked = "SELECT heard_share, passed_days, passed_heard, passed_growth, passed FROM operator_assessment"
    assert rows(client, asked) == [(0.15, 1, 0, 0, 0)]
    insert(
        client, "events", event("post", "bob", "2026-01-04 10:30", **TALK), event("join", "eve", "2026-01-05")
    )
    assert rows(client, asked) == [(0.2, 1, 1, 1, 1)]
