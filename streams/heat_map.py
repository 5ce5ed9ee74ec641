"""A week as a small heat map for the terminal, readable without colour: a row a day, a cell an hour."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHADES = "░▒▓█"
NONE = "·"
LABELLED_HOURS = 3


def heat_map(week: Sequence[Sequence[float]], unit: str) -> Text:
    """A map of 7 rows of 24 numbers, none below 0, under a line of hours and over a legend in `unit`.

    Each shade is a fourth of the way from 0 to the highest number.
    """
    highest = max(max(day) for day in week)
    hours = "".join(f"{hour:<{2 * LABELLED_HOURS}}" for hour in range(0, 24, LABELLED_HOURS))
    lines = [Text(f"     {hours}".rstrip())]
    for name, day in zip(DAYS, week, strict=True):
        cells = "".join(2 * _shade(number, highest) for number in day)
        lines.append(Text.assemble(f"{name}  ", (cells, "cyan")))
    lines.append(Text(f"     {_legend(highest, unit)}"))
    return Text("\n").join(lines)


def _shade(number: float, highest: float) -> str:
    if number <= 0:
        return NONE
    place = int(number / highest * len(SHADES))
    # A number on the edge of two shades is of the lower one, as the legend says "to".
    on_edge = place * highest == number * len(SHADES)
    return SHADES[place - 1 if on_edge else place]


def _legend(highest: float, unit: str) -> str:
    if highest <= 0:
        return f"{NONE} none"
    steps = (f"{shade} to {highest * (i + 1) / len(SHADES):.3g}" for i, shade in enumerate(SHADES))
    return f"{NONE} none  {'  '.join(steps)}  {unit}"
