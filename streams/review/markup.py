"""Markup of a page: what comes from data is text, and never becomes markup."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NewType

from streams.report import shown

Markup = NewType("Markup", str)
"""HTML that is made here. Every other text goes through `plain`."""


def plain(text: object) -> Markup:
    """A text of others as HTML: no markup, and nothing that steers how it is shown."""
    return Markup(escape(shown(str(text)).plain))


def attribute(text: object) -> str:
    """The same as the value of an attribute, which stands in double quotes."""
    return plain(text)


def element(name: str, *inside: Markup, **attributes: str) -> Markup:
    """An element; `class_` is the attribute class, as `aria_label` is aria-label."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{attribute(value)}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{given}>{''.join(inside)}</{name}>")


def joined(*parts: Markup) -> Markup:
    """One after another, a line each."""
    return Markup("\n".join(parts))


def card(text: str) -> Markup:
    """A sentence in place of a section that has nothing in it."""
    return element("p", plain(text), class_="card")


def table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table of texts: a name, then numbers."""
    head = [heading(name, number=place > 0) for place, name in enumerate(names)]
    body = [
        element(
            "tr",
            element("th", plain(row[0]), scope="row"),
            *(element("td", plain(cell), class_="n") for cell in row[1:]),
        )
        for row in rows
    ]
    return scrolling(title, head, body)


def heading(name: str, *, number: bool) -> Markup:
    """The head of a column."""
    return element("th", plain(name), scope="col", class_="n" if number else "l")


def scrolling(title: str, head: Sequence[Markup], body: Sequence[Markup]) -> Markup:
    """A table that scrolls in its own frame where it is too wide, also by keyboard."""
    table = element(
        "table",
        element("caption", plain(title)),
        element("thead", element("tr", *head)),
        element("tbody", joined(*body)),
    )
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label=title)
