"""The alert rules and Alertmanager's configuration, by their own tools; and what these don't look at."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from sinks.metrics import STATES, SinkMetrics
from streams.alerts import SEVERITIES, AlertCollector, OpenAlerts
from streams.flow import STAGES
from streams.metrics import WorkerMetrics
from tests.alert_cases import WRITTEN, cases, made
from tests.alert_rules import CONFIG, REPO, Alert, alerts, load, rule_files, rules, table
from tests.prometheus_tools import PrometheusTools, prometheus_tools_fixture  # noqa: F401  a fixture

ALERTMANAGER = REPO / "dashboards/alertmanager/alertmanager.yml"
TEMPLATE = ALERTMANAGER.with_name("groupbeat.tmpl")
PAGE = REPO / "docs/alerts.md"

STAGE_NAMES = {stage.name for stage in STAGES}
FAMILIES = {path.stem for path in rule_files()} - {"recording"}

by_name = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)


def test_prometheus_takes_the_configuration(prometheus_tools: PrometheusTools) -> None:
    run = prometheus_tools.run(prometheus_tools.promtool, "check", "config", CONFIG)
    assert run.returncode == 0, run.stdout
    strict = ("--lint=all", "--lint-fatal")
    run = prometheus_tools.run(prometheus_tools.promtool, "check", "rules", *strict, *rule_files())
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_rules_fire_when_they_must_and_only_then(prometheus_tools: PrometheusTools, path: Path) -> None:
    run = prometheus_tools.run(prometheus_tools.promtool, "test", "rules", path)
    assert run.returncode == 0, run.stdout


def test_each_alert_of_the_stages_is_told_and_no_other(
    prometheus_tools: PrometheusTools, tmp_path: Path
) -> None:
    path = tmp_path / "groups.test.yml"
    path.write_text(yaml.safe_dump(made()))
    run = prometheus_tools.run(prometheus_tools.promtool, "test", "rules", path)
    assert run.returncode == 0, run.stdout


def test_alertmanager_takes_the_configuration(prometheus_tools: PrometheusTools, tmp_path: Path) -> None:
    run = prometheus_tools.run(prometheus_tools.amtool, "check-config", ALERTMANAGER)
    assert run.returncode == 0, run.stdout
    # The receivers that are commented out: of a comment, these lines alone begin with blanks.
    text, uncommented = re.subn(r"^#(?=  )", "", ALERTMANAGER.read_text("utf-8"), flags=re.MULTILINE)
    assert uncommented
    everything = tmp_path / "alertmanager.yml"
    everything.write_text(text)
    (tmp_path / TEMPLATE.name).write_text(TEMPLATE.read_text("utf-8"))
    run = prometheus_tools.run(prometheus_tools.amtool, "check-config", everything)
    assert run.returncode == 0, run.stdout
    assert {receiver["name"] for receiver in load(everything)["receivers"]} == {"webhook", "mail", "slack"}


def test_a_message_says_what_it_is_about(prometheus_tools: PrometheusTools, tmp_path: Path) -> None:
    labels = {"alertname": "GroupQuiet", "community_id": "runners", "severity": "warning"}
    one, two = (
        {
            "status": status,
            "labels": {**labels, "group_id": group},
            "annotations": {"summary": f"{group} is quiet", "description": "No post.", "runbook": "x.md#y"},
        }
        for group, status in (("g1", "firing"), ("g2", "resolved"))
    )
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"status": "firing", "alerts": [one, two], "commonLabels": labels}))
    shown = prometheus_tools.run(
        prometheus_tools.amtool, "template", "render", f"--template.glob={TEMPLATE}",
        '--template.text={{ template "groupbeat.title" . }}\n{{ template "groupbeat.text" . }}',
        f"--template.data={data}",
    )  # fmt: skip
    assert shown.stdout.strip() == (
        "[1 firing] GroupQuiet in runners\n"
        "g1 is quiet (warning)\nNo post.\nWhat to do: x.md#y\n\n"
        "Resolved: g2 is quiet (warning)\nNo post.\nWhat to do: x.md#y"
    )


def test_prometheus_loads_every_file_and_scrapes_both_processes() -> None:
    config = load(CONFIG)
    assert config["rule_files"] == [path.name for path in rule_files()]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    assert targets == {"groupbeat-worker": ["127.0.0.1:9101"], "groupbeat-sink": ["127.0.0.1:9102"]}


def test_every_alert_has_a_name_of_its_own() -> None:
    names = [alert.name for alert in alerts()]
    assert len(names) == len(set(names)) > 30


@by_name
def test_an_alert_says_how_bad_what_where_and_what_to_do(alert: Alert) -> None:
    assert alert.labels["severity"] in ("critical", "warning", "info")
    assert alert.labels["family"] == alert.file.stem
    assert set(alert.annotations) == {"summary", "description", "runbook"}
    description = alert.annotations["description"]
    if alert.about_groups:
        assert "community {{ $labels.community_id }}" in description
        assert ("group {{ $labels.group_id }}" in description.lower()) != (alert.name == "CommunitySilent")
    file, _, anchor = alert.annotations["runbook"].partition("#")
    assert anchor == alert.name.lower()
    sections = runbook_sections(REPO / file)
    assert alert.name in sections
    for part in ("Means", "Check", "Do"):
        assert re.search(rf"^\*\*{part}\*\*:\s\S", sections[alert.name], re.MULTILINE)


def test_runbooks_are_about_alerts_that_there_are() -> None:
    written = {
        name for path in (REPO / "dashboards/runbooks").glob("*.md") for name in runbook_sections(path)
    }
    assert written == {alert.name for alert in alerts()}


def runbook_sections(path: Path) -> dict[str, str]:
    """The text below each heading of the second level."""
    parts = re.split(r"^## (.+)$", path.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def exported() -> dict[str, set[str]]:
    """Every series of the worker and the sink by name, with its labels."""
    found: dict[str, set[str]] = {"up": set()}
    for metrics in (WorkerMetrics(), SinkMetrics()):
        for metric in vars(metrics).values():
            if isinstance(metric, MetricWrapperBase):
                family = next(iter(metric.describe()))
                suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
                for suffix in suffixes.get(family.type, [""]):
                    found[family.name + suffix] = set(metric._labelnames)
    return found | of_groups()


def of_groups() -> dict[str, set[str]]:
    """Those of the stage groups, as above."""
    collector = AlertCollector(1)
    collector.watch("groups", 0, lambda: OpenAlerts([("c", "g", "group_silence")], {"c": 1}, {"c": 1}))
    return {family.name: set(family.samples[0].labels) for family in collector.collect()}


def selectors(expr: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each metric of an expression with the labels that it is selected by and their values."""
    for name, _, inside in re.findall(r"\b(groupbeat[\w:]+|up)(?![\w:(])(\{([^}]*)\})?", expr):
        yield name, dict(re.findall(r'(\w+)\s*[!=]=?~?\s*"([^"]*)"', inside))


def test_rules_use_metrics_that_there_are() -> None:
    recorded = {rule["record"] for _, rule in rules() if "record" in rule}
    known = exported()
    used = set()
    for path, rule in rules():
        for name, labels in selectors(rule["expr"]):
            used.add(name)
            assert name in known or name in recorded, f"{path.name}: there is no metric {name}"
            if name in known:
                beyond = set(labels) - known[name] - {"job", "instance"}
                assert not beyond, f"{path.name}: {name} has no label {beyond}"
            for stage in labels.get("stage", "intake").split("|"):
                assert stage in STAGE_NAMES, f"{path.name}: there is no stage {stage}"
            assert set(labels.get("state", "ok").split("|")) <= set(STATES)
    assert used > recorded, "what is recorded is used"
    assert used > set(of_groups())


def test_every_rule_of_the_stages_has_one_alert_as_severe_as_it() -> None:
    told = [(alert.group_rule, alert.labels["severity"]) for alert in alerts() if alert.group_rule]
    assert sorted(told) == sorted(SEVERITIES.items())


def test_alerts_about_groups_can_all_be_held_back() -> None:
    for alert in alerts():
        used = {name for name, _ in selectors(alert.expr)}
        held_back = {"groupbeat:alert_open", "groupbeat:community_silent"}
        assert (used <= held_back) == alert.about_groups, alert.name


def test_alerts_are_held_back_by_alerts_that_there_are() -> None:
    names = {alert.name for alert in alerts()}
    found = 0
    for rule in load(ALERTMANAGER)["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            label, values = re.fullmatch(r'(\w+)[!=]=?~?"(.*)"', matcher).groups()  # type: ignore[union-attr]
            known = {"alertname": names, "family": FAMILIES, "stage": STAGE_NAMES}[label]
            assert set(values.split("|")) <= known
            found += 1
    assert found >= 9


@cache
def all_cases() -> list[dict[str, Any]]:
    """Every case, read once."""
    return cases(made())


@by_name
def test_an_alert_has_cases_that_fire_and_cases_that_must_not(alert: Alert) -> None:
    found = [case["exp_alerts"] for case in all_cases() if case["alertname"] == alert.name]
    assert any(found)
    assert not all(found)


def test_the_page_has_the_alerts_as_they_are() -> None:
    _, mark, rest = PAGE.read_text("utf-8").partition("<!-- made by: python -m tests.alert_rules -->\n")
    assert mark
    assert rest == table(), "put the output of `python -m tests.alert_rules` below the mark"
