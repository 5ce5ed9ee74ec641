"""promtool's cases: those written by hand in tests/alerts/, and those made for the rules of the stages.

The alerts about single groups differ only in their rule, severity and words, so their cases are made: each
is told of its own rule and of no other, at once, in its own words, and resolves; none opens while the
pipeline is behind. What is to be told comes from `SEVERITIES` and from the annotations.
"""

from __future__ import annotations

from typing import Any

from schemas.chain_tables import CONTENT_ALERT_RULES
from streams.alerts import SEVERITIES
from tests.alert_rules import REPO, Alert, alerts, load, rule_files

WRITTEN = sorted((REPO / "tests/alerts").glob("*.test.yml"))

COMMUNITY = "runners"


def made() -> dict[str, Any]:
    """The made cases, as a test file of promtool."""
    told = [alert for alert in alerts() if alert.group_rule]
    return {
        "rule_files": [str(path) for path in rule_files()],
        "evaluation_interval": "1m",
        "group_eval_order": [group["name"] for path in rule_files() for group in load(path)["groups"]],
        "tests": [
            {
                "name": "each is told of its own rule, at once, and resolves",
                "interval": "1m",
                "input_series": [_series(rule, "_x5 1x60 stale") for rule in SEVERITIES],
                "alert_rule_test": [
                    case
                    for alert in told
                    for case in (_case(alert, "4m"), _case(alert, "5m", fires=True), _case(alert, "66m"))
                ],
            },
            {
                "name": "none opens while the pipeline is behind",
                "interval": "1m",
                "input_series": [
                    {
                        "series": 'groupbeat_clock_age_seconds{stage="groups", partition="0"}',
                        "values": "400x60",
                    },
                    *(_series(rule, "1x60") for rule in SEVERITIES),
                ],
                "alert_rule_test": [_case(alert, "40m") for alert in told],
            },
        ],
    }


def cases(extra: dict[str, Any]) -> list[dict[str, Any]]:
    """Every case of an alert: those written and those of the test file `extra`."""
    return [
        case
        for file in (*map(load, WRITTEN), extra)
        for test in file["tests"]
        for case in test.get("alert_rule_test", [])
    ]


def _series(rule: str, values: str) -> dict[str, str]:
    """The gauge of an open alert of a rule in a group of its own, as a worker exports it."""
    labels = {
        **_labels(rule),
        "severity": SEVERITIES[rule], "instance": "127.0.0.1:9101", "job": "groupbeat-worker",
    }  # fmt: skip
    inside = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    return {"series": f"groupbeat_alert_active{{{inside}}}", "values": values}


def _case(alert: Alert, at: str, *, fires: bool = False) -> dict[str, Any]:
    rule = alert.group_rule or ""
    labels = _labels(rule)
    expected = {
        "exp_labels": {**labels, "severity": SEVERITIES[rule], "family": alert.file.stem},
        "exp_annotations": alert.told(**labels),
    }
    return {"eval_time": at, "alertname": alert.name, "exp_alerts": [expected] if fires else []}


def _labels(rule: str) -> dict[str, str]:
    """A group of its own; and a content, if the rule is about contents (a group's is empty: no label)."""
    content = {"content_id": "c-7"} if rule in CONTENT_ALERT_RULES else {}
    return {"rule": rule, "community_id": COMMUNITY, "group_id": f"of-{rule}", **content}
