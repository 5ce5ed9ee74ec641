"""The page of a content in the terminal, from rows made by hand."""

from __future__ import annotations

import io
import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from clickhouse_connect.driver.client import Client
from rich.console import Console
from typer.testing import CliRunner

from schemas.chain_tables import CONTENTS
from sinks.access import Access, access_file, write_access
from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from streams import chain_queries
from streams.chain_page import print_chain, span
from streams.chain_report import Branching, ChainReport, chain_json, find_content, read_chain, read_drawn
from streams.cli import app
from streams.page import NotFound, asked
from streams.settings import Settings
from tests.drawn_trees import chain, tree
from tests.hand_rows import insert
from tests.sink_server import READER, Server

STRANGE = "it's \\ {x:String} %(user)s [red]:warning:\x1b[31m' OR 1 --"
LETTER: list[dict[str, Any]] = [
    {"share_id": "a", "user_id": "ann", "reach": 50, "joins": 2},
    {"share_id": "b", "user_id": "bob", "parent_share_id": "a", "hours": 1, "reach": 30, "amount": 20.5},
    {"share_id": "c", "user_id": "ann", "parent_share_id": "b", "hours": 3, "reach": 10, "buyers": 1},
    {"share_id": "d", "user_id": "dan", "parent_share_id": "a", "hours": 30, "amount": 9.0},
    {"share_id": "e", "user_id": "eve", "parent_share_id": "c", "hours": 168.5, "channel": ""},
    {"share_id": "f", "user_id": "fay", "orphan": 1, "hours": 170},
]
"""Stream time is 192 h: e and f have not had their 24 h, those of a ended exactly 7 days ago."""
OF_LETTER: dict[str, Any] = {
    "views": 200, "joins": 3, "purchases": 4, "buyers": 2, "amount": 1029.5, "conversions": 7,
    "refused": 5, "structural_virality": 2.125, "saturation": 1 / 6, "shares_first_hour": 2,
    "explosive_at": "2026-03-01 02:00", "last_at": "2026-03-08 10:15",
}  # fmt: skip
BRANCHING = ("old_enough", "branching", "branching_low", "branching_high")
EXPLOSIVE = {
    "community_id": "runners", "group_id": "river", "content_id": "letter", "rule": "explosive_content",
    "severity": "info", "change": "opened", "at": "2026-03-01 02:00", "opened_at": "2026-03-01 02:00",
    "evidence": json.dumps({"shares": 40, "contents": 2000, "as_many": 3}),
}  # fmt: skip
OVER = {**EXPLOSIVE, "opened_at": "2026-02-01", "evidence": "that is over"}
ALERTS = [EXPLOSIVE, OVER, {**OVER, "change": "resolved"}, {**EXPLOSIVE, "content_id": "", "evidence": "no"}]


def put(client: Client, name: str, shares: list[dict[str, Any]], **of_content: Any) -> None:
    content, rows = tree(name, shares, **of_content)
    stale = [{**row, "reach": 9_999, "depth": 99, "size": 99} for row in rows]
    of = {key: of_content["community_id"] for key in of_content if key == "community_id"}
    for each in (stale, rows):
        if each:
            insert(client, "shares", *({**row, **of} for row in each))
    insert(client, "contents", {**content, "views": 7_777, "_version": 0}, content)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database with a few contents."""
    folder = tmp_path_factory.mktemp("chain") / "clickhouse"
    client = connect(Settings(path=folder))
    migrate(client)
    create_views(client)
    put(client, "letter", LETTER, **OF_LETTER)
    put(client, "letter two", [], community_id="walkers")
    put(client, "both", chain(3), community_id="walkers")
    put(client, "both", chain(1))
    put(client, "long", chain(60))
    put(client, "bush", bush())
    strange = [{"share_id": STRANGE, "user_id": STRANGE, "channel": STRANGE, "reach": 1, "amount": 1.0}]
    put(client, STRANGE, [*strange, {**strange[0], "share_id": "x", "parent_share_id": STRANGE}],
        community_id=STRANGE, group_id=STRANGE)  # fmt: skip
    insert(client, "alert_changes", *ALERTS)
    insert(client, "receipts", {"stage": "chains", "clock": "2026-03-08 23:00"})
    insert(client, "receipts", {"stage": "chains", "partition": 1, "clock": "2026-03-09"})
    insert(client, "receipts", {"stage": "users", "clock": "2026-03-25"})
    large(client, 100_000)
    client.close()
    return folder


def bush() -> list[dict[str, Any]]:
    """Shares of 30 people, who share below their own again; some have many children, most have none."""
    chosen = random.Random(5)
    return [
        {
            "share_id": f"s{n}",
            "parent_share_id": f"s{min(chosen.randrange(n), chosen.randrange(n))}" if n > 3 else "",
            "user_id": f"u{chosen.randrange(30)}",
            "hours": n / 2,
            "reach": chosen.randrange(4),
            "joins": chosen.randrange(2),
            "amount": chosen.randrange(3) * 2.5,
        }
        for n in range(400)
    ]


def large(client: Client, number: int) -> None:
    """A content that half of its shares have from one, and a quarter from one of those."""
    client.command(
        "INSERT INTO shares_snapshots (community_id, content_id, share_id, user_id, parent_share_id, depth, "
        "size, reach, at, delay_s, direct_shares, topmost) "
        f"WITH toUInt32({number}) AS n, number AS i SELECT 'runners', 'large', toString(i), "
        "toString(i % 1000), multiIf(i = 0, '', i = 1, '0', i < n / 2, '0', i < n * 3 / 4, '1', ''), "
        "multiIf(i = 0, 1, i < n / 2, 2, i < n * 3 / 4, 3, 1), "
        "multiIf(i = 0, n * 3 / 4, i = 1, n / 4 + 1, 1), i, '2026-03-01', "
        "if(i = 0 OR i >= n * 3 / 4, NULL, i % 100), i < 2, "
        "NOT (i % 1000 = 0 AND i > 0 AND i < n * 3 / 4 OR i % 1000 = 1 AND i >= n / 2 AND i < n * 3 / 4) "
        "FROM numbers(n)"
    )
    of = {"community_id": "runners", "content_id": "large"}
    insert(client, "contents", {**of, "shares": number, "size": number + 1, "depth": 3})


@pytest.fixture
def folder(path: Path, clean_environment: None) -> Settings:
    """The folder of a sink that is stopped."""
    return Settings(path=path)


@pytest.fixture
def settings(folder: Settings) -> Iterator[Settings]:
    """That of a sink that runs, and answers over HTTP."""
    with Server(folder.path) as server:
        access = Access("127.0.0.1", server.port, "reader", READER, "groupbeat", os.getpid())
        write_access(folder.path, access)
        try:
            yield folder
        finally:
            access_file(folder.path).unlink()


@pytest.fixture(params=["folder", "settings"])
def either(request: pytest.FixtureRequest) -> Settings:
    found: Settings = request.getfixturevalue(request.param)
    return found


def read(settings: Settings, content: str, community: str | None = None) -> ChainReport:
    return read_chain(settings, find_content(settings, content, community))


def told(settings: Settings, content: str, community: str | None = None) -> list[str]:
    """Lines, their cells divided by one space."""
    text = io.StringIO()
    print_chain(Console(file=text, width=240), read(settings, content, community))
    lines = (
        " ".join(line.replace("│", " ").replace("┃", " ").split()) for line in text.getvalue().splitlines()
    )
    return [line for line in lines if line]


def test_the_page(either: Settings) -> None:
    lines = told(either, "letter")
    assert "letter in runners" in lines[0]
    wanted = [
        "Moments are in UTC. Stream time is 2026-03-09 00:00.",
        "group: river",
        "since 2026-03-01 00:00, last action 2026-03-08 10:15",
        "Open alerts",
        "explosive_content info 2026-03-01 02:00 40 shares within the first hour; 3 of 2,000 contents before "
        "had as many",
        "Figures",
        "views 200",
        "shares 6 by 5 people 5 more were refused",
        "saturation 16.7% part of the shares by people who had shared it before",
        "roots 1 shares that name no parent",
        "orphans 1 shares whose parent has not come in time; with the roots under the content",
        "joins 3",
        "buyers 2 4 purchases",
        "amount 1,029.50 whatever the currency",
        "conversions 7 joins and purchases",
        "size 7 nodes of the tree: the shares and the content",
        "depth 4 shares from the content to the deepest one",
        "max breadth 2 most nodes of one depth",
        "structural virality 2.12 mean distance between two nodes: up to 2 a star, all had it from one; "
        "high: long chains",
        "first hour 2 shares from 2026-03-01 00:00",
        "explosive since 2026-03-01 02:00",
        "Spread",
        # Delays of 1, 2, 30 and 165.5 h.
        "cycle time 16 h median from a share to one below it, of 4",
        # b has c within 24 h; c and d have none. Those of a ended 7 days ago.
        "regime about 1: 0.33 (0.00 to 1.85, 95 %) shares of a share within 24 h: 1 of 3 whose 24 h ended in "
        "the last 7 days",
        "Generations",
        "0 1 ████████████████████",
        "1 2 ████████████████████████████████████████ 1.00 0.01 to 5.56",
        "2 2 ████████████████████████████████████████ 0.50 0.01 to 2.78",
        "3 1 ████████████████████ 0.00 0.00 to 3.67",
        "4 1 ████████████████████",
        "Longest path",
        "1 ann a chat 2026-03-01 00:00 90",
        "2 bob b chat 2026-03-01 01:00 after 1 h 40",
        "3 ann c chat 2026-03-01 03:00 after 2 h 10",
        "4 eve e 2026-03-08 00:30 after 6 d 22 h 0",
        "Top sharers by reach",
        "ann 2 90 2 1 29.50",
        "bob 1 40 0 1 20.50",
        "Top sharers by money",
        "ann 2 90 2 1 29.50",
        "bob 1 40 0 1 20.50",
        "dan 1 0 0 0 9.00",
        "what came through their shares and all below; one below another of theirs is part of that one",
    ]
    assert [line for line in lines if line in wanted] == wanted
    assert not any("that is over" in line for line in lines)


def test_without_shares(settings: Settings) -> None:
    lines = told(settings, "letter two")
    for wanted in (
        "saturation no shares part of the shares by people who had shared it before",
        "first hour 0 shares",
        "explosive no",
        "cycle time no share of a share",
        "regime not known the 24 h of no share ended in the last 7 days",
        "Generations: none",
        "Longest path: none",
        "Top sharers by reach: none",
        "Open alerts: none",
    ):
        assert wanted in lines, wanted


def test_what_is_left_out_of_a_long_chain_is_said(settings: Settings) -> None:
    lines = told(settings, "long")
    generations = lines[lines.index("Generations") : lines.index("Longest path")]
    numbers = [line.split()[0] for line in generations if line[0].isdigit() or line[0] == "."]
    assert numbers == [*map(str, range(21)), "...", "58", "59", "60"]
    assert "... 37 in 37 generations left out" in generations
    path = lines[lines.index("Longest path") :]
    depths = [line.split()[0] for line in path if line.startswith(("...", *"123456789")) and " s" in line]
    assert depths == [*map(str, range(1, 7)), *map(str, range(55, 61))]
    assert "... 48 left out" in path and "60 user of s59 s59 chat 2026-03-03 11:00 after 1 h 1" in path
    found = read(settings, "long")
    assert (found.path_left_out, found.generations_left_out, found.shares_left_out) == (48, 37, 37)
    assert found.branching == Branching(59, 58, 58) and found.branching.regime == "critical"


def test_a_large_tree_is_summed_up_where_it_is(settings: Settings) -> None:
    found = read(settings, "large")
    assert [(each.depth, each.nodes) for each in found.generations] == [(1, 25_001), (2, 49_999), (3, 25_000)]
    assert [(each.branching.nodes, each.branching.children) for each in found.generations] == [
        (25_001, 49_999),
        (49_999, 25_000),
        (25_000, 0),
    ]
    # Their 24 h ended on March 2, exactly 7 days before: not within them.
    assert found.branching == Branching(0, 0, 0)
    assert found.cycle_time_s == 50 and found.shares_of_shares == 74_999
    assert [row["share_id"] for row in found.path] == ["0", "1", "50000"]
    assert [row["user_id"] for row in found.by_reach] == [str(n) for n in range(999, 989, -1)]
    assert found.by_reach[0]["shares"] == 100 and found.by_reach[0]["reach"] == 5_049_900
    drawn = read_drawn(settings, found.row)
    assert [row["share_id"] for row in drawn[:3]] == ["0", "1", "99999"]
    # As many children of the content, of the first share and of the second as a picture may show.
    assert len(drawn) == 300


def test_figures_are_those_of_the_views(settings: Settings) -> None:
    of = "WHERE community_id = 'runners' AND content_id = {content:String}"
    for content in ("letter", "bush", "long"):
        found = read(settings, content, "runners")
        [spread] = asked(settings, f"SELECT * FROM content_spread {of}", content=content)
        assert told_by(found.branching) == pytest.approx([spread[name] for name in BRANCHING])
        assert found.branching.regime == spread["regime"]
        assert found.cycle_time_s == spread["cycle_time_s"]
        rows = asked(settings, f"SELECT * FROM chain_generations {of} ORDER BY depth", content=content)
        there = {row["depth"]: row for row in rows}
        assert sum(row["nodes"] for row in rows) == found.row["shares"]
        for each in found.generations:
            row = there[each.depth]
            assert each.nodes == row["nodes"] and each.branching.children == row["children"]
            assert told_by(each.branching) == pytest.approx([row[name] for name in BRANCHING])
        top = {
            row["user_id"]: row for row in asked(settings, f"SELECT * FROM top_sharers {of}", content=content)
        }
        for sharers, name in ((found.by_reach, "reach"), (found.by_money, "amount")):
            assert all(top[row["user_id"]].items() >= row.items() for row in sharers)
            most = sorted((row[name] for row in top.values() if row[name] > 0), reverse=True)[:10]
            assert [row[name] for row in sharers] == most
    assert found.branching.interval is not None


def told_by(branching: Branching) -> list[float | None]:
    return [branching.nodes, branching.mean, *(branching.interval or (None, None))]


def test_names_are_values_and_nothing_else(either: Settings) -> None:
    lines = told(either, STRANGE, STRANGE)
    plain = STRANGE.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    assert plain in lines[0] and f"group: {plain}" in lines
    assert any(line.startswith(f"1 {plain} {plain} {plain} 2026") for line in lines)
    assert f"{plain} 2 2 0 0 2.00" in lines
    assert "\x1b" not in "\n".join(lines)


def test_moments_are_those_of_the_community(settings: Settings, tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[communities.runners]\ntime_zone = "Asia/Kathmandu"\n')
    lines = told(settings.model_copy(update={"rules": rules}), "letter", "runners")
    assert "Moments are in Asia/Kathmandu. Stream time is 2026-03-09 05:45." in lines
    assert "2 bob b chat 2026-03-01 06:45 after 1 h 40" in lines


def test_which_content(settings: Settings) -> None:
    for content, community, said in (
        ("both", None, r"^'both' is in 2 communities.*--community: 'runners', 'walkers'$"),
        ("letter", "walkers", r"^'letter' is not in the community 'walkers', but in 'runners'$"),
        (
            "Letter",
            None,
            r"^no content has the content_id 'Letter'; there is 'letter' in 'runners', 'letter t",
        ),
        ("Letter", "walkers", r"there is 'letter two' in 'walkers', 'letter' in 'runners'$"),
        ("teltler", None, r"^no content has the content_id 'teltler'$"),
        ("' OR '1' = '1", None, r"^no content has the content_id \"' OR '1' = '1\"$"),
    ):
        with pytest.raises(NotFound, match=said):
            find_content(settings, content, community)
    walkers = read(settings, "both", "walkers")
    assert [row["share_id"] for row in walkers.path] == ["s0", "s1", "s2"]
    assert [row["share_id"] for row in read(settings, "both", "runners").path] == ["s0"]


def test_json(settings: Settings) -> None:
    found = json.loads(chain_json(read(settings, "letter")))
    assert set(found["content"]) == {column.name for column in CONTENTS.columns}
    assert found["content"]["first_at"] == "2026-03-01T00:00:00.000Z"
    assert (found["time_zone"], found["clock"]) == ("UTC", "2026-03-09T00:00:00.000Z")
    assert found["generations"][3] == {
        "depth": 4, "nodes": 1, "old_enough": 0, "children_within_24h": 0, "branching": None,
        "branching_low": None, "branching_high": None,
    }  # fmt: skip
    assert found["regime"]["regime"] == "critical" and found["regime"]["branching"] == pytest.approx(1 / 3)
    assert found["cycle_time_s"] == 16 * 3600
    assert [row["share_id"] for row in found["longest_path"]] == ["a", "b", "c", "e"]
    assert [row["user_id"] for row in found["by_money"]] == ["ann", "bob", "dan"]
    assert found["open_alerts"][0]["opened_evidence"] == {"shares": 40, "contents": 2000, "as_many": 3}
    quiet = json.loads(chain_json(read(settings, "letter two")))
    assert quiet["cycle_time_s"] is None is quiet["regime"]["regime"] is quiet["content"]["explosive_at"]
    assert quiet["generations"] == [] == quiet["longest_path"]


def test_the_command(settings: Settings, tmp_path: Path) -> None:
    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["chain", *words, "--path", str(settings.path)])

    file = tmp_path / "tree.svg"
    shown = run("letter", "--svg", str(file))
    assert shown.exit_code == 0 and "structural virality" in shown.output
    drawn = ElementTree.fromstring(file.read_text("utf-8"))
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}path"))) == len(LETTER)
    shown = run("letter", "--svg", "-")
    assert shown.exit_code == 0 and shown.output == file.read_text("utf-8")
    shown = run("both", "--community", "walkers", "--json")
    assert shown.exit_code == 0 and json.loads(shown.output)["content"]["community_id"] == "walkers"
    for words, said in (
        (("leter",), "there is 'letter' in 'runners'"),
        (("letter", "--json", "--svg", "-"), "standard output"),
        (("letter", "--svg", str(tmp_path)), "Is a directory"),
    ):
        shown = run(*words)
        assert shown.exit_code == 1 and said in shown.stderr
        assert "Traceback" not in shown.output + shown.stderr


# --- its parts -----------------------------------------------------------------------------------


def test_only_the_newest_row_of_an_entity_counts() -> None:
    # The stale rows in the tables above may be merged away before they are asked for.
    statements = [text for name, text in vars(chain_queries).items() if name.isupper()]
    assert len(statements) == 9
    assert not [text for text in statements if re.search(r"_snapshots\b(?! FINAL\b)", text)]


def test_regimes() -> None:
    # Byar's bounds for 10: 4.79 and 18.39, the exact ones 4.80 and 18.39.
    low, high = Branching(1, 10, 100).interval or (0, 0)
    assert (round(low, 2), round(high, 2)) == (4.79, 18.39)
    assert Branching(0, 0, 0).interval is None is Branching(0, 0, 0).mean
    assert Branching(0, 0, 0).regime == ""
    low, high = Branching(1, 0, 0).interval or (9, 9)
    assert low == 0 and 3.6 < high < 3.7
    regimes = [Branching(100, children, children).regime for children in (0, 79, 83, 100, 120, 124)]
    assert regimes == ["dying", "dying", "critical", "critical", "critical", "growing"]
    # The same mean of one node with many children and many with none says less.
    assert Branching(100, 124, 124**2).regime == "critical"


def test_spans() -> None:
    spans = {
        0.4: "0 s", 59.4: "59 s", 59.6: "1 min", 60: "1 min", 3569: "59 min", 3599: "1 h", 7800: "2 h 10 min",
        86_399: "1 d", 86_400: "1 d", 270_000: "3 d 3 h",
    }  # fmt: skip
    assert {seconds: span(seconds) for seconds in spans} == spans
