"""Views about staff over real posts, two people taken for staff; counted again in plain Python."""

from __future__ import annotations

import gzip
import json
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from tests.analyst_engine import engine
from tests.hand_rows import clear, insert

__all__ = ["engine"]

FILE = Path(__file__).parent.parent / "data/slack-houstondatavis.ndjson.gz"
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
Events = list[dict[str, Any]]


@pytest.fixture(scope="module")
def events() -> Events:
    """The two who post most are operator and moderator, and each fifth of their posts is a benefit."""
    found = [json.loads(line) for line in gzip.decompress(FILE.read_bytes()).splitlines()]
    for event in found:
        event["occurred_at"] = datetime.fromisoformat(event["occurred_at"])
    posts = [event for event in found if event["action"] == "post"]
    (first, _), (second, _) = Counter(event["user_id"] for event in posts).most_common(2)
    for number, event in enumerate(posts):
        event["role"] = {first: "operator", second: "moderator"}.get(event["user_id"], "member")
        event.setdefault("kind", "talk")
        if number % 5 == 0:
            event["kind"] = "benefit"
    return found


@pytest.fixture(scope="module")
def client(engine: Client, events: Events) -> Iterator[Client]:
    clear(engine)
    insert(engine, "events", *events)
    yield engine


def set_clock(client: Client, now: datetime) -> None:
    insert(client, "receipts", {"stage": "users", "clock": now})


def members_posts(events: Events) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = defaultdict(list)
    for event in events:
        if event["action"] == "post" and event["role"] == "member":
            found[event["group_id"]].append(event["occurred_at"])
    return {group: sorted(moments) for group, moments in found.items()}


def staff_posts(events: Events) -> Events:
    return [event for event in events if event["action"] == "post" and event["role"] != "member"]


def test_heard(client: Client, events: Events) -> None:
    answers = members_posts(events)
    wanted: Counter[tuple[str, str, int]] = Counter()
    for post in staff_posts(events):
        moments, at = answers.get(post["group_id"], []), post["occurred_at"]
        heard = bisect_right(moments, at + HOUR / 2) > bisect_left(moments, at)
        wanted[post["group_id"], post["role"], heard] += 1
    assert {place[2] for place in wanted} == {0, 1}
    rows = client.query("SELECT group_id, role, heard, count() FROM heard_posts GROUP BY ALL").result_rows
    assert {row[:3]: row[3] for row in map(tuple, rows)} == wanted


def lifts(events: Events, now: datetime) -> dict[tuple[str, str], list[float]]:
    """By group and kind: posts of staff, members' posts after them, and those to be expected."""
    answers = members_posts(events)
    first: dict[str, datetime] = {}
    for event in events:
        first[event["group_id"]] = min(
            event["occurred_at"], first.get(event["group_id"], event["occurred_at"])
        )
    found: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0])
    for post in staff_posts(events):
        at, group = post["occurred_at"], post["group_id"]
        weeks = min(8, (at - first[group]) // WEEK)
        if weeks and now - timedelta(days=28) - HOUR < at <= now - HOUR:
            moments = answers.get(group, [])
            counts = [
                bisect_right(moments, at - n * WEEK + HOUR) - bisect_right(moments, at - n * WEEK)
                for n in range(weeks + 1)
            ]
            for place in (group, ""):
                figures = found[place, post["kind"]]
                figures[0] += 1
                figures[1] += counts[0]
                figures[2] += sum(counts[1:]) / weeks
    return found


def test_lift(client: Client, events: Events) -> None:
    expected = 0.0
    asked = "SELECT group_id, kind, staff_posts, posts_after, expected FROM lift_by_kind"
    for month in range(1, 8):
        now = datetime(2016, month, 1, tzinfo=UTC)
        set_clock(client, now)
        wanted = lifts(events, now)
        rows = client.query(asked).result_rows
        assert {(row[0], row[1]) for row in rows} == set(wanted)
        for group, kind, *figures in rows:
            assert figures == pytest.approx(wanted[group, kind])
            expected += figures[2]
    assert expected > 0


def test_rounds(client: Client, events: Events) -> None:
    rounds: dict[str, list[set[str]]] = defaultdict(list)
    for event in events:
        if event["action"] == "post" and event["kind"] == "benefit":
            if event["role"] != "member":
                rounds[event["group_id"]].append(set())
            elif rounds[event["group_id"]]:
                rounds[event["group_id"]][-1].add(event["user_id"])
    wanted = {}
    for group, found in rounds.items():
        for number, people in enumerate(found, start=1):
            following = found[number] if number < len(found) else None
            again = None if following is None else len(people & following)
            wanted[group, number] = (len(people), None if following is None else len(following), again)
    assert any(repeated for _, _, repeated in wanted.values())
    rows = client.query(
        "SELECT group_id, round, people, next_people, repeated FROM next_round_repeat"
    ).result_rows
    assert {(row[0], row[1]): tuple(row[2:]) for row in rows} == wanted


def test_months(client: Client, events: Events) -> None:
    now = datetime(2016, 6, 15, tzinfo=UTC)
    set_clock(client, now)
    wanted: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for post in staff_posts(events):
        if (at := post["occurred_at"]) < now.replace(day=1):
            wanted[post["user_id"], f"{at:%Y-%m}"].append(at)
    rows = client.query(
        "SELECT user_id, month, posts, days FROM operator_assessment WHERE posts > 0"
    ).result_rows
    assert {(user, f"{month:%Y-%m}"): (posts, days) for user, month, posts, days in rows} == {
        place: (len(moments), len({at.date() for at in moments})) for place, moments in wanted.items()
    }
