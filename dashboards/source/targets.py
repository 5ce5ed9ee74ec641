"""What a panel asks: SQL through the ClickHouse plugin, or PromQL.

In SQL, ``@community`` stands for the value of the dashboard's variable of that name. The value itself is
never pasted into it: ids are texts that any app may send. Grafana's formats for SQL (`sqlstring`,
`singlequote`) leave a backslash alone, and ClickHouse would take it for an escape of the quote that follows.
So the value comes percent-encoded, with neither quote nor backslash nor dollar, and ClickHouse decodes it.
"""

from __future__ import annotations

import re
from typing import Literal

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

CLICKHOUSE = DataSourceRef("grafana-clickhouse-datasource", "groupbeat-clickhouse")
PROMETHEUS = DataSourceRef("prometheus", "groupbeat-prometheus")
"""The data sources as ``dashboards/grafana/provisioning/datasources/`` names them."""

PLUGIN_VERSION = "4.0.0"
"""The plugin takes a query without one, or with an older one, for that of a version before 4."""

QueryType = Literal["table", "timeseries"]
_FORMATS: dict[QueryType, int] = {"timeseries": 0, "table": 1}


def value_of(variable: str) -> str:
    """The value of a variable, as an expression of SQL."""
    return f"decodeURLComponent('${{{variable}:percentencode}}')"


def sql_text(text: str, **parts: str) -> str:
    """SQL as Grafana gets it, from SQL with ``@variables`` and ``{parts}``, which are ours."""
    filled = text.strip().format(**parts)
    return re.sub(r"@(\w+)", lambda found: value_of(found[1]), filled)


class SqlQuery(Dataquery):
    """One query of the ClickHouse plugin, version 4: the foundation SDK has none."""

    def __init__(self, sql: str, query_type: QueryType) -> None:
        self.sql = sql
        self.query_type = query_type

    def to_json(self) -> dict[str, object]:
        """As the plugin keeps it in a dashboard."""
        return {
            "refId": "A",
            "datasource": CLICKHOUSE.to_json(),
            "pluginVersion": PLUGIN_VERSION,
            "editorType": "sql",
            "queryType": self.query_type,
            "format": _FORMATS[self.query_type],
            "rawSql": self.sql,
        }


class Sql(Builder[Dataquery]):
    """SQL for a panel, as `sql_text` takes it. A `timeseries` has a column `time` first, in its order."""

    source = CLICKHOUSE

    def __init__(self, sql: str, query_type: QueryType = "table", **parts: str) -> None:
        self._query = SqlQuery(sql_text(sql, **parts), query_type)

    def build(self) -> Dataquery:
        """The query."""
        return self._query


class PromQL(Builder[Dataquery]):
    """An expression for a panel; `legend` names a series by its labels."""

    source = PROMETHEUS

    def __init__(self, expr: str, legend: str = "", *, instant: bool = False) -> None:
        query = prometheus.Dataquery().ref_id("A").datasource(PROMETHEUS).expr(expr).legend_format(legend)
        self._query = query.instant() if instant else query.range()

    def build(self) -> Dataquery:
        """The query."""
        return self._query.build()


Asked = Sql | PromQL
