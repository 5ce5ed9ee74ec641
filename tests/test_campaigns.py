"""The view of a campaign on a tiny community, worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from tests.analyst_engine import client, clock, engine, event, rows
from tests.hand_rows import insert

__all__ = ["client", "engine"]


def asked(figure: str, goal: float, groups: str = "['g', 'h']", contents: str = "[]") -> str:
    """A campaign of the ten days from 2026-01-11 to 2026-01-20."""
    return (
        f"campaign_attainment(community = 'c', groups = {groups}, contents = {contents}, "
        f"figure = '{figure}', from = '2026-01-11', to = '2026-01-20', goal = {goal})"
    )


def some_events(client: Client) -> None:
    member, x = {"role": "member", "kind": "talk"}, {"content_id": "x"}
    insert(
        client,
        "events",
        event("join", "ann", "2026-01-10 23:59:59.999"),
        event("join", "ann", "2026-01-11"),
        event("join", "bob", "2026-01-20 23:59:59.999", group_id="h", **x),
        event("join", "cid", "2026-01-21"),
        event("join", "dan", "2026-01-12", group_id="i"),
        {**event("join", "dan", "2026-01-12"), "community_id": "d"},
        event("post", "ann", "2026-01-12", **member),
        event("post", "olga", "2026-01-12", role="operator", kind="talk"),
        event("share", "ann", "2026-01-12", **x),
        event("leave", "eve", "2026-01-12"),
        event("purchase", "ann", "2026-01-12", amount=Decimal("2.5"), currency="EUR", **x),
        event("purchase", "bob", "2026-01-13", amount=Decimal("10"), currency="EUR"),
    )


@pytest.mark.parametrize(
    ("figure", "reached"),
    [("joins", 2), ("posts", 1), ("shares", 1), ("purchases", 2), ("amount", 12.5), ("active_people", 3)],
)
def test_what_is_reached(client: Client, figure: str, reached: float) -> None:
    some_events(client)
    clock(client, "2026-01-16")
    answer = rows(client, f"SELECT figure, reached FROM {asked(figure, 10)}")
    assert answer == [(figure, reached)]


def test_groups_and_contents(client: Client) -> None:
    some_events(client)
    clock(client, "2026-01-16")
    for found, figure, where in (
        (3, "joins", {"groups": "[]"}),
        (1, "joins", {"groups": "['h']"}),
        (1, "joins", {"contents": "['x', 'y']"}),
        (2.5, "amount", {"contents": "['x']"}),
        (0, "amount", {"contents": "['y']"}),
    ):
        assert rows(client, f"SELECT reached FROM {asked(figure, 10, **where)}") == [(found,)]


@pytest.mark.parametrize(
    ("now", "goal", "told"),
    [
        ("2026-01-10", 4, (0.5, 0, 0, None, "planned")),
        ("2026-01-11", 4, (0.5, 0, 0, None, "planned")),
        ("2026-01-13 12:00", 4, (0.5, 0.25, 1, 2, "ahead")),
        ("2026-01-16", 4, (0.5, 0.5, 2, 1, "ahead")),
        ("2026-01-18 12:00", 4, (0.5, 0.75, 3, 2 / 3, "behind")),
        ("2026-01-21", 4, (0.5, 1, 4, 0.5, "missed")),
        ("2026-03-21", 4, (0.5, 1, 4, 0.5, "missed")),
        ("2026-01-16", 2, (1, 0.5, 1, 2, "reached")),
    ],
)
def test_pace_and_state(client: Client, now: str, goal: float, told: tuple[Any, ...]) -> None:
    some_events(client)
    clock(client, now)
    names = "attained, elapsed, expected, pace, state"
    assert rows(client, f"SELECT {names} FROM {asked('joins', goal)}") == [told]


def test_a_figure_that_is_none_is_refused(client: Client) -> None:
    clock(client, "2026-01-16")
    with pytest.raises(ClickHouseError, match="joins, posts, shares"):
        client.query(f"SELECT * FROM {asked('likes', 10)}")


def test_nothing_is_reached_of_a_campaign_without_events(client: Client) -> None:
    clock(client, "2026-01-16")
    assert rows(client, f"SELECT reached, state FROM {asked('joins', 10)}") == [(0, "behind")]
