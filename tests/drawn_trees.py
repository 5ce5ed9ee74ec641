"""Trees of shares made by hand: rows of `contents` and `shares` with figures that fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tests.hand_rows import moment

Row = dict[str, Any]
START = moment("2026-03-01")
SUMS = ("size", "reach", "joins", "purchases", "buyers", "amount", "conversions")


def tree(name: str, shares: Sequence[Mapping[str, Any]], **of_content: Any) -> tuple[Row, list[Row]]:
    """A content and its shares.

    Of a share: `share_id`, `parent_share_id` (an earlier one; empty or none: the content itself), and what
    came through it alone. `hours` is when, since `START`.
    """
    rows: dict[str, Row] = {}
    sharers: set[str] = set()
    for given in shares:
        row: Row = {
            "community_id": "runners", "content_id": name, "user_id": f"user of {given['share_id']}",
            "group_id": "river", "channel": "chat", "parent_share_id": "", "orphan": 0, "direct_shares": 0,
            **dict.fromkeys(SUMS, 0), "hours": 0.0, **given, "size": 1,
        }  # fmt: skip
        row["conversions"] = row["joins"] + row["purchases"]
        row["at"] = START + timedelta(hours=row["hours"])
        above = rows.get(row["parent_share_id"])
        row["depth"] = above["depth"] + 1 if above else 1
        row["delay_s"] = max(0.0, (row["at"] - above["at"]).total_seconds()) if above else None
        user = row["user_id"]
        row["topmost"] = int(user not in sharers or user not in _users_above(rows, row))
        sharers.add(user)
        rows[row["share_id"]] = row
    for row in reversed(rows.values()):
        if above := rows.get(row["parent_share_id"]):
            above["direct_shares"] += 1
            for sum_ in SUMS:
                above[sum_] += row[sum_]
    breadths = Counter(row["depth"] for row in rows.values())
    top = [row for row in rows.values() if row["depth"] == 1]
    content = {
        "community_id": "runners", "content_id": name, "group_id": "river", "first_at": START,
        "last_at": max((row["at"] for row in rows.values()), default=START),
        "first_share_at": min((row["at"] for row in rows.values()), default=moment("1970-01-01")),
        "shares": len(rows), "sharers": len({row["user_id"] for row in rows.values()}),
        "orphans": sum(row["orphan"] for row in top), "roots": sum(not row["orphan"] for row in top),
        "direct_shares": len(top), "views": sum(row["reach"] for row in top),
        "conversions": sum(row["conversions"] for row in top), "size": len(rows) + 1,
        "depth": max(breadths, default=0), "max_breadth": max(breadths.values(), default=1), **of_content,
    }  # fmt: skip
    return content, list(rows.values())


def _users_above(rows: Mapping[str, Row], row: Row) -> Iterator[str]:
    while above := rows.get(row["parent_share_id"]):
        yield above["user_id"]
        row = above


def chain(length: int) -> list[Row]:
    """Shares in one long chain, an hour apart."""
    return [
        {"share_id": f"s{n}", "parent_share_id": f"s{n - 1}" if n else "", "hours": float(n), "reach": 1}
        for n in range(length)
    ]


def hub(shares: int) -> list[Row]:
    """All of them had it from the first."""
    return [{"share_id": f"s{n}", "parent_share_id": "s0" if n else "", "hours": 0.5} for n in range(shares)]
