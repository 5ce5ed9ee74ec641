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
        opened, "memberships",
        _membership("ann", joined_at=_ago(days=9), member=0, left_at=_ago(days=6), left_after="ad"),
        _membership("bob", joined_at=_ago(hours=20), member=1, first_post_at=_ago(hours=4)),
        _membership("dan", joined_at=_ago(days=27), member=1),
    )  # fmt: skip
    insert(opened, "groups", {"community_id": "COMMUNITY", "group_id": "GROUP", "day": _ago(days=1).date()})
    content = {"community_id": "COMMUNITY", "content_id": "q1", "explosive_at": _ago(hours=1)}
    insert(opened, "contents", content | {"group_id": "GROUP", "shares": 40, "shares_first_hour": 30})
    insert(opened, "alert_changes", *(_opened(rule) for rule in ("churn_spike", "group_silence")))
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

    yield event("join", "dan", _ago(days=27), channel="ad")
    yield event("view", "dan", _ago(days=10), content_id="b0")
    yield event("join", "ann", _ago(days=9), channel="ad")
    yield event("post", "ann", _ago(days=8), role="member", kind="talk")
    yield event("leave", "ann", _ago(days=6), reason="bored")
    yield event("join", "bob", _ago(hours=20), channel="ad")
    yield event("post", "bob", _ago(hours=4), role="member", kind="ad")
    yield event("post", "olga", _ago(hours=3), role="operator", kind="benefit", content_id="b1")
    for question in ("waits", "answered", "own reply"):
        yield event("post", "cy", _ago(hours=2.5), role="member", kind="question", content_id=question)
    yield event("post", "cy", _ago(hours=1.5), role="member", kind="talk", reply_to="own reply")
    yield event("post", "olga", _ago(hours=1), role="operator", kind="talk", reply_to="answered")
    yield event("share", "cy", _ago(hours=2), content_id="q1", share_id="s1")
    yield event("view", "bob", _ago(minutes=3), content_id="q1", via_share_id="s1")


def _membership(user: str, **fields: Any) -> dict[str, Any]:
    return {"community_id": "COMMUNITY", "group_id": "GROUP", "user_id": user, "channel": "ad", **fields}


def _opened(rule: str) -> dict[str, Any]:
    at = _ago(hours=5)
    alert = {"community_id": "COMMUNITY", "group_id": "GROUP", "rule": rule, "evidence": "{}"}
    return {**alert, "change": "opened", "at": at, "opened_at": at}


@pytest.mark.parametrize("sql", [sql for _, sql in QUERIES], ids=[name for name, _ in QUERIES])
def test_a_query_answers(settings: Settings, sql: str) -> None:
    assert query(settings, sql)[1]


def answer(settings: Settings, named: str) -> list[tuple[Any, ...]]:
    """The rows of the one query that has this in it."""
    (sql,) = (sql for _, sql in QUERIES if named in sql)
    return [tuple(row) for row in query(settings, sql)[1]]


def test_queries_say_what_they_are_there_for(settings: Settings) -> None:
    assert len(QUERIES) > 20
    assert answer(settings, "left_within_7_days") == [("ad", 3, 1, 2)]
    assert [(row[0], *row[2:]) for row in answer(settings, "left_after")] == [("ad", "ad", 1)]
    assert [row[:2] for row in answer(settings, "AS leaves, min")] == [("bored", 1)]
    assert [(row[0], row[2]) for row in answer(settings, "AS latest USING")] == [("ad", 1)]
    assert [row[1:] for row in answer(settings, "in_the_hour_after")] == [("b1", 3, 0)]
    assert [row[1:] for row in answer(settings, "repliers")] == [("cy", "own reply"), ("cy", "waits")]
    assert answer(settings, "who_posted") == [("last 7 days", 1, 5, 2), ("the 7 before", 1, 1, 1)]
    assert [row[:2] for row in answer(settings, "AS known USING")] == [("bob", 1)]


@pages
def test_commands_and_settings_are_there(path: Path) -> None:
    commands = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
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
