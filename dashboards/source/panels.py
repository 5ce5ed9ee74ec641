"""The kinds of panels: each is a question with its description, its unit and its bars.

What a kind needs of a query: a `stat` one number; a `series` a column `time` and numbers, or `time`, a text
and one number; `bars` a text and numbers; a `heat_map` a column `time` and a number for each row; a `table`
anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from grafana_foundation_sdk.builders import barchart, common, dashboard, heatmap, stat, table, timeseries
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    StackingMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
)

from dashboards.source import thresholds
from dashboards.source.targets import Asked

Panel = stat.Panel | table.Panel | timeseries.Panel | barchart.Panel | heatmap.Panel
P = TypeVar("P", stat.Panel, table.Panel, timeseries.Panel, barchart.Panel, heatmap.Panel)
Bars = dashboard.ThresholdsConfig
COLOR_TEXT = {"type": "color-text"}
COLOR_CELL = {"type": "color-background", "mode": "basic"}


@dataclass(frozen=True)
class Question:
    """What every panel has. `width` is of 24 columns, `height` in rows of about 30 pixels."""

    title: str
    about: str
    asked: Asked
    unit: str
    bars: Bars = field(default_factory=thresholds.none)
    width: int = 12
    height: int = 8
    decimals: int | None = None


@dataclass(frozen=True)
class Column:
    """How a column of a table is shown, where it is not shown as the table's others. `link` goes to a URL."""

    unit: str | None = None
    bars: Bars | None = None
    link: str | None = None
    width: int | None = None

    def properties(self) -> list[DynamicConfigValue]:
        """As Grafana has them in an override."""
        found = []
        if self.unit:
            found.append(DynamicConfigValue("unit", self.unit))
        if self.bars:
            found.append(DynamicConfigValue("thresholds", self.bars.build()))
            found.append(DynamicConfigValue("custom.cellOptions", COLOR_TEXT))
        if self.link:
            found.append(DynamicConfigValue("links", [{"title": "Look into it", "url": self.link}]))
        if self.width:
            found.append(DynamicConfigValue("custom.width", self.width))
        return found


def stat_panel(question: Question) -> stat.Panel:
    """One number."""
    return _asked(stat.Panel(), question).graph_mode(BigValueGraphMode.NONE)


def series_panel(question: Question, *, bars: bool = False, stacked: bool = False) -> timeseries.Panel:
    """Lines, or bars, over time. A bar of a rule is a dashed line."""
    panel = _asked(timeseries.Panel(), question)
    panel.draw_style(GraphDrawStyle.BARS if bars else GraphDrawStyle.LINE)
    panel.fill_opacity(60 if bars or stacked else 0).color_scheme(_color(FieldColorModeId.PALETTE_CLASSIC))
    if stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if len(question.bars.build().steps) > 1:
        style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        panel.thresholds_style(style)
    return panel


def bars_panel(question: Question, by: str) -> barchart.Panel:
    """A bar, or one for each number, for each value of the column `by`."""
    panel = _asked(barchart.Panel(), question).x_field(by).orientation(VizOrientation.HORIZONTAL)
    return panel.show_value(VisibilityMode.AUTO).color_scheme(_color(FieldColorModeId.PALETTE_CLASSIC))


def table_panel(question: Question, columns: Mapping[str, Column] | None = None) -> table.Panel:
    """Rows, with the columns that are shown in a way of their own."""
    panel = _asked(table.Panel(), question)
    for name, column in (columns or {}).items():
        panel.override_by_name(name, column.properties())
    return panel


def shaded_table(question: Question) -> table.Panel:
    """A table whose numbers are cells of a heat map: the higher the darker."""
    panel = table_panel(question).color_scheme(_color(FieldColorModeId.CONTINUOUS_BLUES))
    return panel.override_by_field_type("number", [DynamicConfigValue("custom.cellOptions", COLOR_CELL)])


def matrix_panel(question: Question, *, rows: str, columns: str, value: str) -> table.Panel:
    """A shaded table that Grafana makes of three columns: a row and a column for each of their values."""
    options = {"rowField": rows, "columnField": columns, "valueField": value}
    return shaded_table(question).with_transformation(
        DataTransformerConfig("groupingToMatrix", options=options)
    )


def heat_map_panel(question: Question) -> heatmap.Panel:
    """Time across, the columns of the query upwards, in their order."""
    scheme = (
        heatmap.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME).scheme("Blues").steps(16)
    )
    panel = _asked(heatmap.Panel(), question).calculate(False).color(scheme)
    cells = heatmap.CellValues().unit(question.unit)
    return panel.cell_values(cells).cell_gap(1).show_color_scale(True)


def _asked(panel: P, question: Question) -> P:
    panel.title(question.title).description(question.about).unit(question.unit)
    panel.datasource(question.asked.source).with_target(question.asked)
    panel.thresholds(question.bars).span(question.width).height(question.height).no_value("none")
    if question.decimals is not None:
        panel.decimals(question.decimals)
    return panel


def _color(mode: FieldColorModeId) -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(mode)
