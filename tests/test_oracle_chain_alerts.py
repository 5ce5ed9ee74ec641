"""Explosive content in the oracle of chains, worked out by hand; and how differences are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.chain_stories import MILLI, ChainStory, Line, Row, ms, share, view
from tests.lives import HOUR_MS
from tests.oracle.chains.explosive import class_of


def test_classes_of_counts() -> None:
    edges = (0, 1, 31, 32, 33, 34, 62, 63, 64, 67, 68, 127, 128, 1_000_000)
    # 1,000,000: e = 19, so 32 + 14 * 16 + (1,000,000 div 32,768 = 30) mod 16.
    assert [class_of(k) for k in edges] == [0, 1, 31, 32, 32, 33, 47, 47, 48, 48, 49, 63, 64, 270]


def test_the_first_hour_is_by_the_clock() -> None:
    lines = [share(1, "a"), share(0, "b"), share(2 - MILLI, "d"), share(2, "e"), share(1.5, "f")]
    # b and f come late, b at the clock of a, f at that of e; what was refused counts nothing.
    assert ChainStory(*lines, share(1, "a")).content()["shares_first_hour"] == 3
    refused = ChainStory(share(0, "a", "a"), share(0.5, "b"), share(1.25, "d"))
    assert refused.content()["shares_first_hour"] == 2


LOW: Row = {"explosive_shares": 3, "explosive_contents": 2, "explosive_part": 0.5, "explosive_hours": 5}


def of(content_id: str, hour: float, count: int, **fields: Any) -> list[Line]:
    """So many shares of a content, a millisecond after each other."""
    return [
        share(hour + n * MILLI, f"{content_id}{n}", content_id=content_id, **fields) for n in range(count)
    ]


def explosions(*lines: Line, rules: Row = LOW, **more: Any) -> list[tuple[str, int, int, int]]:
    """Of each alert that opened: the content and its evidence."""
    return [
        (row["content_id"], *(row["evidence"][name] for name in ("shares", "contents", "as_many")))
        for row in ChainStory(*lines, rules=rules, **more).alerts
        if row["change"] == "opened"
    ]


def test_explosive_content_opens_and_resolves() -> None:
    before = [*of("a", 0, 2), *of("b", 0.5, 1), *of("d", 1, 1)]
    lines = [*before, *of("x", 2, 4, group_id="g7"), share(7.5, "later", content_id="x")]
    story = ChainStory(*lines, rules=LOW)
    opened, resolved = story.alerts
    at = ms(2 + 2 * MILLI)
    assert opened == {
        "community_id": "default", "group_id": "g7", "rule": "explosive_content", "severity": "info",
        "change": "opened", "at": at, "opened_at": at, "content_id": "x",
        "evidence": {"shares": 3, "contents": 3, "as_many": 0},
    }  # fmt: skip
    evidence = {"shares_first_hour": 4}
    assert resolved == opened | {"change": "resolved", "at": at + 5 * HOUR_MS, "evidence": evidence}
    assert (story.content("x")["explosive_at"], story.content("a")["explosive_at"]) == (at, 0)
    assert len(ChainStory(*lines, until=7 + 2 * MILLI, rules=LOW).alerts) == 2
    assert len(ChainStory(*lines, until=7 + MILLI, rules=LOW).alerts) == 1


def test_what_keeps_a_content_from_being_explosive() -> None:
    assert explosions(*of("a", 0, 1), *of("b", 0, 1), *of("x", 2, 3)) == [("x", 3, 2, 0)]
    assert explosions(*of("a", 0, 1), *of("b", 0, 1), *of("x", 2, 2)) == []  # too few shares
    assert explosions(*of("a", 0, 1), *of("x", 2, 3)) == []  # too few contents
    assert explosions(*of("a", 0, 3), *of("b", 0, 1), *of("x", 2, 3)) == []  # one of two is not under half
    assert explosions(*of("a", 0, 3), *of("b", 0, 1), *of("x", 2, 4)) == [("x", 4, 2, 0)]
    assert explosions(*of("a", 0, 3), *of("b", 0, 1), *of("d", 0, 1), *of("x", 2, 3)) == [("x", 3, 3, 1)]
    # A content without shares is none to compare with, however many look at it.
    assert explosions(*of("a", 0, 1), view(0, content_id="v"), *of("x", 2, 3)) == []
    # Only in its first hour.
    late = [*of("a", 0, 1), *of("b", 0, 1), *of("x", 2, 2), share(3 + MILLI, "y", content_id="x")]
    assert explosions(*late) == []


def test_contents_are_finished_when_their_hour_is_over() -> None:
    b, x = of("b", 0, 1), of("x", 1 - 2 * MILLI, 4)
    # The third share of x is at hour 1: the hour of b is over then.
    assert explosions(*b, *x, rules=LOW | {"explosive_contents": 1}) == [("x", 3, 1, 0)]
    later = of("b", MILLI, 1)
    assert explosions(*later, *x, rules=LOW | {"explosive_contents": 1}) == [("x", 4, 1, 0)]


def test_contents_are_compared_within_their_community_and_partition() -> None:
    lines = [*of("a", 0, 1), *of("b", 0, 1), *of("x", 2, 3)]
    apart = {"a": 1, "b": 0, "x": 0}
    assert explosions(*lines, partition_of=apart) == []
    assert explosions(*lines, partition_of={"a": 1, "b": 1, "x": 1}) == [("x", 3, 2, 0)]
    other = [*of("a", 0, 1, community_id="c2"), *of("b", 0, 1), *of("x", 2, 3)]
    assert explosions(*other) == []


def test_counts_are_compared_by_class() -> None:
    # 33 is of the class of 32, so a content with 33 is as many as one with 32; one with 31 is not.
    rules = LOW | {"explosive_shares": 32, "explosive_contents": 1}
    assert explosions(*of("a", 0, 33), *of("x", 2, 33), rules=rules) == []
    assert explosions(*of("a", 0, 32), *of("x", 2, 34), rules=rules) == [("x", 34, 1, 0)]
    assert explosions(*of("a", 0, 31), *of("x", 2, 32), rules=rules) == [("x", 32, 1, 0)]


def test_what_differs_is_told_by_column() -> None:
    lines = [*of("a", 0, 1), *of("b", 0, 1), *of("x", 2, 3), share(3, "r", "r"), share(3, "q", "q")]
    chains = ChainStory(*lines, rules=LOW).chains
    others: list[Row] = [
        {"community_id": "default", "group_id": "g1", "rule": "spam_burst", "evidence": "{}"}
    ]

    def stage(table: str) -> list[Row]:
        if table != "alert_changes":
            return [row | {"_position": 7} for row in reversed(chains.rows(table))]
        return others + [row | {"evidence": json.dumps(row["evidence"])} for row in chains.rows(table)[::-1]]

    assert chains.differing(stage) == {}
    wrong: dict[str, Row] = {
        "contents": {"views": 9},
        "shares": {"depth": 9},
        "refused_shares": {"reason": "own_ancestor"},
        "alert_changes": {"evidence": '{"shares":7}'},
    }
    told = chains.differing(lambda table: [row | wrong[table] for row in stage(table)])
    assert list(told) == list(wrong)
    assert "views: expected 0, is 9" in told["contents"]

    def without_one_of(left: str) -> Callable[[str], list[Row]]:
        return lambda table: stage(table)[:-1] if table == left else stage(table)

    for table in wrong:
        missing = chains.differing(without_one_of(table))
        assert list(missing) == [table]
        assert "missing" in missing[table]
