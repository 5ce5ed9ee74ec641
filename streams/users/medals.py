"""Medals: once each, for firsts and for staying power. The definition is ``docs/people.md``, Medals."""

from __future__ import annotations

from schemas.actions import POST, PURCHASE
from streams.compiled import Integer, codes, compiled
from streams.users.figures import Row, has_streak
from streams.users.state import Desk

MEDALS = ("first_post", "streak", "many_posts", "many_invites", "first_purchase", "comeback")
FIRST_POST, STREAK, MANY_POSTS, MANY_INVITES, FIRST_PURCHASE, COMEBACK = codes(len(MEDALS))


@compiled
def _give(desk: Desk, row: Row, index: Integer, medal: int, at: Integer, base: Integer) -> None:
    cursor = desk.moves.cursor
    out = desk.moves.medals[cursor[1]]
    out["position"] = base | cursor[3]
    out["row"] = index
    out["at"] = at
    out["medal"] = medal
    cursor[1] += 1
    cursor[3] += 1
    row["medals"] |= 1 << medal


@compiled
def give_medals(desk: Desk, row: Row, index: Integer, at: Integer, came_back: bool, base: Integer) -> None:
    """Every medal that a person has earned and not been given yet."""
    t = desk.book.sets[row["rules"]]
    held = row["medals"]
    counts = row["counts"]
    if not held & (1 << FIRST_POST) and counts[POST] >= 1:
        _give(desk, row, index, FIRST_POST, at, base)
    if not held & (1 << STREAK) and has_streak(row, t["streak_days"]):
        _give(desk, row, index, STREAK, at, base)
    if not held & (1 << MANY_POSTS) and counts[POST] >= t["medal_posts"]:
        _give(desk, row, index, MANY_POSTS, at, base)
    if not held & (1 << MANY_INVITES) and row["invites"] >= t["medal_invites"]:
        _give(desk, row, index, MANY_INVITES, at, base)
    if not held & (1 << FIRST_PURCHASE) and counts[PURCHASE] >= 1:
        _give(desk, row, index, FIRST_PURCHASE, at, base)
    if not held & (1 << COMEBACK) and came_back:
        _give(desk, row, index, COMEBACK, at, base)
