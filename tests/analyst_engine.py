"""What tests of the views for analysts share: an engine with views, and rows made short."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from streams.settings import Settings
from tests.hand_rows import clear, insert

GROUP = {"community_id": "c", "group_id": "g"}
SETTINGS = ("", " SETTINGS join_use_nulls = 1", " SETTINGS prefer_column_name_to_alias = 1")
"""A view may not depend on what a session sets."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An embedded engine with all tables and views."""
    opened = connect(Settings(path=tmp_path_factory.mktemp("analysts") / "clickhouse", clickhouse=None))
    migrate(opened)
    create_views(opened)
    yield opened
    opened.close()


@pytest.fixture
def client(engine: Client) -> Client:
    """The engine, empty."""
    clear(engine)
    return engine


def clock(client: Client, at: str) -> None:
    """Set the clock of the stages; that of another partition is behind."""
    for stage in ("users", "groups", "chains"):
        insert(client, "receipts", {"stage": stage, "partition": 0, "clock": "2020-01-01"})
        insert(client, "receipts", {"stage": stage, "partition": 1, "clock": at})
    insert(client, "receipts", {"stage": "intake", "partition": 0, "clock": "2099-01-01"})


def event(action: str, user: str, at: str, **fields: Any) -> dict[str, Any]:
    """An event in the group g of the community c, where `fields` don't say otherwise."""
    return {**GROUP, "action": action, "user_id": user, "occurred_at": at, **fields}


def rows(client: Client, sql: str) -> list[tuple[Any, ...]]:
    """What the same statement answers under every setting."""
    first, *others = ([tuple(row) for row in client.query(sql + s).result_rows] for s in SETTINGS)
    assert others == [first, first]
    return first
