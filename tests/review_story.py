"""A small community for tests of the review: January and February 2026 in Berlin, worked out by hand.

70 people and one more. In January p0 to p29 post once in `a`; in February p10 to p69 do, p10 to p29 in `a`
and the new ones in `b`, and `old`, whom nobody saw since December.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from schemas.group_tables import ALERT_RULES
from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from streams.review.reading import Review, read_review
from streams.review.spans import Kind
from streams.settings import Settings
from tests.hand_rows import insert

Row = dict[str, Any]

RULES = '[communities.runners]\ntime_zone = "Europe/Berlin"\n'
CLOCK = "2026-03-05 10:00"
IN_JANUARY, IN_FEBRUARY = "2026-01-10 09:00", "2026-02-12 09:00"
FIRST_OF_JANUARY = "2025-12-31 23:30"
"""UTC: it is half past midnight there, the next year."""
FIRST_OF_FEBRUARY = "2026-01-31 23:30"


def event(action: str, user: str, at: str, group: str = "a", **more: Any) -> Row:
    return {
        "community_id": "runners", "group_id": group, "action": action, "user_id": user, "occurred_at": at,
        **more,
    }  # fmt: skip


def events() -> Iterator[Row]:
    yield event("post", "old", "2025-12-15 12:00", "b")
    yield event("post", "p0", FIRST_OF_JANUARY)
    yield from (event("post", f"p{n}", IN_JANUARY) for n in range(1, 30))
    yield event("post", "p10", FIRST_OF_FEBRUARY)
    yield event("post", "p11", IN_FEBRUARY, kind="question")
    yield from (event("post", f"p{n}", IN_FEBRUARY) for n in range(12, 30))
    yield from (event("post", f"p{n}", IN_FEBRUARY, "b") for n in range(30, 70))
    yield event("post", "old", IN_FEBRUARY, "b")
    # What fell, by channel; what few people make; what stayed; what is too little.
    for n in range(30):
        yield event("join", f"p{n}", IN_JANUARY, channel="ad" if n < 20 else "link")
    yield from (event("join", f"p{n}", IN_FEBRUARY, "b", channel="link") for n in range(30, 34))
    yield event("share", "p10", IN_JANUARY, content_id="hit", share_id="s0")
    yield from (event("share", "p10", IN_FEBRUARY, content_id="hit", share_id=f"s{n}") for n in range(1, 26))
    for n in range(25):
        yield from (event("view", f"p{n}", IN_JANUARY, content_id="hit") for _ in range(2))
    for n in range(10, 36):
        yield from (event("view", f"p{n}", IN_FEBRUARY, content_id="hit") for _ in range(2))
    yield from (event("purchase", "p1", IN_JANUARY, amount=5) for _ in range(3))
    yield event("post", "p10", IN_JANUARY, role="moderator")
    yield from (
        event("post", "p10", IN_FEBRUARY, role=role, kind="question") for role in ("moderator", "operator")
    )
    # March is not over.
    yield from (event("post", f"p{n}", "2026-03-02 09:00") for n in range(70))
    yield {**event("post", "ann", "2026-01-01 09:00", "walks"), "community_id": "walkers"}


def transitions() -> Iterator[Row]:
    """Of 30 people: new in January; 24 of them are core by the end of February. Then everybody is lost."""
    for n in range(30):
        of = {"community_id": "runners", "user_id": f"p{n}", "ladder": "lifecycle"}
        yield {**of, "to_segment": "new", "at": FIRST_OF_JANUARY}
        if n < 24:
            yield {**of, "from_segment": "new", "to_segment": "core", "at": IN_FEBRUARY}
        yield {**of, "to_segment": "lost", "at": "2026-02-28 23:00"}
    yield {
        "community_id": "runners", "user_id": "p0", "ladder": "pyramid", "to_segment": "valuable",
        "at": IN_FEBRUARY,
    }  # fmt: skip


def alert(rule: str, at: str, evidence: Row, resolved_at: str = "", **place: str) -> list[Row]:
    of = {
        "community_id": "runners", "group_id": "a", "rule": rule, "severity": ALERT_RULES[rule],
        "opened_at": at, **place,
    }  # fmt: skip
    rows = [{**of, "change": "opened", "at": at, "evidence": json.dumps(evidence)}]
    if resolved_at:
        rows.append({**of, "change": "resolved", "at": resolved_at, "evidence": "{}"})
    return rows


def fill(path: Path) -> Settings:
    """A database of the story in a folder; settings for it."""
    path.mkdir()
    rules = path / "rules.toml"
    rules.write_text(RULES)
    made = Settings(path=path / "clickhouse", rules=rules)
    client = connect(made)
    migrate(client)
    create_views(client)
    insert(client, "events", *({"role": "", **row} for row in events()))
    insert(client, "segment_transitions", *transitions())
    insert(client, "groups", *groups())
    insert(
        client,
        "alert_changes",
        *alert("spam_burst", IN_JANUARY, {"ads": 4}, "2026-01-10 11:00"),
        *alert("spam_burst", IN_FEBRUARY, {"ads": 7}, "2026-02-12 12:00"),
        *alert("monologue", IN_FEBRUARY, {"staff_posts_7": 45, "posts_7": 5}),
        *alert("group_quiet", "2026-03-02 10:00", {"measure": 9.25, "level": 8.5, "hours": 31.0}),
    )
    insert(client, "receipts", *({"stage": stage, "clock": CLOCK} for stage in ("users", "groups")))
    client.close()
    return made


@contextmanager
def engine(of: Settings) -> Iterator[None]:
    """Opened once for all that is asked meanwhile: that is most of the time that a small question takes."""
    client = connect(of)
    try:
        yield
    finally:
        client.close()


def february(folder: Path) -> Review:
    """The review of February against January, of a database made in a folder."""
    made = fill(folder)
    with engine(made):
        return read_review(made, Kind.MONTH, None, "runners")


def groups() -> Iterator[Row]:
    yield {
        "community_id": "runners", "group_id": "a", "members": 30, "day": date(2026, 3, 4),
        "phase": "decline",
        "health": 61.5, "monologue": 0.5, "monologue_since": IN_FEBRUARY, "participation": 0.1,
        "alerts": ["monologue", "group_quiet"],
    }  # fmt: skip
    yield {
        "community_id": "runners", "group_id": "b", "members": 41, "day": date(2026, 3, 4),
        "phase": "outbreak",
        "health": 100.0, "participation": 0.9,
    }  # fmt: skip
    yield {
        "community_id": "walkers",
        "group_id": "walks",
        "members": 1,
        "day": date(1970, 1, 1),
        "phase": "seed",
    }
