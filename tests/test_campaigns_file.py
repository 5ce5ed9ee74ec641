"""Campaigns in a rules.toml: what is wrong with them, and how far they are."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.campaigns import Campaign, campaigns_of
from schemas.rules import Rules, load_rules
from sinks.clickhouse import connect
from sinks.migrate import create_views, migrate
from streams.cli import app
from streams.settings import Settings
from tests.analyst_engine import clock, event
from tests.hand_rows import insert
from tests.test_rules_file import told

GOOD = """
[campaigns.newcomers]
community = "c"
groups = ["g"]
figure = "joins"
goal = 4
from = 2026-01-11
to = 2026-01-20

[campaigns."autumn sale"]
community = "c"
figure = "amount"
goal = 99.5
from = "2026-02-01"
to = "2026-02-01"

[lifecycle]
silent_days = 10
"""


def test_campaigns_stand_beside_thresholds(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(GOOD)
    assert load_rules(file) == Rules.model_validate({"lifecycle": {"silent_days": 10}})
    newcomers, sale = campaigns_of(file).values()
    assert newcomers == Campaign(
        community="c", groups=("g",), figure="joins", goal=4, begins=date(2026, 1, 11), ends=date(2026, 1, 20)
    )
    assert (sale.goal, sale.begins, sale.ends) == (99.5, date(2026, 2, 1), date(2026, 2, 1))
    assert campaigns_of(None) == {}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("goal = 4", "goal = 0"), "6: campaigns.newcomers.goal: should be greater than 0, is 0"),
        (("goal = 4", 'goal = "4"'), "6: campaigns.newcomers.goal: should be a valid number, is"),
        (('figure = "joins"', 'figure = "likes"'), "5: campaigns.newcomers.figure: should be 'joins'"),
        (('figure = "joins"\n', ""), "2: campaigns.newcomers.figure: Field required"),
        (("to = 2026-01-20", "to = 2026-01-10"), "to 2026-01-10 is before from 2026-01-11"),
        (("groups =", "group ="), "4: campaigns.newcomers.group: no such setting"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], error: str) -> None:
    assert any(error in line for line in told(tmp_path, GOOD.replace(*change)))


def test_how_far_they_are(tmp_path: Path) -> None:
    file, folder = tmp_path / "rules.toml", tmp_path / "clickhouse"
    file.write_text(GOOD)
    engine = connect(Settings(path=folder, clickhouse=None))
    migrate(engine)
    create_views(engine)
    insert(
        engine, "events",
        event("join", "ann", "2026-01-11"), event("join", "bob", "2026-01-12"),
        event("join", "cid", "2026-01-12", group_id="h"), event("join", "dan", "2026-01-10 23:00"),
    )  # fmt: skip
    clock(engine, "2026-01-16")
    engine.close()
    runner = CliRunner()
    shown = runner.invoke(app, ["campaigns", "--json", "--rules", str(file), "--path", str(folder)])
    newcomers, sale = json.loads(shown.output)
    assert newcomers == {
        "campaign": "newcomers", "community": "c", "figure": "joins", "from": "2026-01-11",
        "to": "2026-01-20", "goal": 4, "reached": 2, "attained": 0.5, "elapsed": 0.5, "pace": 1,
        "state": "ahead",
    }  # fmt: skip
    assert (sale["reached"], sale["pace"], sale["state"]) == (0, None, "planned")
    table = runner.invoke(app, ["campaigns", "--rules", str(file), "--path", str(folder)]).output
    assert "newcomers" in table and "ahead" in table
    none = tmp_path / "none.toml"
    none.write_text("late_days = 14")
    answer = runner.invoke(app, ["campaigns", "--rules", str(none), "--path", str(folder)])
    assert answer.exit_code == 1 and "[campaigns.NAME]" in answer.output
