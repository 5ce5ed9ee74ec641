"""The dashboards: JSON is what the code gives, each panel says what it shows, Prometheus reads its part."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards import make
from dashboards.source.thresholds import alert_bar
from schemas.rules import Rules
from schemas.tables import TABLES
from sinks.migrate import VIEWS
from tests.alert_rules import alerts, rules
from tests.dashboard_files import CLICKHOUSE, Panel, boards, panels, query_variables
from tests.prometheus_tools import PrometheusTools, prometheus_tools_fixture  # noqa: F401  a fixture
from tests.test_alerts import exported, selectors

PROVISIONING = make.FOLDER / "provisioning"
every_panel = pytest.mark.parametrize("panel", panels(), ids=lambda p: f"{p.dashboard}: {p.title}")
PROMQL = panels("prometheus")


def test_the_json_is_what_the_code_gives() -> None:
    there = {path.name: path.read_text("utf-8") for path in make.FOLDER.glob("*.json")}
    assert there == make.written(), "python -m dashboards.make"


def test_main_writes_them_and_removes_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "of-old.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("kept")
    monkeypatch.setattr(make, "FOLDER", tmp_path)
    make.main()
    assert {path.name for path in tmp_path.iterdir()} == {*make.written(), "notes.txt"}


def test_there_are_the_five_dashboards_each_with_a_uid_of_its_own() -> None:
    found = boards()
    assert set(found) == {"community", "people", "groups", "content", "pipeline"}
    assert [board["uid"] for board in found.values()] == [f"groupbeat-{name}" for name in found]


def test_variables() -> None:
    assert {(name, variable) for name, variable, _ in query_variables()} == {
        *((name, "community") for name in ("community", "people", "groups", "content")),
        ("groups", "group"),
        ("content", "content"),
    }
    for board in boards().values():  # the SQL of panels compares with one value
        assert not any(
            each.get("multi") or each.get("includeAll") for each in board["templating"].get("list", [])
        )


@every_panel
def test_a_panel_is_a_question_with_what_it_takes_to_read_the_answer(panel: Panel) -> None:
    assert re.fullmatch(r"[A-Z].*\?", panel.title)
    assert len(panel.json["description"]) > 20
    assert panel.json["description"].endswith(".")
    assert panel.defaults["unit"]
    assert panel.defaults["thresholds"]["steps"][0]["value"] is None
    assert panel.json["datasource"] == panel.target["datasource"]


@every_panel
def test_a_panel_names_views_and_alerts_that_there_are(panel: Panel) -> None:
    about, asked = panel.json["description"], panel.target.get("rawSql", "")
    named = re.findall(r"\b(?:View|Table) ([a-z_]+)((?:, [a-z_0-9]+(?=[,. ]))*)", about)
    views = {word for first, more in named for word in [first, *more.split(", ")] if word}
    known = {path.stem for path in VIEWS.glob("*.sql")} | set(TABLES)
    assert views <= known
    assert bool(views) == (panel.target["datasource"]["type"] == CLICKHOUSE)
    assert all(re.search(rf"\b{view}\b", asked) for view in views)
    assert set(re.findall(r"Groupbeat\w+", about)) <= {alert.name for alert in alerts()}
    for page in re.findall(r"\b(?:docs|dashboards)/[\w/.-]+\.md", about):
        assert (make.FOLDER.parent.parent / page).is_file(), page


@pytest.mark.parametrize("name", boards())
def test_panels_fill_lines_without_lying_on_each_other(name: str) -> None:
    found = boards()[name]["panels"]
    cells = Counter(
        (x, y)
        for panel in found
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    )
    assert max(cells.values()) == 1
    assert max(x for x, _ in cells) < 24
    assert len(cells) == 24 * (1 + max(y for _, y in cells)), "there is a hole"
    assert [panel["id"] for panel in found] == list(range(1, len(found) + 1))
    titles = [panel["title"] for panel in found]
    assert len(titles) == len(set(titles))


def steps(dashboard: str, title: str) -> list[Any]:
    (panel,) = [each for each in panels() if (each.dashboard, each.title) == (dashboard, title)]
    return [step["value"] for step in panel.defaults["thresholds"]["steps"]]


def test_bars_are_those_of_the_rules() -> None:
    rule = Rules()
    for title, value in {
        "How long has nobody posted?": rule.silence.min_hours * 3600,
        "How soon is a topic answered?": rule.groups.answer_minutes * 60,
        "How many members take part?": rule.health.participation_full,
        "How many newcomers are gone early?": rule.symptoms.early_part,
        "How much of the talk is by staff?": rule.symptoms.staff_part,
        "How many staff posts are heard?": pytest.approx(1 - rule.symptoms.unheard_part),
        "How many posts are ads?": rule.symptoms.ads_part,
        "Do benefits still move people?": rule.symptoms.lift,
    }.items():
        assert steps("groups", title) == [None, value], title


def test_bars_of_the_pipeline_are_those_of_its_alerts() -> None:
    told = {rule.get("alert") or rule["record"]: rule["expr"] for _, rule in rules()}
    for title, name in {
        "How long does the work that waits take?": "groupbeat:pipeline_behind",
        "How old are the clocks?": "groupbeat:pipeline_behind",
        "How long ago was the last checkpoint?": "GroupbeatCommitsStalled",
        "How long does a checkpoint take?": "GroupbeatCheckpointsSlow",
        "Which share of events is refused?": "GroupbeatManyRejected",
    }.items():
        first, bar = steps("pipeline", title)
        assert first is None
        assert f"> {bar:g}" in told[name], title
    with pytest.raises(ValueError, match="compares 'up' with no number"):
        alert_bar("GroupbeatWorkerDown", "up")


def test_what_is_provisioned_is_what_panels_ask() -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources/groupbeat.yml").read_text("utf-8"))["datasources"]
    there = {(source["type"], source["uid"]) for source in sources}
    asked = [panel.target["datasource"] for panel in panels()]
    assert {(source["type"], source["uid"]) for source in asked} == there
    (clickhouse,) = [source for source in sources if source["type"] == CLICKHOUSE]
    assert clickhouse["jsonData"]["username"] == "reader"
    assert clickhouse["secureJsonData"]["password"].startswith("$__file{"), "a secret is no text in a file"
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards/groupbeat.yml").read_text("utf-8"))["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)


def expr(panel: Panel) -> str:
    return str(panel.target["expr"]).replace("$__rate_interval", "5m")


@pytest.mark.parametrize("panel", PROMQL, ids=lambda panel: panel.title)
def test_expressions_use_metrics_that_there_are(panel: Panel) -> None:
    recorded = {rule["record"] for _, rule in rules() if "record" in rule}
    known = exported()
    used = list(selectors(expr(panel)))
    assert used
    for name, labels in used:
        assert name in known or name in recorded
        if name in known:
            assert set(labels) <= known[name] | {"job", "instance"}
    assert set(re.findall(r"{{(\w+)}}", panel.target["legendFormat"])) <= set(
        re.findall(r"\bby \((\w+)\)", expr(panel)) or ["stage"]
    )
    assert panel.target.get("instant", False) == (panel.kind == "stat")


def test_prometheus_reads_the_expressions(prometheus_tools: PrometheusTools, tmp_path: Path) -> None:
    made = [{"record": f"panel:{n}", "expr": expr(panel)} for n, panel in enumerate(PROMQL)]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": made}]}))
    run = prometheus_tools.run(prometheus_tools.promtool, "check", "rules", path)
    assert run.returncode == 0, run.stdout
    assert f"{len(made)} rules found" in run.stdout
