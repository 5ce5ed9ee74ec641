"""K on the embedded engine: the example of docs/spread.md, and plain Python on random communities."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from tests.analyst_engine import engine
from tests.chain_trees import NOW, byar, rows
from tests.hand_rows import clear, insert

__all__ = ["engine"]

DAY = timedelta(days=1)
PAGE = Path(__file__).parent.parent / "docs" / "spread.md"
Row = dict[str, Any]


@pytest.fixture
def client(engine: Client) -> Client:
    clear(engine)
    insert(engine, "receipts", {"stage": "chains", "partition": 0, "clock": NOW})
    return engine


def table(first: str) -> list[list[str]]:
    """The rows of the table of the page whose first column is called so."""
    found = re.search(rf"^\| {re.escape(first)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE.read_text("utf-8"), re.M)
    assert found
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


def share(name: str, user: str, at: Any, **fields: Any) -> Row:
    return {"community_id": "c", "content_id": "x", "share_id": name, "user_id": user, "at": at, **fields}


def join(user: str, via: str, at: Any, **fields: Any) -> Row:
    place = {"community_id": "c", "user_id": user, "action": "join", "content_id": "x"}
    return {**place, "via_share_id": via, "occurred_at": at, **fields}


def person(user: str, **fields: Any) -> Row:
    return {"community_id": "c", "user_id": user, **fields}


def test_the_example_of_the_page(client: Client) -> None:
    shares, joins = table("share"), table("who joins")
    insert(client, "shares", *(share(name, user, at) for name, user, at, _ in shares))
    insert(client, "events", *(join(user, via, at) for user, via, at, _ in joins))
    people = [person("ann"), person("bob", inviter_id="ann"), person("cid", via_share_id="b0"), person("dan")]
    insert(client, "users", *people)
    found = rows(client, "SELECT share_id, joins FROM joins_by_share ORDER BY share_id")
    inside = [name for name, _, _, is_inside in sorted(shares) if is_inside == "yes"]
    counted = [via for _, via, _, counts in joins if counts == "yes"]
    assert [(row["share_id"], row["joins"]) for row in found] == [(n, counted.count(n)) for n in inside]
    asked = "SELECT * EXCEPT (community_id) FROM k_by_generation ORDER BY generation"
    generations = [tuple(row.values()) for row in rows(client, asked)]
    every = [
        tuple(row.values()) for row in rows(client, "SELECT * EXCEPT (community_id) FROM k_by_community")
    ]
    told = [
        [str(value) for value in row[:-5]] + [f"{value:.3f}" for value in row[-5:]] for row in generations
    ]
    told.insert(0, ["all", *(str(v) for v in every[0][:3]), *(f"{v:.3f}" for v in every[0][3:])])
    assert told == table("generation")


def test_who_counts_as_brought(client: Client) -> None:
    at, soon = NOW - 20 * DAY, NOW - 19 * DAY
    insert(
        client,
        "shares",
        share("s", "ann", at, group_id="g", channel="mail"),
        share("t", "ann", at, group_id="h", channel="chat"),
        share("u", "bob", at, group_id="h", channel="chat", content_id="y"),
        {**share("s", "zoe", at), "community_id": "d"},
    )
    insert(
        client,
        "events",
        join("early", "s", at - DAY),
        join("late", "s", soon, late=1),
        join("no content", "s", soon, content_id=""),
        join("other content", "s", soon, content_id="y"),
        join("ghost", "nowhere", soon - DAY / 2),
        join("ghost", "s", soon),
        join("tie", "u", soon, content_id="y", source_offset=8),
        join("tie", "t", soon, source_offset=7),
        join("nobody's", "", soon),
        {**join("viewer", "s", soon), "action": "view"},
        {**join("late", "s", soon), "community_id": "d"},
    )
    asked = "SELECT community_id, share_id, joins FROM joins_by_share ORDER BY ALL"
    wanted = [("c", "s", 3), ("c", "t", 1), ("c", "u", 0), ("d", "s", 1)]
    assert [tuple(row.values()) for row in rows(client, asked)] == wanted
    asked = "SELECT group_id, sharers, shares, joins FROM k_by_group WHERE community_id = 'c' ORDER BY ALL"
    assert [tuple(row.values()) for row in rows(client, asked)] == [("g", 1, 1, 3), ("h", 2, 2, 1)]
    asked = "SELECT channel, k FROM k_by_channel WHERE community_id = 'c' ORDER BY ALL"
    assert [tuple(row.values()) for row in rows(client, asked)] == [("chat", 0.5), ("mail", 3.0)]


def test_generations(client: Client) -> None:
    insert(client, "shares", share("s", "two", NOW), share("s", "late", NOW + DAY, content_id="y"))
    insert(client, "shares", share("lost", "stranger", NOW))
    insert(
        client,
        "users",
        person("root"),
        person("one", inviter_id="root", via_share_id="s"),
        person("two", inviter_id="one"),
        person("three", via_share_id="s"),
        person("unknown inviter", inviter_id="stranger"),
        person("unknown sharer", via_share_id="lost"),
        person("unknown share", via_share_id="nowhere"),
        person("ring 1", inviter_id="ring 2"),
        person("ring 2", inviter_id="ring 1"),
        person("of a ring", inviter_id="ring 1"),
        person("self", inviter_id="self"),
        {**person("root", inviter_id="other"), "community_id": "d"},
    )
    asked = "SELECT user_id, inviter_id, generation FROM generations WHERE community_id = 'c' ORDER BY ALL"
    assert [tuple(row.values()) for row in rows(client, asked)] == [
        ("one", "root", 1),
        ("root", "", 0),
        ("three", "two", 3),
        ("two", "one", 2),
        ("unknown inviter", "", 0),
        ("unknown share", "", 0),
        ("unknown sharer", "", 0),
    ]
    assert len(rows(client, "SELECT * FROM generations WHERE community_id = 'd'")) == 1


def test_generations_end_at_100(client: Client) -> None:
    insert(client, "users", *(person(f"u{n}", inviter_id=f"u{n - 1}" if n else "") for n in range(103)))
    found = client.query("SELECT max(generation), count() FROM generations").result_rows
    assert [tuple(row) for row in found] == [(100, 101)]


def test_any_community_is_told_right(client: Client) -> None:
    """Shares and joins on whole half days, so often just on a bound; with rings of inviters."""
    rng = random.Random(7)
    names = [f"u{n}" for n in range(40)]
    people = [person(name, inviter_id=rng.choice([*names, *[""] * 9, "nobody"])) for name in names]
    people[0]["inviter_id"], people[1]["inviter_id"] = "u1", "u0"
    shares = [
        share(f"s{n}", rng.choice(names), NOW - rng.randrange(90) * DAY / 2,
              group_id=rng.choice("gh"), channel=rng.choice(("", "mail")))
        for n in range(80)
    ]  # fmt: skip
    joins = []
    for number in range(300):
        one = rng.choice(shares)
        at = one["at"] + DAY / 2 * rng.randrange(18)
        joins.append(join(rng.choice([*names, *(f"v{n}" for n in range(200))]), one["share_id"], at))
        joins[-1].update(source_offset=number)
    insert(client, "users", *people)
    insert(client, "shares", *shares)
    insert(client, "events", *joins)
    brought = brought_by(shares, joins)
    generation = generations_of({one["user_id"]: one["inviter_id"] for one in people})
    assert set(generation.values()) > {0, 1, 2, None}
    keys: dict[str, Callable[[Row], Any]] = {
        "group": lambda one: one["group_id"],
        "channel": lambda one: one["channel"],
        "generation": lambda one: generation[one["user_id"]],
    }
    window = [one for one in shares if NOW - 35 * DAY <= one["at"] < NOW - 7 * DAY]
    for name, key in keys.items():
        column = name if name in ("channel", "generation") else f"{name}_id"
        found = {row[column]: row for row in rows(client, f"SELECT * FROM k_by_{name}")}
        assert set(found) == {key(one) for one in window}
        for value, row in found.items():
            assert_k(row, [one for one in window if key(one) == value], brought)
    assert_k(rows(client, "SELECT * FROM k_by_community")[0], window, brought)


def brought_by(shares: list[Row], joins: list[Row]) -> dict[str, int]:
    """How many each share brought, whatever the window."""
    by_id = {one["share_id"]: one for one in shares}
    firsts: dict[str, Row] = {}
    for one in sorted(joins, key=lambda one: (one["occurred_at"], one["source_offset"])):
        firsts.setdefault(one["user_id"], one)
    found = dict.fromkeys(by_id, 0)
    for user, one in firsts.items():
        made = by_id[one["via_share_id"]]
        found[made["share_id"]] += made["user_id"] != user and one["occurred_at"] < made["at"] + 7 * DAY
    return found


def generations_of(inviters: dict[str, str]) -> dict[str, int | None]:
    """By going up; None for who ends in a ring."""
    found: dict[str, int | None] = {}
    for user in inviters:
        seen, above = [user], inviters[user]
        while above in inviters and above not in seen:
            seen.append(above)
            above = inviters[above]
        found[user] = None if above in seen else len(seen) - 1
    return found


def assert_k(row: Row, shares: list[Row], brought: dict[str, int]) -> None:
    sharers = len({one["user_id"] for one in shares})
    joins = sum(brought[one["share_id"]] for one in shares)
    assert (row["sharers"], row["shares"], row["joins"]) == (sharers, len(shares), joins)
    told = [row[name] for name in ("shares_per_sharer", "joins_per_share", "k", "k_low", "k_high")]
    low, high = byar(joins)
    wanted = [len(shares) / sharers, joins / len(shares), joins / sharers, low / sharers, high / sharers]
    assert told == pytest.approx(wanted)
