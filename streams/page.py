"""What the pages of one person and of one group share: asking, which one is meant, moments, sections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.report import query
from streams.settings import Settings
from streams.users.outlook import local
from streams.users.standing import milliseconds

Row = dict[str, Any]
When = Callable[[datetime | int], str]
"""How a moment is shown: one of ClickHouse's, or milliseconds since 1970."""


class NotFound(LookupError):
    """There is no such person or group, or more than one: says which there are."""


def asked(settings: Settings, sql: str, **parameters: Any) -> list[Row]:
    """The rows of a statement, by the names of their columns. Raises `SinkError`."""
    names, rows = query(settings, sql, parameters)
    return [dict(zip(names, row, strict=True)) for row in rows]


def the_one(found: Sequence[Row], name: str, community: str | None) -> Row:
    """Of those of a name, of which there are some, the one in a community. Raises `NotFound`."""
    communities = ", ".join(repr(row["community_id"]) for row in found)
    if community is None and len(found) > 1:
        raise NotFound(f"{name!r} is in {len(found)} communities, choose one with --community: {communities}")
    for row in found:
        if community in (None, row["community_id"]):
            return row
    raise NotFound(f"{name!r} is not in the community {community!r}, but in {communities}")


def in_zone(time_zone: str) -> When:
    """Moments in the time of a place; 0 is never."""
    zone = ZoneInfo(time_zone)

    def when(moment: datetime | int) -> str:
        at = milliseconds(moment) if isinstance(moment, datetime) else moment
        return local(at, zone) if at else "never"

    return when


def print_heading(console: Console, title: str) -> None:
    """The heading of a section."""
    console.print(Text(f"\n{title}", style="bold"))


def print_section(console: Console, title: str, table: Table) -> None:
    """A section that is a table, which may have nothing in it."""
    print_heading(console, title if table.row_count else f"{title}: none")
    if table.row_count:
        console.print(table)
