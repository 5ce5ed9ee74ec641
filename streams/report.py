"""What a person reads in the terminal: query results, receipts, the page at the end of the demo."""

from __future__ import annotations

import base64
import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sinks.query import query as ask
from streams.rejected import RejectedRow
from streams.settings import Settings

DEMO_PATH = Path("var/demo/clickhouse")

Answer = tuple[list[str], Sequence[Sequence[Any]]]


def query(settings: Settings, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer:
    """Column names and rows. Where there is no database but the demo's, that one is asked, and said so.

    `parameters` are the values of each ``{name:Type}`` in the statement.
    """
    if (
        settings.clickhouse is None
        and "path" not in settings.model_fields_set
        and not settings.path.exists()
        and DEMO_PATH.exists()
    ):
        print(f"(no database in {settings.path}: this is the demo's, {DEMO_PATH})", file=sys.stderr)
        settings = settings.model_copy(update={"path": DEMO_PATH})
    return ask(settings, sql, parameters)


def print_rows(
    console: Console, names: list[str], rows: Sequence[Sequence[Any]], output: str = "table"
) -> None:
    """Rows as a table for people, or as CSV or JSON lines for programs."""
    if output == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows(rows)
    elif output == "json":
        for row in rows:
            print(json.dumps(dict(zip(names, row, strict=True)), default=str))
    else:
        console.print(as_table(names, rows))
        console.print(f"[dim]{len(rows):,} row{'' if len(rows) == 1 else 's'}[/dim]")


def as_table(names: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> Table:
    """A table; numbers to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for i, name in enumerate(names):
        number = bool(rows) and isinstance(rows[0][i], int | float) and not isinstance(rows[0][i], bool)
        table.add_column(shown(name), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(shown(value) for value in row))
    return table


def shown(value: Any) -> Text:
    """A value for the terminal. What apps send is no markup or emoji of ours, and steers no terminal."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Text(f"{value:,}")
    return Text("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value)))


RECEIPT_SQL = (
    "SELECT stage, sum(consumed) AS consumed, sum(accepted) AS accepted, sum(rejected) AS rejected, "
    "sum(duplicate) AS duplicate, sum(skipped) AS skipped, max(clock) AS clock "
    "FROM receipts GROUP BY stage ORDER BY consumed DESC, stage"
)


def print_receipt(console: Console, settings: Settings) -> None:
    """Per partition, and in all."""
    names, rows = query(settings, "SELECT * FROM receipts ORDER BY stage, partition")
    console.print(as_table(names, rows, "Receipts by partition"))
    names, rows = query(settings, RECEIPT_SQL)
    console.print(as_table(names, rows, "In all: consumed = accepted + rejected + duplicate"))


def balances(settings: Settings) -> bool:
    """Whether every receipt balances."""
    _, rows = query(
        settings, "SELECT count() FROM receipts WHERE consumed != accepted + rejected + duplicate"
    )
    return bool(rows[0][0] == 0)


def rejected_rows(settings: Settings, reason: str | None = None) -> Iterator[RejectedRow]:
    """The refused messages that were not sent again yet. Intake takes each once in any case."""
    _, reasons = query(settings, "SELECT DISTINCT reason FROM rejected")
    known = {row[0] for row in reasons}
    if reason is not None and reason not in known:
        return
    # `reason` is one of the words found in the table, so there is nothing to inject.
    only = f"AND reason = '{reason}'" if reason is not None else ""
    _, rows = query(
        settings,
        "SELECT source_partition, source_offset, base64Encode(key), base64Encode(payload) "  # noqa: S608
        "FROM rejected "
        "WHERE (source_partition, source_offset) NOT IN ("
        "SELECT source_partition, assumeNotNull(replay_of) FROM events WHERE replay_of IS NOT NULL UNION ALL "
        "SELECT source_partition, assumeNotNull(replay_of) FROM rejected WHERE replay_of IS NOT NULL) "
        f"{only} ORDER BY source_partition, source_offset",
    )
    for partition, offset, key, payload in rows:
        yield RejectedRow(partition, offset, base64.b64decode(key) or None, base64.b64decode(payload))


DEMO_QUERIES = (
    "SELECT * FROM people_by_segment ORDER BY community_id, ladder, people DESC",
    "SELECT * FROM growth_accounting WHERE community_id = 'hdv' AND gone > 0 ORDER BY day DESC LIMIT 10",
    "SELECT toStartOfMonth(at) AS month, from_segment, to_segment, count() FROM segment_transitions "
    "WHERE community_id = 'cdnow' AND ladder = 'lifecycle' GROUP BY ALL ORDER BY ALL LIMIT 20",
    "SELECT user_id, segment, purchases, score FROM users WHERE community_id = 'cdnow' "
    "ORDER BY purchases DESC LIMIT 10",
    "SELECT group_id, count() AS posts FROM events WHERE action = 'post' GROUP BY group_id "
    "ORDER BY posts DESC",
)


def print_demo_page(console: Console, settings: Settings, read: str, seconds: float) -> None:
    """The page that the demo ends with."""
    console.rule("[bold]groupbeat: the demo is done")
    console.print(f"{read}; through the stages and into ClickHouse in {seconds:.1f} s.\n", highlight=False)
    names, rows = query(settings, RECEIPT_SQL)
    console.print(as_table(names, rows, "The receipt: consumed = accepted + rejected + duplicate"))
    names, rows = query(
        settings,
        "SELECT segment, sumIf(people, community_id = 'cdnow') AS cdnow, "
        "sumIf(people, community_id = 'hdv') AS hdv FROM people_by_segment WHERE ladder = 'lifecycle' "
        "GROUP BY segment ORDER BY sum(people) DESC, segment",
    )
    console.print(as_table(names, rows, "People by lifecycle segment, as of the last event"))
    names, rows = query(
        settings,
        "SELECT at, community_id, user_id, ladder, from_segment, to_segment, rule FROM segment_transitions "
        "ORDER BY at DESC, user_id LIMIT 8",
    )
    console.print(as_table(names, rows, "The last transitions"))
    console.print("Ask for yourself, for example:", style="bold")
    for sql in DEMO_QUERIES:
        console.print(
            f'  .venv/bin/groupbeat sql --path {settings.path} "{sql}"', highlight=False, soft_wrap=True
        )
    console.print(f"  .venv/bin/groupbeat receipt --path {settings.path}", highlight=False)
