"""From where on a figure needs care: the bars of the stages' rules and of the alerts, no numbers of our own.

Panels show the defaults of `schemas.rules`: a dashboard cannot know what a ``rules.toml`` overrides.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import Threshold, ThresholdsMode

from schemas.rules import Rules

RULES = Rules()
FINE = "blue"
CARE = "orange"
"""Told apart by people who don't tell red from green."""

_ALERT_RULES = Path(__file__).parent.parent / "prometheus"


def _steps(*steps: Threshold) -> ThresholdsConfig:
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(list(steps))


def none() -> ThresholdsConfig:
    """For a figure that no rule judges."""
    return _steps(Threshold(None, FINE))


def care_from(value: float) -> ThresholdsConfig:
    """To care about from this value on."""
    return _steps(Threshold(None, FINE), Threshold(value, CARE))


def care_below(value: float) -> ThresholdsConfig:
    """To care about below this value."""
    return _steps(Threshold(None, CARE), Threshold(value, FINE))


def alert_bar(rule: str, figure: str) -> float:
    """The number that `figure` is compared with in a Prometheus rule, an alert or a recorded one."""
    found = re.search(re.escape(figure) + r"\s*>\s*([0-9.]+)", _expressions()[rule])
    if found is None:
        raise ValueError(f"rule {rule} compares {figure!r} with no number")
    return float(found[1])


@cache
def _expressions() -> dict[str, str]:
    """The expression of each Prometheus rule, by its name."""
    found = {}
    for path in sorted(_ALERT_RULES.glob("*.yml")):
        content: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        for group in content.get("groups", []):
            for rule in group["rules"]:
                found[rule.get("alert") or rule["record"]] = rule["expr"]
    return found
