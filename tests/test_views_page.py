"""The views over the data in data/: what docs/views.md shows, and figures counted again in plain Python."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from pages import views
from sinks.migrate import VIEWS

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    opened = views.replayed(tmp_path_factory.mktemp("real"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def events() -> dict[str, list[dict[str, Any]]]:
    """The events by community, `at` as a datetime."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for file in views.DATA:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for event in map(json.loads, lines):
                event["at"] = datetime.fromisoformat(event["occurred_at"])
                found[event["community_id"]].append(event)
    return found


def named(client: Client, sql: str) -> list[dict[str, Any]]:
    return list(client.query(sql).named_results())


def now_of(client: Client, stage: str) -> datetime:
    clock: datetime = client.query(f"SELECT max(clock) FROM receipts WHERE stage = '{stage}'").result_rows[0][
        0
    ]
    return clock.replace(tzinfo=UTC)


def monday(at: datetime) -> date:
    return at.date() - timedelta(days=at.weekday())


def people_in(found: list[dict[str, Any]], within: Callable[[datetime], bool]) -> set[str]:
    return {event["user_id"] for event in found if event["action"] != "leave" and within(event["at"])}


def test_the_page_is_current(client: Client) -> None:
    names = sorted(file.stem for file in VIEWS.glob("*.sql"))
    made = views.page(views.examples(client, names))
    assert made == views.PAGE.read_text("utf-8"), "make it anew: python -m pages.views"
    for name in names:
        told = views.head((VIEWS / f"{name}.sql").read_text("utf-8"))
        assert told.question and told.grain and told.columns, name


def test_active_people(client: Client, events: dict[str, list[dict[str, Any]]]) -> None:
    for community, found in events.items():
        by_day: dict[date, set[str]] = defaultdict(set)
        for event in found:
            if event["action"] != "leave":
                by_day[event["at"].date()].add(event["user_id"])
        rows = named(
            client,
            f"SELECT * FROM active_people_by_day WHERE community_id = '{community}' ORDER BY day",
        )
        assert (rows[0]["day"], rows[-1]["day"]) == (min(by_day), max(by_day))
        assert len(rows) == (max(by_day) - min(by_day)).days + 1
        for row in rows[::7]:
            last = [by_day.get(row["day"] - n * DAY, set()) for n in range(28)]
            wanted = (len(last[0]), len(set().union(*last[:7])), len(set().union(*last)))
            assert (row["dau"], row["wau"], row["mau"]) == wanted, row


def test_retention_of_customers(client: Client, events: dict[str, list[dict[str, Any]]]) -> None:
    joined: dict[str, datetime] = {}
    last: dict[str, datetime] = {}
    for event in events["cdnow"]:
        if event["action"] == "join":
            joined.setdefault(event["user_id"], event["at"])
        last[event["user_id"]] = event["at"]
    sql = "SELECT month, joined, stayed_1, stayed_7, stayed_28 FROM retention_by_group"
    rows = client.query(f"{sql} WHERE community_id = 'cdnow'").result_rows
    wanted: dict[date, Counter[str]] = defaultdict(Counter)
    for user, at in joined.items():
        figures = wanted[at.date().replace(day=1)]
        figures["joined"] += 1
        for days in (1, 7, 28):
            figures[str(days)] += last[user] >= at + days * DAY
    assert {row[0]: tuple(row[1:]) for row in rows} == {
        month: (found["joined"], found["1"], found["7"], found["28"]) for month, found in wanted.items()
    }


def test_points_of_days_and_ranks(client: Client, events: dict[str, list[dict[str, Any]]]) -> None:
    days: dict[str, set[date]] = defaultdict(set)
    for event in events["cdnow"]:
        days[event["user_id"]].add(event["at"].date())
    rows = client.query(
        "SELECT user_id, points_day, points, rank FROM leaderboard WHERE community_id = 'cdnow'"
    )
    found = {user: (of_days, points, rank) for user, of_days, points, rank in rows.result_rows}
    assert {user: row[0] for user, row in found.items()} == {
        user: 2 * len(theirs) for user, theirs in days.items()
    }
    points = sorted((row[1] for row in found.values()), reverse=True)
    assert all(rank == points.index(theirs) + 1 for _, theirs, rank in list(found.values())[::500])


def test_conversion_of_customers(client: Client, events: dict[str, list[dict[str, Any]]]) -> None:
    bought = [event for event in events["cdnow"] if event["action"] == "purchase"]
    [row] = named(client, "SELECT * FROM conversion_by_group")
    assert (row["viewers"], row["rate"], row["purchases"]) == (0, None, len(bought))
    assert row["buyers"] == len({event["user_id"] for event in bought})
    assert row["amounts"] == {"USD": sum(Decimal(event["amount"]) for event in bought)}


def test_days_of_content(client: Client, events: dict[str, list[dict[str, Any]]]) -> None:
    shared = Counter((e["content_id"], e["at"].date()) for e in events["hdv"] if e["action"] == "share")
    rows = named(client, "SELECT * FROM content_days")
    assert {(row["content_id"], row["day"]): row["shares"] for row in rows} == shared
    most = max(shared.values())
    assert all((row["shares_band"] == "low") == (row["shares"] == 1) for row in rows if most > 1)


def test_weeks_of_a_group(client: Client, events: dict[str, list[dict[str, Any]]]) -> None:
    found = events["hdv"]
    came: dict[str, datetime] = {}
    for event in found:
        if event["action"] == "join":
            came.setdefault(event["user_id"], event["at"])
    rows = named(client, "SELECT * FROM three_aims WHERE community_id = 'hdv' ORDER BY week")
    assert rows[0]["week"] == monday(found[0]["at"])
    assert rows[-1]["week"] == monday(now_of(client, "users")) - WEEK
    by_week: dict[date, set[str]] = defaultdict(set)
    for event in found:
        if event["action"] != "leave":
            by_week[monday(event["at"])].add(event["user_id"])
    attracted = Counter(monday(at) for at in came.values())
    for row in rows:
        now, before = by_week.get(row["week"], set()), by_week.get(row["week"] - WEEK, set())
        wanted = (attracted[row["week"]], len(before), len(now & before))
        assert (row["attract"], row["active_before"], row["retained"]) == wanted, row


def test_what_moved(client: Client, events: dict[str, list[dict[str, Any]]]) -> None:
    end = now_of(client, "users").date().replace(day=1)
    starts = [(end - DAY).replace(day=1)]
    starts.append((starts[0] - DAY).replace(day=1))
    asked = "SELECT * FROM period_review WHERE community_id = 'hdv' AND period = 'month'"
    rows = {(row["group_id"], row["figure"]): row for row in named(client, asked)}
    assert {row["starts_on"] for row in rows.values()} == {starts[0]}

    def counts(first: date, last: date, **fields: str) -> Counter[str]:
        return Counter(
            event["group_id"]
            for event in events["hdv"]
            if first <= event["at"].date() < last and fields.items() <= event.items()
        )

    for figure, fields in {
        "posts": {"action": "post"},
        "questions": {"action": "post", "kind": "question"},
        "shares": {"action": "share"},
        "joins": {"action": "join"},
    }.items():
        now, before = counts(starts[0], end, **fields), counts(starts[1], starts[0], **fields)
        assert {g: (r["now"], r["before"]) for (g, f), r in rows.items() if f == figure and g} == {
            group: (now[group], before[group]) for group in now | before
        }
        if now | before:
            whole, sign = rows["", figure], 1 if now.total() > before.total() else -1
            assert whole["change"] == now.total() - before.total()
            if whole["change"]:
                parts = {group: sign * (now[group] - before[group]) for group in now | before}
                assert parts[whole["top_contributor"]] == max(parts.values()) == sign * whole["contribution"]
    people = [
        len(people_in(events["hdv"], lambda at, a=a, b=b: a <= at.date() < b))  # type: ignore[misc]
        for a, b in ((starts[0], end), (starts[1], starts[0]))
    ]
    assert [rows["", "active_people"][name] for name in ("now", "before")] == people


def test_ladders_between_two_days(client: Client) -> None:
    first, second = date(2016, 1, 31), date(2016, 3, 31)
    sql = "SELECT * FROM segments_on(day = {d:Date32}) WHERE community_id = 'hdv'"

    def standing(day: date) -> dict[tuple[str, str], str]:
        people = client.query(sql, parameters={"d": day}).named_results()
        return {
            (p["user_id"], ladder): p[ladder] for p in people for ladder in p if not ladder.endswith("_id")
        }

    was, now = standing(first), standing(second)
    rows = named(
        client, f"SELECT * FROM changes_between(from = '{first}', to = '{second}') WHERE community_id = 'hdv'"
    )
    assert {(row["user_id"], row["ladder"]): (row["from_segment"], row["to_segment"]) for row in rows} == {
        place: (was.get(place, ""), segment) for place, segment in now.items() if segment
    }
    matrix = named(
        client,
        f"SELECT * FROM transitions_between(from = '{first}', to = '{second}') WHERE community_id = 'hdv'",
    )
    assert Counter((row["ladder"], row["from_segment"], row["to_segment"]) for row in rows) == {
        (row["ladder"], row["from_segment"], row["to_segment"]): row["people"] for row in matrix
    }


def test_who_went_where(client: Client, events: dict[str, list[dict[str, Any]]]) -> None:
    now = now_of(client, "groups")
    seen: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for event in events["hdv"]:
        if event["action"] != "leave" and now - 56 * DAY < event["at"] <= now:
            seen[event["user_id"]][event["at"] > now - 28 * DAY].add(event["group_id"])
    members = set(client.query("SELECT group_id, user_id FROM memberships WHERE member").result_rows)
    wanted = Counter(
        (old, new)
        for user, (before, since) in seen.items()
        for old in before - since
        if (old, user) in {(g, u) for g, u in members}
        for new in since
    )
    rows = client.query("SELECT from_group, to_group, people FROM members_elsewhere").result_rows
    assert {(a, b): n for a, b, n in rows} == wanted
