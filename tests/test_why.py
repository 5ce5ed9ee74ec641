"""A person's history in the terminal, from rows made by hand."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from sinks.access import Access, access_file, write_access
from sinks.clickhouse import connect
from sinks.errors import SinkError
from sinks.migrate import create_views, migrate
from sinks.query import query
from streams.cli import app
from streams.page import NotFound
from streams.settings import Settings
from streams.why import why
from tests.hand_rows import insert
from tests.sink_server import READER, Server

STRANGE = "it's \\ {x:String} %(user)s [red]:warning:\x1b[31m' OR 1 --"
ANN = {
    "community_id": "runners", "user_id": "ann", "segment": "active", "segment_since": "2026-02-10 08:00",
    "first_at": "2026-02-09 08:00", "last_at": "2026-02-28 10:00", "joins": 1, "posts": 12, "shares": 2,
    "purchases": 1, "active_days_28": 9, "score": 16.4, "score_at": "2026-02-22 12:00", "groups": 2,
    "role": "member", "joined_at": "2026-02-09 08:00", "first_post_at": "2026-02-09 09:00", "activated": 1,
    "inviter_id": STRANGE, "pyramid": "valuable", "pyramid_since": "2026-02-20 10:00", "intent": "buyer",
    "intent_since": "2026-02-20 10:00", "closeness": "like", "closeness_since": "2026-02-11 08:00",
    "own_28": 14, "purchase_at": "2026-02-20 10:00", "level": 1, "level_since": "2026-02-20 10:00",
    "title": "newcomer", "level_points": 138.0, "points_join": 10, "points_post": 60, "points_share": 16,
    "points_day": 18, "points_invite": 20, "points_purchase": 14, "invites": 2, "invites_stayed": 1,
    "medals": ["first_post", "first_purchase"],
}  # fmt: skip
OTHER = {"segment": "new", "pyramid": "general", "intent": "none", "closeness": "know", "joins": 1}
MOVES: list[dict[str, Any]] = [
    {
        "ladder": "lifecycle", "to_segment": "new", "at": "2026-02-09 08:00", "rule": "first_action",
        "evidence": '{"active_days_28":1,"score":1.0,"last_at":1770624000000,"groups":1}',
    },
    {
        "ladder": "pyramid", "from_segment": "general", "to_segment": "valuable", "at": "2026-02-20 10:00",
        "rule": "bought_lately",
        "evidence": '{"role":"member","invites_stayed":0,"purchase_at":0,"lifecycle":"active","done":15}',
    },
    {
        "ladder": "level", "from_segment": "level_0", "to_segment": "level_1", "at": "2026-02-20 10:00",
        "rule": "points_reached", "evidence": "no JSON \x1b[2J",
    },
]  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database with ann in it, and others."""
    folder = tmp_path_factory.mktemp("why") / "clickhouse"
    client = connect(Settings(path=folder))
    migrate(client)
    create_views(client)
    who = {"community_id": "runners", "user_id": "ann"}
    insert(client, "segment_transitions", *({**who, **move} for move in MOVES))
    insert(client, "segment_transitions", {**who, "user_id": "bob", "ladder": "level", "at": "2026-02-01"})
    insert(client, "medals", {**who, "medal": "first_post", "at": "2026-02-09 09:00"})
    insert(client, "medals", {**who, "user_id": "bob", "medal": "comeback", "at": "2026-02-09 09:00"})
    insert(client, "events", {**who, "action": "share", "share_id": "s1", "occurred_at": "2026-02-11"})
    insert(
        client,
        "users",
        ANN,
        {**OTHER, **who, "user_id": "guest", "inviter_id": "ann", "joined_at": "2026-02-12 08:00"},
        {**OTHER, **who, "user_id": "brought", "via_share_id": "s1", "joined_at": "2026-02-13 08:00"},
        {**OTHER, **who, "user_id": "stranger", "via_share_id": "s2", "joined_at": "2026-02-14 08:00"},
        {**OTHER, **who, "user_id": STRANGE},
        {**OTHER, "community_id": "walkers", "user_id": "bob"},
        {**OTHER, "community_id": "runners", "user_id": "bob"},
        {**OTHER, "community_id": "walkers", "user_id": "brought", "inviter_id": "ann"},
    )
    insert(
        client,
        "receipts",
        {"stage": "users", "partition": 0, "clock": "2026-02-27"},
        {"stage": "users", "partition": 1, "clock": "2026-03-01 12:00"},
        {"stage": "intake", "partition": 0, "clock": "2026-03-05"},
    )
    client.close()
    return folder


@pytest.fixture
def settings(path: Path, clean_environment: None) -> Settings:
    return Settings(path=path)


@pytest.fixture(params=["folder", "running"])
def either(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """The folder of a sink that is stopped, and of one that runs and answers over HTTP."""
    if request.param == "folder":
        yield settings
        return
    with Server(settings.path) as server:
        access = Access("127.0.0.1", server.port, "reader", READER, "groupbeat", os.getpid())
        write_access(settings.path, access)
        try:
            yield settings
        finally:
            access_file(settings.path).unlink()


def told(settings: Settings, user: str, community: str | None = None) -> list[str]:
    """Lines, their cells divided by one space."""
    text = io.StringIO()
    why(settings, user, community, Console(file=text, width=220))
    lines = (
        " ".join(line.replace("│", " ").replace("┃", " ").split()) for line in text.getvalue().splitlines()
    )
    return [line for line in lines if line]


def test_everything_that_is_known(either: Settings) -> None:
    lines = told(either, "ann")
    assert "ann in runners" in lines[0]
    for wanted in (
        "Moments are in UTC. Stream time is 2026-03-01 12:00.",
        "role member",
        "first event 2026-02-09 08:00",
        "last activity 2026-02-28 10:00",
        "groups in 2, left 0",
        "invited by it's \\ {x:String} %(user)s [red]:warning:\N{REPLACEMENT CHARACTER}[31m' OR 1 --",
        "first join 2026-02-09 08:00",
        "first post 2026-02-09 09:00, so activated",
        "so far joins 1, posts 12, shares 2, purchases 1, views 0, leaves 0",
        "lifecycle active 2026-02-10 08:00 silent on 2026-03-07 10:00: 7 days without activity",
        "core: at least 3 more active days (9 of 12 in the 28 up to their last) and a score of 12 (8.2 now)",
        "pyramid valuable 2026-02-20 10:00 general on 2026-05-21 10:00: 90 days since the last purchase",
        "level_2 (regular): 12 more points (138 of 150)",
        "2026-02-09 08:00 lifecycle - new first_action active days 1, score 1.00, "
        "last activity 2026-02-09 08:00, groups 1",
        "2026-02-20 10:00 pyramid general valuable bought_lately role member, invited who stayed 0, "
        "last purchase never, lifecycle active, actions but joins and leaves 15",
        "2026-02-20 10:00 level level_0 (visitor) level_1 (newcomer) points_reached "
        "no JSON \N{REPLACEMENT CHARACTER}[2J",
        "Points; 138.0 are left of them for the level",
        "invite 20",
        "in all 138",
        "2026-02-09 09:00 first_post",
        "Invited: 2 joined, 1 of them stayed",
        "guest 2026-02-12 08:00 new",
        "brought 2026-02-13 08:00 new",
    ):
        assert wanted in lines
    text = "\n".join(lines)
    assert "stranger" not in text and "bob" not in text and "comeback" not in text and "\x1b" not in text


def test_somebody_of_whom_little_is_known(either: Settings) -> None:
    lines = told(either, STRANGE)
    assert "invited by nobody that is known" in lines
    assert "first join never" in lines and "first post never" in lines
    assert "Transitions: none" in lines and "Medals: none" in lines
    assert "ann 2026-02-09 08:00 active" in lines, "whom they invited"
    assert any(line.startswith("pyramid general the beginning ") for line in lines)


def test_moments_and_thresholds_are_those_of_the_community(settings: Settings, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[communities.runners]\ntime_zone = "Asia/Kathmandu"\nlifecycle.silent_days = 5\n')
    lines = told(settings.model_copy(update={"rules": rules}), "ann", "runners")
    assert "Moments are in Asia/Kathmandu. Stream time is 2026-03-01 17:45." in lines
    assert "last activity 2026-02-28 15:45" in lines
    assert "lifecycle active 2026-02-10 13:45 silent on 2026-03-05 15:45: 5 days without activity" in lines
    assert "2026-02-09 14:45 first_post" in lines


def test_somebody_in_several_communities(settings: Settings) -> None:
    with pytest.raises(NotFound, match=r"'bob' is in 2 communities.*--community: 'runners', 'walkers'$"):
        told(settings, "bob")
    assert "bob in walkers" in told(settings, "bob", "walkers")[0]
    with pytest.raises(NotFound, match=r"'bob' is not in the community 'x', but in 'runners', 'walkers'$"):
        told(settings, "bob", "x")


def test_nobody(either: Settings) -> None:
    with pytest.raises(NotFound, match=r"^nobody has the user_id 'Guests'; there is 'guest'$"):
        told(either, "Guests")
    with pytest.raises(NotFound, match=r"there is 'brought'$"):
        told(either, "brough")
    with pytest.raises(NotFound, match=r"^nobody has the user_id \"' OR '1' = '1\"$"):
        told(either, "' OR '1' = '1")


def test_the_command(settings: Settings) -> None:
    run = CliRunner().invoke
    shown = run(app, ["why", "ann", "--path", str(settings.path)])
    assert shown.exit_code == 0 and "silent on 2026-03-07 10:00" in shown.output
    shown = run(app, ["why", "bob", "--community", "walkers", "--path", str(settings.path)])
    assert shown.exit_code == 0 and "bob in walkers" in shown.output
    for arguments, said in (
        (["bob"], "'bob' is in 2 communities"),
        (["an"], "nobody has the user_id 'an'; there is 'ann'"),
        (["ann", "--community", "[red]"], "not in the community '[red]'"),
    ):
        shown = run(app, ["why", *arguments, "--path", str(settings.path)])
        assert shown.exit_code == 1 and said in shown.stderr


def test_parameters_are_values_and_nothing_else(either: Settings) -> None:
    for text in (STRANGE, "a\tb\nc\\n", "{y:UInt8}", "", "'; SELECT 1"):
        assert query(either, "SELECT {x:String} AS x", {"x": text}) == (["x"], [(text,)])
    assert query(either, "SELECT {x:UInt8} + {y:UInt8}", {"x": 1, "y": 2})[1] == [(3,)]
    with pytest.raises(ValueError, match=r"no \{x:Type\}"):
        query(either, "SELECT %(x)s", {"x": "1"})
    with pytest.raises(SinkError, match="only reading is allowed here"):
        query(either, "SELECT arrayMap({f:Identifier}, ['/etc/passwd'])", {"f": "file"})
    with pytest.raises(SinkError, match="segments_on\\(day = '2026-01-31'\\)"):
        query(either, "SELECT * FROM segments_on")
    on = "SELECT lifecycle, level FROM segments_on(day = {d:Date32}) WHERE user_id = {u:String}"
    assert query(either, on, {"d": "2026-02-19", "u": "ann"})[1] == [("new", "level_0")]
    assert query(either, "SELECT level FROM segments_on(day = '2026-02-20') WHERE user_id = 'ann'")[1] == [
        ("level_1",)
    ]
