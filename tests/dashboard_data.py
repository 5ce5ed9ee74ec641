"""A database for the dashboards: the real data in part, and a made-up community in which everything happens.

Its ids are what an app might send to break out of a query.
"""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any

from streams.backfill import backfill
from streams.settings import Settings

DATA = Path(__file__).parent.parent / "data"
LAST = datetime(2016, 8, 20, 12, tzinfo=UTC)
"""After the real data, so that the clocks end here."""

COMMUNITY = r"it's \' 100% \ $__fromTime ${group:sqlstring} @group -- 社区"
GROUP = r"\' OR 1=1 -- $__timeFilter(a)"
CONTENT = r"c'; DROP TABLE events; \\"
CHOSEN = (
    {"community": "hdv", "group": "general"},
    {"community": "cdnow", "group": "store"},
    {"community": COMMUNITY, "group": GROUP, "content": CONTENT},
)
"""The values of variables, so that each panel has something to show for one of them."""


def fill(path: Path) -> None:
    """Replay the events into a database there."""
    store = path.with_name("store.ndjson")
    with gzip.open(DATA / "cdnow-purchases.ndjson.gz", "rb") as lines:
        store.write_bytes(b"".join(islice(lines, 4000)))
    made = path.with_name("made.ndjson")
    made.write_text("\n".join(["not an event", *map(json.dumps, story())]) + "\n", encoding="utf-8")
    settings = Settings(path=path, clickhouse=None, rules=None)
    backfill(settings, [store, DATA / "slack-houstondatavis.ndjson.gz", made])


def story() -> list[dict[str, Any]]:
    """Two weeks of a content that is looked at more and shared less, and of a group that staff talks at."""
    numbers = count()
    events: list[tuple[timedelta, dict[str, Any]]] = []

    def add(ago: timedelta, action: str, user: str, **more: Any) -> None:
        event = {"event_id": f"made-{next(numbers)}", "action": action, "user_id": user, **more}
        at = (LAST - ago).isoformat()
        events.append((ago, {**event, "occurred_at": at, "community_id": COMMUNITY, "group_id": GROUP}))

    before, lately = timedelta(days=10), timedelta(days=2)
    for n in range(30):
        add(timedelta(days=40, minutes=-n), "join", f"u{n}")
    for n in range(25):  # within an hour: it explodes, if there are contents to compare with
        parent = {"parent_share_id": f"s{n // 3}"} if n else {}
        add(before - timedelta(minutes=n), "share", f"u{n}", content_id=CONTENT, share_id=f"s{n}", **parent)
    for n in range(20):
        via = {"content_id": CONTENT, "via_share_id": f"s{n}"}
        add(before - timedelta(hours=2, minutes=n), "view", f"u{n}", **via)
        add(before - timedelta(hours=3, minutes=n), "join", f"guest{n}", **via)
    for n in range(30):
        add(lately - timedelta(minutes=n), "view", f"u{n}", content_id=CONTENT, via_share_id="s1")
    add(lately, "share", "u1", content_id=CONTENT, share_id="late")
    add(lately, "purchase", "u2", content_id=CONTENT, order_id="o1", amount="12.50", currency="EUR")
    for n in range(25):
        at = timedelta(days=4, hours=-n)
        add(at, "post", "boss", role="operator", content_id=f"post{n}")
        add(at - timedelta(minutes=5), "post", f"u{n}", reply_to=f"post{n}", kind="ad" if n % 5 else "talk")
    for n in range(22):
        add(timedelta(hours=30 - n), "leave", f"u{n}")
    add(timedelta(hours=1), "post", "u25", kind="question", content_id="open question")
    add(timedelta(0), "post", "u26")
    return [event for _, event in sorted(events, key=lambda each: -each[0])]
