"""Pictures for pages: SVG on white, in colours that all can tell apart, each thing named where it is."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import altair as alt
import vl_convert

Rows = Sequence[Sequence[Any]]

# From the bottom of the stack to its top: colours of area and name. Source: Okabe and Ito, "Color universal
# design", 2008.
STATES = {
    "active": ("#0072B2", "white"),
    "new": ("#56B4E9", "black"),
    "resurrected": ("#009E73", "white"),
    "join_and_stay": ("#E69F00", "black"),
    "silent": ("#F0E442", "black"),
    "lost": ("#C4C4C4", "black"),
}
VALUABLE, AGAIN, RELY = "#0072B2", "#56B4E9", "#D55E00"
ROOM = 0.03
"""A name needs so much of the picture's height, or it is left out."""
LETTER = 1.3
"""And so many weeks of its width a letter."""


class Picture(NamedTuple):
    """A chart in Vega-Lite, and a digest of what it shows."""

    chart: dict[str, Any]
    digest: str


class _Band(NamedTuple):
    day: str
    low: int
    high: int


def save(picture: Picture, file: Path) -> None:
    """Write the picture as SVG, with its digest at the end."""
    svg = vl_convert.vegalite_to_svg(picture.chart)
    file.write_text(f"{svg}\n<!-- {picture.digest} -->\n", "utf-8")


def lifecycle(panels: Mapping[str, Rows]) -> Picture:
    """Everybody by lifecycle segment, a panel for each set of rules. Rows: segment, day, people."""
    charts = [_stack(title, rows, first=number == 0) for number, (title, rows) in enumerate(panels.items())]
    return _picture(
        alt.hconcat(*charts, spacing=30, bounds="flush"), [list(map(list, rows)) for rows in panels.values()]
    )


def value(rows: Rows) -> Picture:
    """How many are valuable, and rely. Rows: day, valuable without a break so far, valuable, rely."""
    base = alt.Chart(_data({"day": str(d), "kept": k, "valuable": v, "rely": r} for d, k, v, r in rows))
    chart = alt.layer(
        base.mark_area(color=AGAIN).encode(x=_days(9), y=_people("valuable", first=True), y2="kept:Q"),
        base.mark_area(color=VALUABLE).encode(x="day:T", y="kept:Q"),
        base.mark_line(color=RELY, strokeWidth=2.5).encode(x="day:T", y="rely:Q"),
        _label("1997-04-02", 9_600, "valuable ever since", "white"),
        _label("1997-04-02", 8_300, "the first purchase", "white"),
        _label("1997-08-01", 6_000, "valuable again, after a lapse", "#1B6FA8", "left"),
        _label("1998-01-01", 2_500, "rely: two purchases within 90 days", "black", "left"),
    )
    return _picture(chart.properties(width=790, height=320), list(map(list, rows)))


def _stack(title: str, rows: Rows, *, first: bool) -> alt.LayerChart:
    bands = _bands(rows)
    areas = [{"state": state, **band._asdict()} for state, found in bands.items() for band in found]
    shades = alt.Scale(domain=list(STATES), range=[fill for fill, _ in STATES.values()])
    chart = (
        alt.Chart(_data(areas))
        .mark_area(stroke="white", strokeWidth=0.5)
        .encode(
            x=_days(6),
            y=_people("low", first=first),
            y2="high:Q",
            color=alt.Color("state:N", legend=None, scale=shades),
        )
    )
    return alt.LayerChart(layer=[chart, *_names(bands)], title=title, width=385, height=330)


def _bands(rows: Rows) -> dict[str, list[_Band]]:
    """Where each segment's area begins and ends on each day."""
    people = {(state, str(day)): int(count) for state, day, count in rows}
    heights: dict[str, int] = defaultdict(int)
    bands: dict[str, list[_Band]] = {state: [] for state in STATES}
    for state, found in bands.items():
        for day in sorted({day for _, day in people}):
            low = heights[day]
            heights[day] += people.get((state, day), 0)
            found.append(_Band(day, low, heights[day]))
    return bands


def _names(bands: Mapping[str, list[_Band]]) -> list[alt.Chart]:
    """Each segment's name, where there is most room for it."""
    everybody = max(band.high for found in bands.values() for band in found)
    labels = []
    for state, found in bands.items():
        half = math.ceil(LETTER * len(state) / 2)
        places = []
        for middle in range(half, len(found) - half):
            under = found[middle - half : middle + half + 1]
            low, high = max(band.low for band in under), min(band.high for band in under)
            places.append((high - low, found[middle].day, (low + high) / 2))
        room, day, height = max(places)
        if room >= ROOM * everybody:
            labels.append(_label(day, height, state, STATES[state][1]))
    return labels


def _label(
    day: str, people: float, text: str, color: str, align: Literal["left", "center"] = "center"
) -> alt.Chart:
    where = alt.Chart(_data([{"day": day, "people": people}]))
    mark = where.mark_text(text=text, color=color, align=align, baseline="middle", fontSize=12)
    named: alt.Chart = mark.encode(x="day:T", y="people:Q")
    return named


def _days(ticks: int) -> alt.X:
    return alt.X("day:T", title="end of the week", axis=alt.Axis(format="%b %Y", tickCount=ticks))


def _people(field: str, *, first: bool) -> alt.Y:
    ticks = list(range(0, 24_000, 4_000))
    axis = alt.Axis(format=",d", values=ticks, labels=first, ticks=first)
    return alt.Y(f"{field}:Q", title="customers" if first else None, axis=axis)


def _data(values: Iterable[Mapping[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=[dict(value) for value in values])


def _picture(chart: alt.TopLevelMixin, rows: object) -> Picture:
    shown = json.dumps(rows, default=str).encode()
    styled = chart.to_dict() | {"background": "white", "padding": 12}
    styled["config"] = {
        "font": "sans-serif",
        "axis": {"labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal", "gridOpacity": 0.4},
        "title": {"fontSize": 14, "anchor": "start", "frame": "group"},
        "view": {"stroke": None},
    }
    return Picture(styled, hashlib.sha256(shown).hexdigest())
