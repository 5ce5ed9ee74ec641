"""Views for analysts on tiny communities, each answer worked out by hand: aims, and who goes elsewhere."""

from __future__ import annotations

from datetime import date
from typing import Any

from clickhouse_connect.driver.client import Client

from tests.analyst_engine import GROUP, client, clock, engine, event, rows
from tests.hand_rows import insert

__all__ = ["client", "engine"]

TALK = {"role": "member", "kind": "talk"}


def member(user: str, role: str = "member", **fields: Any) -> dict[str, Any]:
    return {**GROUP, "user_id": user, "member": 1, "role": role, **fields}


def test_three_aims(client: Client) -> None:
    """20 come in the week of January 5, 10 of them again in the next, then one in the fourth."""
    clock(client, "2026-02-02")
    people, events = [], []
    for number in range(20):
        person = {
            "community_id": "c",
            "user_id": f"u{number}",
            "joined_at": "2026-01-05",
            "activated": int(number < 5),
        }
        people.append(person)
        events.append(event("join", f"u{number}", "2026-01-05"))
        if number < 10:
            events.append(event("view", f"u{number}", "2026-01-18 23:59:59.999", content_id="x"))
        else:
            events.append(event("leave", f"u{number}", "2026-01-13"))
    people += [
        {"community_id": "c", "user_id": "new", "joined_at": "2026-01-12", "activated": 1},
        {"community_id": "c", "user_id": "last", "joined_at": "2026-02-02"},
        {"community_id": "c", "user_id": "never"},
    ]
    events += [
        event("join", "new", "2026-01-12"),
        event("post", "u0", "2026-01-26", **TALK),
        event("join", "last", "2026-02-02"),
    ]
    insert(client, "users", *people)
    insert(client, "events", *events)
    asked = "SELECT * EXCEPT community_id FROM three_aims ORDER BY week"
    none = (None, None)
    assert rows(client, asked) == [
        (date(2026, 1, 5), 20, None, 0, 0, *none, 5, 0.25, None),
        (date(2026, 1, 12), 1, -19, 20, 10, 0.5, None, 1, *none),
        (date(2026, 1, 19), 0, -1, 11, 0, *none, 0, *none),
        (date(2026, 1, 26), 0, 0, 0, 0, *none, 0, *none),
    ]


def test_members_elsewhere(client: Client) -> None:
    """The clock is 2026-03-01: before February 1 all 20 are active in g, and 5 of those only in h since."""
    clock(client, "2026-03-01")
    h, i = {"group_id": "h"}, {"group_id": "i"}
    before, since = "2026-02-01", "2026-02-01 00:00:00.001"
    people = [f"u{number}" for number in range(20)]
    insert(client, "memberships", *(member(user) for user in people), member("gone", member=0), member("ann"))
    insert(
        client,
        "events",
        *(event("post", user, before) for user in people),
        *(event("post", user, since, **h) for user in people[:6]),
        event("view", "u5", "2026-03-01", content_id="x"),  # still active in g
        event("post", "u0", since, **i),
        event("leave", "u1", since),
        event("leave", "u7", since, **h),
        event("post", "gone", before),
        event("post", "gone", since, **h),
        event("post", "ann", "2026-01-04"),  # too long ago
        event("post", "ann", since, **h),
        {**event("post", "u8", since, **h), "community_id": "d"},
    )
    asked = "SELECT * EXCEPT community_id FROM members_elsewhere ORDER BY to_group"
    assert rows(client, asked) == [("g", "h", 5, 20, 0.25, 8), ("g", "i", 1, 20, 0.05, 1)]
