"""The invented communities of ``python -m bench.quality k``, and what the view reads of a few."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta

import pytest
from clickhouse_connect.driver.client import Client
from rich.console import Console

from bench.quality import k
from bench.quality.k import DAYS, START, WEEK, Community, invent, read
from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from streams.settings import Settings

END = START + timedelta(days=DAYS)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    opened = connect(Settings(path=tmp_path_factory.mktemp("k_quality") / "clickhouse"))
    migrate(opened)
    create_views(opened)
    yield opened
    opened.close()


def brought(community: Community) -> tuple[int, int, int]:
    """Sharers, shares and joins of the window, by the share that is known to have brought each person."""
    window = {one["share_id"]: one for one in community.shares if END - 5 * WEEK <= one["at"] < END - WEEK}
    joins = sum(one["via_share_id"] in window for one in community.users)
    return len({one["user_id"] for one in window.values()}), len(window), joins


def test_communities_are_the_same_for_a_seed_and_have_what_is_not_counted() -> None:
    one, again = invent(1.0, 3), invent(1.0, 3)
    assert (one.shares, one.events, one.users) == (again.shares, again.events, again.users)
    assert one.shares != invent(1.0, 4).shares
    at = {share["share_id"]: share["at"] for share in one.shares}
    late = [event for event in one.events if event["occurred_at"] >= at[event["via_share_id"]] + WEEK]
    assert len(late) >= 5
    assert len(one.events) - len({event["user_id"] for event in one.events}) >= 5
    assert len(one.shares) > len({share["user_id"] for share in one.shares}) > 100
    assert max(event["occurred_at"] for event in one.events) < END


def test_the_view_reads_what_was_planted(client: Client) -> None:
    some = [invent(true_k, seed) for true_k in k.TRUE_K for seed in range(3)]
    found = [(row["sharers"], row["shares"], row["joins"]) for row in read(client, some)]
    assert found == [brought(community) for community in some]


@pytest.mark.parametrize(("holding", "met"), [(93, True), (92, False)])
def test_a_bar_that_is_missed_is_told(monkeypatch: pytest.MonkeyPatch, holding: int, met: bool) -> None:
    row = {"k": 1.0, "sharers": 1, "joins": 1, "k_low": 0.0, "k_high": 2.0}
    found = iter([100, holding, 100])
    monkeypatch.setattr(k, "engine", nullcontext)
    monkeypatch.setattr(k, "measure", lambda *_: (next(found), [row]))
    assert k.report(Console(quiet=True)) is met
