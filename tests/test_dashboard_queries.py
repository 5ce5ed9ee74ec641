"""Every panel's SQL on the embedded engine, as a reader over HTTP runs it: whether its panel can draw it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.source.people import LADDERS
from dashboards.source.targets import sql_text
from sinks.clickhouse import connect
from sinks.http import Engine
from sinks.migrate import create_views, migrate
from sinks.requests import Statement
from streams.settings import Settings
from tests.dashboard_data import CHOSEN, COMMUNITY, CONTENT, GROUP, fill
from tests.dashboard_files import CLICKHOUSE, Panel, panels, query_variables
from tests.grafana_macros import TimeRange, expanded

pytestmark = pytest.mark.xdist_group("dashboard queries")  # in one process: the databases are made once

PANELS = panels(CLICKHOUSE)
NUMBER = re.compile(r"(?:Nullable\()?(?:U?Int\d+|Float\d+|Decimal\(.*?\))\)?")
MOMENT = re.compile(r"(?:Nullable\()?(?:DateTime(?:64)?(?:\(.*?\))?|Date(?:32)?)\)?")
TEXT = "String"
ALL_TIME = TimeRange(datetime(1997, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), 30 * 86_400)
NO_TIME = TimeRange(datetime(1980, 1, 1, tzinfo=UTC), datetime(1980, 1, 2, tzinfo=UTC), 60)

NOTHING_TO_SHOW = {
    "How many contents exploded?",  # a count, which is 0: there are too few contents to compare with
    "Do benefits still move people?",  # needs a month of history with benefits
}


class Answer(NamedTuple):
    """Names and types of the columns, and the rows."""

    names: list[str]
    types: list[str]
    rows: list[list[Any]]


class Database:
    """An engine asked as strangers ask it: guarded, read-only, within limits."""

    def __init__(self, path: Path) -> None:
        self._engine = Engine(path, "groupbeat")

    def ask(self, sql: str) -> Answer:
        asked = Statement(sql, database="groupbeat", output_format="JSONCompact")
        body = json.loads(self._engine.run(asked, may_write=False, changes_nothing=True).body)
        meta = body["meta"]
        return Answer([each["name"] for each in meta], [each["type"] for each in meta], body["data"])

    def close(self) -> None:
        self._engine.close()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("dashboards") / "full"
    fill(path)
    database = Database(path)
    yield database
    database.close()


@pytest.fixture(scope="module")
def empty_answers(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Answer]:
    """What each panel gets of an empty database, where no variable has a value. (One engine at a time.)"""
    path = tmp_path_factory.mktemp("dashboards") / "empty"
    client = connect(Settings(path=path, clickhouse=None))
    migrate(client)
    create_views(client)
    client.close()
    database = Database(path)
    answers = {(p.dashboard, p.title): ask(database, p, {}, ALL_TIME) for p in PANELS}
    for _, name, sql in query_variables():
        assert database.ask(expanded(sql, {}, ALL_TIME)).rows == [], name
    database.close()
    return answers


def ask(database: Database, panel: Panel, chosen: dict[str, str], times: TimeRange) -> Answer:
    return database.ask(expanded(panel.target["rawSql"], chosen, times))


def assert_shape(panel: Panel, answer: Answer) -> None:
    """The answer is what a panel of this kind can draw."""
    names, types, rows = answer
    numbers = [bool(NUMBER.fullmatch(each)) for each in types]
    assert len(set(names)) == len(names)
    assert set(panel.named_columns) <= set(names)
    for transformation in panel.json.get("transformations", []):
        assert set(transformation["options"].values()) <= set(names)
    if panel.kind == "stat":
        assert numbers == [True]
        assert len(rows) == 1
    elif panel.kind in ("timeseries", "heatmap"):
        assert names[0] == "time"
        assert types[0].startswith("DateTime")
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)
        long = panel.kind == "timeseries" and types[1] == TEXT
        assert numbers[1:] == [False, True] if long else all(numbers[1:]) and len(numbers) > 1
        keys = [tuple(row[:2]) if long else row[0] for row in rows]
        assert len(set(keys)) == len(keys)
        assert panel.target["queryType"] == "timeseries"
    elif panel.kind == "barchart":
        by = panel.json["options"]["xField"]
        assert types[names.index(by)].replace("LowCardinality(String)", TEXT) == TEXT
        assert [name for name, number in zip(names, numbers, strict=True) if not number] == [by]
        assert len({row[names.index(by)] for row in rows}) == len(rows)
    else:
        assert panel.kind == "table"
        known = (NUMBER, MOMENT, re.compile(r"(?:LowCardinality\()?(?:Nullable\()?String\)*"))
        assert all(any(each.fullmatch(kind) for each in known) for kind in types), types


@pytest.mark.parametrize("panel", PANELS, ids=lambda p: f"{p.dashboard}: {p.title}")
def test_an_empty_database_is_drawn(panel: Panel, empty_answers: dict[tuple[str, str], Answer]) -> None:
    answer = empty_answers[panel.dashboard, panel.title]
    assert_shape(panel, answer)
    if panel.kind == "stat":
        assert answer.rows[0][0] in (None, 0, "0")
    else:
        assert answer.rows == []


@pytest.mark.parametrize("panel", PANELS, ids=lambda p: f"{p.dashboard}: {p.title}")
def test_a_full_database_is_drawn(panel: Panel, full: Database) -> None:
    shown = False
    ladders = LADDERS if "${ladder" in panel.target["rawSql"] else ("",)
    for values in CHOSEN:
        for ladder in ladders:
            answer = ask(full, panel, {**values, "content": "", **values, "ladder": ladder}, ALL_TIME)
            assert_shape(panel, answer)
            values_of_rows = [value for row in answer.rows for value in row if value is not None]
            shown |= bool(values_of_rows) and (panel.kind != "stat" or answer.rows[0][0] not in (0, "0"))
    assert shown == (panel.title not in NOTHING_TO_SHOW)


@pytest.mark.parametrize(
    "panel", [p for p in PANELS if "$__" in p.target["rawSql"]], ids=lambda p: f"{p.dashboard}: {p.title}"
)
def test_what_was_at_another_time_is_left_out(panel: Panel, full: Database) -> None:
    answer = ask(full, panel, {**CHOSEN[0], "content": "", "ladder": "lifecycle"}, NO_TIME)
    assert_shape(panel, answer)
    if panel.kind == "stat":
        assert answer.rows[0][0] in (None, 0, "0")
    elif "resolved_at IS NULL" not in panel.target["rawSql"]:  # open alerts are shown whenever they opened
        assert answer.rows == []


def test_variables_offer_what_there_is(full: Database) -> None:
    found = {name: full.ask(expanded(sql, CHOSEN[2], ALL_TIME)).rows for _, name, sql in query_variables()}
    assert sorted(found["community"]) == sorted([each["community"]] for each in CHOSEN)
    assert found["group"] == [[GROUP]]
    assert found["content"] == [[CONTENT]]


def test_an_id_that_would_break_out_of_a_query_is_only_an_id(full: Database) -> None:
    (table,) = [panel for panel in PANELS if panel.title == "Which groups need care?"]
    for chosen, expected in (
        (COMMUNITY, [GROUP]),
        (r"\' OR 1=1 --", []),
        ("' OR '1'='1", []),
        (r"hdv\\", []),
        ("cdnow", ["store"]),
    ):
        assert [row[0] for row in ask(full, table, {"community": chosen}, ALL_TIME).rows] == expected


@settings(max_examples=100)
@given(st.text())
def test_any_text_comes_through_as_it_is(full: Database, text: str) -> None:
    sql = expanded(sql_text("SELECT hex(@community)"), {"community": text}, ALL_TIME)
    assert full.ask(sql).rows == [[text.encode().hex().upper()]]


def test_no_other_format_of_a_variable_is_taken_for_safe() -> None:
    for sql in (
        "SELECT ${a:sqlstring}",
        "SELECT ${a:singlequote}",
        "SELECT ${a}",
        "SELECT $a",
        "SELECT $__x",
    ):
        with pytest.raises(ValueError, match=r"not safe|left in|no macro"):
            expanded(sql, {"a": "b"}, ALL_TIME)
