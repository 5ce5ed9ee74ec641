"""What runbooks tell an operator to type works: every query answers, every command and link is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from sinks.query import query
from streams.cli import app
from streams.settings import Settings
from tests.hand_rows import insert

RUNBOOKS = Path(__file__).parent.parent / "dashboards/runbooks"
PAGES = sorted([*RUNBOOKS.glob("*.md"), RUNBOOKS.parents[1] / "docs/alerts.md"])
QUERIES = [
    (f"{path.stem}-{number}", sql)
    for path in PAGES
    for number, sql in enumerate(re.findall(r"```sql\n(.*?)```", path.read_text("utf-8"), re.DOTALL))
]
TO_COME = {"group"}
"""Commands that another part brings."""

pages = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of a database in which every query of a runbook finds something."""
    made = Settings(path=tmp_path_factory.mktemp("runbooks") / "clickhouse")
    opened = connect(made)
    migrate(opened)
    create_views(opened)
    insert(opened, "events", *_events())
    insert(
        opened, "rejected",
        {"reason": "wrong_shape", "payload": b"of COMMUNITY", "_ingested_at": _ago(minutes=5)},
    )  # fmt: skip
    insert(opened, "receipts", {"stage": "intake", "clock": _ago(minutes=1)})
    opened.close()
    return made


def _ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def _events() -> Iterator[dict[str, Any]]:
    def event(action: str, user: str, at: datetime, **fields: str) -> dict[str, Any]:
        common = {"community_id": "COMMUNITY", "group_id": "GROUP", "_ingested_at": at}
        return {**common, "action": action, "user_id": user, "occurred_at": at, **fields}

    yield event("join", "ann", _ago(days=9), channel="ad")
    yield event("post", "ann", _ago(days=8), role="member", kind="talk")
    yield event("leave", "ann", _ago(days=6), reason="bored")
    yield event("join", "bob", _ago(hours=20), channel="ad")
    yield event("post", "bob", _ago(hours=4), role="member", kind="ad")
    yield event("post", "olga", _ago(hours=3), role="operator", kind="benefit")
    yield event("post", "cy", _ago(hours=2.5), role="member", kind="question", content_id="q1")
    yield event("share", "cy", _ago(hours=2), content_id="q1", share_id="s1")
    yield event("view", "bob", _ago(minutes=3), content_id="q1", via_share_id="s1")


@pytest.mark.parametrize("sql", [sql for _, sql in QUERIES], ids=[name for name, _ in QUERIES])
def test_a_query_answers(settings: Settings, sql: str) -> None:
    assert query(settings, sql)[1]


def test_queries_say_what_they_are_there_for(settings: Settings) -> None:
    assert len(QUERIES) > 20

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in query(settings, sql)[1]]

    by_channel = next(sql for _, sql in QUERIES if "left_within_7_days" in sql)
    assert rows(by_channel) == [("ad", 2, 1)]
    leavers = next(sql for _, sql in QUERIES if "AS gone" in sql)
    assert [(row[1], row[2], row[3]) for row in rows(leavers)] == [("ad", 1, ["bored"])]
    lift = next(sql for _, sql in QUERIES if "in_the_hour_after" in sql)
    assert [(row[1], row[2]) for row in rows(lift)] == [(1, 0)]
    waiting = next(sql for _, sql in QUERIES if "reply_to" in sql)
    assert [row[2] for row in rows(waiting)] == ["q1"]
    hollow = next(sql for _, sql in QUERIES if "who_posted" in sql)
    assert rows(hollow) == [("last 7 days", 1, 2, 2), ("the 7 before", 1, 1, 1)]


@pages
def test_commands_and_settings_are_there(path: Path) -> None:
    commands = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback} | TO_COME
    commands |= {str(group.name) for group in app.registered_groups}
    text = path.read_text("utf-8")
    assert {name.replace("_", "-") for name in re.findall(r"`groupbeat ([\w-]+)", text)} <= {
        name.replace("_", "-") for name in commands
    }
    assert set(re.findall(r"GROUPBEAT_(\w+)", text)) <= {name.upper() for name in Settings.model_fields}


@pages
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert (path.parent / link).is_file(), link
    # "A heading" in [page](...): what is quoted is there.
    for heading, link in re.findall(r'"([^"]+)" in\s+\[[^]]+\]\(([^)]+)\)', text):
        assert re.search(rf"^#+ {re.escape(heading)}$", (path.parent / link).read_text("utf-8"), re.MULTILINE)
