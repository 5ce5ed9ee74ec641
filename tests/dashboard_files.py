"""The dashboards as Grafana gets them, read for tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.make import FOLDER

CLICKHOUSE = "grafana-clickhouse-datasource"


@dataclass(frozen=True)
class Panel:
    """One panel of a dashboard, as its JSON has it."""

    dashboard: str
    json: dict[str, Any]

    @property
    def title(self) -> str:
        """Its question."""
        return str(self.json["title"])

    @property
    def kind(self) -> str:
        """Its type: stat, timeseries, table, barchart or heatmap."""
        return str(self.json["type"])

    @property
    def target(self) -> dict[str, Any]:
        """What it asks; each asks one thing."""
        (only,) = self.json["targets"]
        found: dict[str, Any] = only
        return found

    @property
    def defaults(self) -> dict[str, Any]:
        """How all of its fields are shown."""
        found: dict[str, Any] = self.json["fieldConfig"]["defaults"]
        return found

    @property
    def named_columns(self) -> list[str]:
        """The columns that it shows in a way of their own."""
        overrides = self.json["fieldConfig"]["overrides"]
        return [each["matcher"]["options"] for each in overrides if each["matcher"]["id"] == "byName"]


def boards() -> dict[str, dict[str, Any]]:
    """Each dashboard by the name of its file."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def panels(kind: str | None = None) -> list[Panel]:
    """Every panel, or those that ask a data source of this type."""
    found = [Panel(name, panel) for name, board in boards().items() for panel in board["panels"]]
    return [panel for panel in found if kind in (None, panel.target["datasource"]["type"])]


def query_variables() -> Iterator[tuple[str, str, str]]:
    """Each variable that is asked for: its dashboard, its name, its SQL."""
    for name, board in boards().items():
        for variable in board["templating"].get("list", []):
            if variable["type"] == "query":
                yield name, variable["name"], variable["query"]["rawSql"]
