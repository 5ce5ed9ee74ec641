"""A page is a template with SQL in it; each statement is asked once, and its answer stands in its place.

{{shop: SELECT count() FROM users}}         a number in the text
{{shop %: SELECT valuable / everybody}}     the same as a percentage
{{file: docs/shop.toml}}                    a file, whole
```sql shop                                 a statement to read, and below it its answer as a table
```sql shop table                           the table alone
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
Answer = tuple[list[str], Sequence[Sequence[Any]]]

_PLACE = re.compile(
    r"^```sql (?P<block>\w+)(?P<table> table)?\n(?P<statement>.*?)^```$"
    r"|\{\{(?P<name>\w+)(?P<percent> %)?:\s*(?P<inline>.*?)\}\}",
    re.MULTILINE | re.DOTALL,
)


class Question(NamedTuple):
    """A statement, and which database is asked."""

    database: str
    sql: str


def questions(template: str) -> list[Question]:
    """Everything that a template asks, once each, in its order."""
    return list(dict.fromkeys(q for q in map(_question, _PLACE.finditer(template)) if q.database != "file"))


def render(template: str, answer: Callable[[Question], Answer]) -> str:
    """The page. Raises `ValueError` where a statement in the text has no single answer."""

    def filled(place: re.Match[str]) -> str:
        question = _question(place)
        if question.database == "file":
            return (ROOT / question.sql).read_text("utf-8").rstrip()
        names, rows = answer(question)
        if place["name"]:
            return _figure(question, rows, percent=bool(place["percent"]))
        shown = "" if place["table"] else f"```sql\n{place['statement']}```\n\n"
        return shown + table(names, rows)

    return _PLACE.sub(filled, template)


def table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Rows as a table in Markdown; numbers to the right."""
    first = rows[0] if rows else [""] * len(names)
    lines = [[name.replace("_", " ") for name in names]]
    lines.append(["--:" if isinstance(v, int | float | Decimal) else "---" for v in first])
    lines += [[shown(value) for value in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(value: Any) -> str:
    """A value as the page writes it."""
    match value:
        case None:
            return ""
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.1f}"
        case Decimal():
            return f"{value:,.2f}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case _:
            return str(value)


def _question(place: re.Match[str]) -> Question:
    return Question(place["block"] or place["name"], (place["statement"] or place["inline"]).strip())


def _figure(question: Question, rows: Sequence[Sequence[Any]], *, percent: bool) -> str:
    if len(rows) != 1 or len(rows[0]) != 1 or rows[0][0] is None:
        raise ValueError(f"not a single figure: {question.sql}")
    return f"{100 * rows[0][0]:.1f} %" if percent else shown(rows[0][0])
