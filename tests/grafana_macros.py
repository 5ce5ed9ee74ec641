"""A panel's SQL as the ClickHouse plugin sends it: variables filled in, macros expanded.

Macros: https://grafana.com/docs/plugins/grafana-clickhouse-datasource/latest/query-editor/#macros, of version
4 of the plugin. Formats of variables, which Grafana fills in before the plugin looks for macros:
https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/. Only what the dashboards use is
known here; all else is an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

_VARIABLE = re.compile(r"\$\{(\w+):(\w+)\}")
_MACRO = re.compile(r"\$__(\w+)(?:\(([^()]*)\))?")


@dataclass(frozen=True)
class TimeRange:
    """What the time picker says, and the interval that Grafana makes of it and the width of the panel."""

    start: datetime
    end: datetime
    interval_s: int


def expanded(sql: str, variables: Mapping[str, str], times: TimeRange) -> str:
    """SQL that ClickHouse reads. A variable without a value stays as it is, as in Grafana."""
    filled = _VARIABLE.sub(lambda found: _value(found, variables), sql)
    done = _MACRO.sub(lambda found: _macro(found[1], found[2], times), filled)
    if "$" in _VARIABLE.sub("", done):
        raise ValueError(f"something of Grafana's is left in:\n{done}")
    return done


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, form = found.groups()
    if form != "percentencode":
        raise ValueError(f"{found[0]}: {form} is not safe in SQL of ClickHouse")
    # encodeURIComponent, and !'()* too: what Grafana does, and Python's quote without anything safe.
    return quote(variables[name], safe="") if name in variables else found[0]


def _macro(name: str, argument: str | None, times: TimeRange) -> str:
    start, end = (f"toDateTime({moment.timestamp():.0f})" for moment in (times.start, times.end))
    if argument is None:
        known = {"fromTime": start, "toTime": end, "interval_s": str(times.interval_s)}
    else:
        first, last = (f"toDate('{moment.astimezone(UTC):%Y-%m-%d}')" for moment in (times.start, times.end))
        known = {
            "timeFilter": f"{argument} >= {start} AND {argument} <= {end}",
            "dateFilter": f"{argument} >= {first} AND {argument} <= {last}",
            "timeInterval": f"toStartOfInterval(toDateTime({argument}), INTERVAL {times.interval_s} second)",
        }
    if name not in known:
        raise ValueError(f"no macro $__{name} with {'no' if argument is None else 'an'} argument")
    return known[name]
