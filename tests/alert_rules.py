"""The alert rules as they are shipped, read for tests, and as a table for docs/alerts.md.

``python -m tests.alert_rules`` prints the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).parent.parent
PROMETHEUS = REPO / "dashboards/prometheus"
CONFIG = PROMETHEUS / "prometheus.yml"
_TEMPLATE = re.compile(r"\{\{ \$labels\.(\w+) \}\}")
_ALERT_OPEN = re.compile(r'groupbeat:alert_open\{rule="(\w+)"\}')


@dataclass(frozen=True)
class Alert:
    """One alert rule."""

    file: Path
    name: str
    expr: str
    wait: str
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def about_groups(self) -> bool:
        """Whether it is about groups and their people, not about the pipeline."""
        return self.labels.get("family") != "pipeline"

    @property
    def group_rule(self) -> str | None:
        """The rule of the stages whose alert it tells, if it tells one of a group."""
        match = _ALERT_OPEN.fullmatch(self.expr)
        return match[1] if match else None

    def told(self, **labels: str) -> dict[str, str]:
        """The annotations as they are told with these labels, where they have nothing else to fill in."""
        return {
            name: _TEMPLATE.sub(lambda match: labels[match[1]], text)
            for name, text in self.annotations.items()
        }


def rule_files() -> list[Path]:
    """Every file of rules, in the order in which Prometheus is told of them."""
    order = load(CONFIG)["rule_files"]
    found = sorted(path for path in PROMETHEUS.glob("*.yml") if path != CONFIG)
    return sorted(found, key=lambda path: order.index(path.name) if path.name in order else len(order))


def load(path: Path) -> Any:
    """A file of YAML."""
    return yaml.safe_load(path.read_text("utf-8"))


def rules() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every rule, recorded or alerting, with its file."""
    for path in rule_files():
        for group in load(path)["groups"]:
            yield from ((path, rule) for rule in group["rules"])


def alerts() -> list[Alert]:
    """Every alert rule, file by file."""
    return [
        Alert(
            path, rule["alert"], rule["expr"], rule.get("for", "0s"),
            rule.get("labels", {}), rule.get("annotations", {}),
        )
        for path, rule in rules()
        if "alert" in rule
    ]  # fmt: skip


def table() -> str:
    """The alerts, as a table of Markdown for a page in docs/."""
    lines = ["| alert | severity | says | after | file |", "|---|---|---|---|---|"]
    for alert in alerts():
        says = _TEMPLATE.sub(r"*\1*", alert.annotations["summary"])
        runbook = f"../{alert.annotations['runbook']}"
        wait = "at once" if alert.wait == "0s" else alert.wait
        severity = alert.labels["severity"]
        lines.append(f"| [{alert.name}]({runbook}) | {severity} | {says} | {wait} | `{alert.file.name}` |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
