"""The charts of a review: small SVGs in the colours of the page, each with its figures as a text alternative.

They are drawn here and not by a library of charts: so they follow the page into dark and onto paper, stay
readable on a phone, and need nothing installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streams.review.markup import Markup, attribute, plain
from streams.review.sentences import number

WIDE = 310
"""As wide as a phone shows them, so that letters keep their size."""
LETTER = 8.0
"""So wide is a letter at most, on average, in the fonts that there are."""
ROW = 26


class Bar(NamedTuple):
    """A bar of a chart of rows: what it is called, where it begins and ends, and what stands beside it."""

    label: str
    start: float
    end: float
    text: str
    kind: str
    """Its class: now, before, past, plus or minus."""


def columns(labels: Sequence[str], values: Sequence[float], title: str) -> Markup:
    """A column a period, the last two told apart from those before."""
    high, top, bottom = 92, 18, 74
    step = WIDE / max(len(values), 6)
    most = max(*values, 1)
    left = WIDE - step * len(values)
    parts = [f'<line class="axis" x1="0" x2="{WIDE}" y1="{bottom + 0.5}" y2="{bottom + 0.5}"/>']
    tops = []
    for place, value in enumerate(values):
        kind = {len(values) - 1: "now", len(values) - 2: "before"}.get(place, "past")
        x, tall = left + place * step, (bottom - top) * value / most
        if value:
            tall = max(tall, 1.5)
        parts.append(_rect(kind, x + step * 0.12, bottom - tall, step * 0.76, tall))
        tops.append((x + step / 2, bottom - tall - 5))
    # The numbers of the last two; the highest one, where it is not beside them.
    told = [len(values) - 1, *([len(values) - 2] if len(values) > 1 else [])]
    told += [values.index(most)] if most in values[:-4] else []
    right = float(WIDE)
    for place in told:
        half = len(short(values[place])) * LETTER / 2
        x = min(tops[place][0], right - half)
        parts.append(_text(max(x, half), tops[place][1], short(values[place]), "middle"))
        right = x - half - 3
    parts.append(_text(WIDE - 2, high - 3, labels[-1], "end", "soft"))
    if WIDE - left > (len(labels[0]) + len(labels[-1])) * LETTER:
        parts.append(_text(left + 2, high - 3, labels[0], "start", "soft"))
    says = ", ".join(f"{label} {number(value)}" for label, value in zip(labels, values, strict=True))
    return _svg(high, parts, f"{title}: {says}")


def days(now: Sequence[int], before: Sequence[int], title: str, names: tuple[str, str]) -> Markup:
    """A column a day of a period, over it the one before as a line."""
    high, top, bottom = 150, 14, 128
    step = WIDE / max(len(now), len(before))
    most = max(*now, *before, 1)
    parts = [f'<line class="axis" x1="0" x2="{WIDE}" y1="{bottom + 0.5}" y2="{bottom + 0.5}"/>']
    for place, value in enumerate(now):
        tall = (bottom - top) * value / most
        parts.append(_rect("now", (place + 0.14) * step, bottom - tall, 0.72 * step, tall))
    path = ""
    for place, value in enumerate(before):
        y = bottom - (bottom - top) * value / most
        path += f"{'L' if path else 'M'}{place * step:.1f} {y:.1f}H{(place + 1) * step:.1f}"
    parts.append(f'<path class="trace" d="{path}"/>')
    parts.append(_text(2, top - 3, f"{most:,} people", "start", "soft"))
    for place in sorted({0, len(now) // 2, len(now) - 1}):
        parts.append(
            _text((place + 0.5) * step, high - 6, f"day {place + 1}", _anchor(place, len(now)), "soft")
        )
    told = f"{names[0]}: {', '.join(map(str, now))}; {names[1]}: {', '.join(map(str, before))}"
    return _svg(high, parts, f"{title}. {told}")


def rows(bars: Sequence[Bar], title: str, *, pair: bool = False) -> Markup:
    """A bar a row from `start` to `end`, which may be below 0. In pairs, two rows of a label are close."""
    lowest = min(0.0, *(min(bar.start, bar.end) for bar in bars))
    most = max(*(max(bar.start, bar.end) for bar in bars), lowest + 1)
    letters = min(18, max(len(bar.label) for bar in bars))
    labels = letters * LETTER + 10
    texts = max(len(bar.text) for bar in bars) * LETTER + 10
    room = WIDE - labels - texts - (texts if lowest < 0 else 0)
    zero = labels + (texts if lowest < 0 else 0) - room * lowest / (most - lowest)
    scale = room / (most - lowest)
    parts, y, shown = [], 4.0, ""
    for bar in bars:
        new = not pair or bar.label != shown
        if new and pair and shown:
            y += 8
        tall = 14 if pair else 18
        start, end = sorted((bar.start, bar.end))
        left, right = zero + start * scale, zero + end * scale
        if new:
            parts.append(_text(labels - 8, y + (19 if pair else 13), _cut(bar.label), "end"))
        parts.append(_rect(bar.kind, left, y, max(right - left, 1.5), tall))
        below = bar.end < 0
        parts.append(
            _text(left - 5 if below else right + 6, y + tall - 3, bar.text, "end" if below else "start")
        )
        shown = bar.label
        y += tall + 2 if pair else ROW
    parts.insert(0, f'<line class="axis" x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="{y:.0f}"/>')
    told = ", ".join(f"{bar.label} {bar.text}" + (f" ({bar.kind})" if pair else "") for bar in bars)
    return _svg(y + 2, parts, f"{title}: {told}")


def short(value: float) -> str:
    """A number in few letters."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:,.1f}M"
    return f"{value / 1e3:,.0f}k" if abs(value) >= 1e4 else f"{value:,.0f}"


def _svg(high: float, parts: Iterable[str], told: str) -> Markup:
    inside = "".join(parts)
    return Markup(
        f'<svg role="img" aria-label="{attribute(told)}" viewBox="0 0 {WIDE} {high:.0f}">{inside}</svg>'
    )


def _rect(kind: str, x: float, y: float, wide: float, tall: float) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" rx="1.5"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{plain(text)}</text>'


def _cut(text: str) -> str:
    return text if len(text) <= 18 else f"{text[:17]}\N{HORIZONTAL ELLIPSIS}"


def _anchor(place: int, count: int) -> str:
    return "start" if place == 0 else "end" if place == count - 1 else "middle"
