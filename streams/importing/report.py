"""What the command says at its end: what was taken, what was left out and why."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.importing.drafts import Summary


def print_summary(console: Console, summary: Summary) -> None:
    """Events by action, people, groups and days; then what was left out, most first, each with an example."""
    if summary.first is not None and summary.last is not None:
        days = f"{summary.first:%Y-%m-%d} to {summary.last:%Y-%m-%d}"
        console.print(
            f"{summary.events:,} events of {len(summary.people):,} people in {len(summary.groups):,} groups, "
            f"{days}",
            highlight=False,
        )
        kinds = ", ".join(f"{count:,} {action}" for action, count in sorted(summary.taken.items()) if count)
        console.print(f"  {kinds or 'none of them new'}", highlight=False)
    if summary.left_out:
        table = Table("left out because", "how many", "the first", title="Left out", title_justify="left")
        table.columns[1].justify = "right"
        for reason, left in sorted(summary.left_out.items(), key=lambda item: (-item[1].count, item[0])):
            table.add_row(escape(reason), f"{left.count:,}", escape(left.example))
        console.print(table)
    for note in summary.notes:
        console.print(f"[yellow]Note:[/yellow] {escape(note)}", highlight=False, soft_wrap=True)
