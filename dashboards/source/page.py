"""A dashboard: its variables, its panels in order, and links to the others."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    VariableRefresh,
)

from dashboards.source.panels import Panel
from dashboards.source.targets import CLICKHOUSE, sql_text

TAG = "groupbeat"
Variable = dashboard.QueryVariable | dashboard.CustomVariable


def query_variable(name: str, about: str, sql: str) -> dashboard.QueryVariable:
    """A variable whose values a query gives, one at a time; the first is chosen at first."""
    variable = dashboard.QueryVariable(name).label(name.capitalize()).description(about)
    query: dict[str, object] = {"refId": name, "queryType": "sql", "rawSql": sql_text(sql)}
    return variable.datasource(CLICKHOUSE).query(query).refresh(VariableRefresh.ON_DASHBOARD_LOAD)


def choice_variable(name: str, about: str, values: Sequence[str]) -> dashboard.CustomVariable:
    """A variable with these values."""
    variable = dashboard.CustomVariable(name).label(name.capitalize()).description(about)
    return variable.values(",".join(values))


def community_variable() -> dashboard.QueryVariable:
    """Which community."""
    sql = "SELECT DISTINCT community_id FROM groups ORDER BY community_id"
    return query_variable("community", "The community that all panels are about", sql)


def group_variable() -> dashboard.QueryVariable:
    """Which of its groups, the largest first."""
    sql = "SELECT group_id FROM groups WHERE community_id = @community ORDER BY members DESC, group_id"
    return query_variable("group", "The group that the panels below the first are about", sql)


def page(
    name: str,
    title: str,
    about: str,
    panels: Sequence[Panel],
    variables: Sequence[Variable] = (),
    *,
    since: str = "now-90d",
    refresh: str = "5m",
) -> Dashboard:
    """The dashboard ``groupbeat-NAME``. Days are whole days of the data, so times are shown as UTC."""
    made = dashboard.Dashboard(f"groupbeat: {title}").uid(f"groupbeat-{name}").description(about)
    made.tags([TAG]).timezone("utc").time(since, "now").refresh(refresh).readonly()
    made.tooltip(DashboardCursorSync.CROSSHAIR)
    others = dashboard.DashboardLink("groupbeat").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    made.link(others.keep_time(True).include_vars(True).as_dropdown(True))
    for variable in variables:
        made.with_variable(variable)
    for number, panel in enumerate(panels, start=1):
        made.with_panel(panel.id(number))
    return made.build()
