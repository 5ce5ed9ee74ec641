"""Alerts open and resolve: bits in the group, and a row for each change."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.compiled import Integer, compiled
from streams.groups.state import ALERTS, OPENED, RESOLVED, ROWS, Moves

Group = Any
"""One row of `GROUP`."""
Alert = Any
"""One row of `ALERT`, to put evidence in."""


@compiled
def is_open(group: Group, rule: Integer) -> bool:
    """Whether an alert is open."""
    return bool(np.int64(group["open"]) >> rule & 1)


@compiled
def _add(moves: Moves, index: Integer, rule: Integer, change: int, at: Integer, base: Integer) -> Alert:
    cursor = moves.cursor
    alert = moves.alerts[cursor[ALERTS]]
    alert["position"] = base + cursor[ROWS]
    alert["row"] = index
    alert["rule"] = rule
    alert["change"] = change
    alert["at"] = at
    for i in range(len(alert["x"])):
        alert["x"][i] = 0.0
    cursor[ALERTS] += 1
    cursor[ROWS] += 1
    return alert


@compiled
def open_alert(
    moves: Moves, group: Group, index: Integer, rule: Integer, at: Integer, base: Integer
) -> Alert:
    """An alert opens; its row, for the evidence."""
    group["open"] = np.int64(group["open"]) | (np.int64(1) << rule)
    group["opened_at"][rule] = at
    alert = _add(moves, index, rule, OPENED, at, base)
    alert["opened_at"] = at
    return alert


@compiled
def resolve_alert(
    moves: Moves, group: Group, index: Integer, rule: Integer, at: Integer, base: Integer
) -> Alert:
    """An alert that is open resolves; its row, for the evidence."""
    group["open"] = np.int64(group["open"]) & ~(np.int64(1) << rule)
    alert = _add(moves, index, rule, RESOLVED, at, base)
    alert["opened_at"] = group["opened_at"][rule]
    return alert
