"""What every command has: the application, consoles, options of one kind, settings from flags."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from streams.settings import Settings

app = typer.Typer(
    help="What the members of a community do, from Kafka into ClickHouse: in real time, exactly once.",
    epilog="Every option can also be set in the environment or in the file .env, as "
    "GROUPBEAT_BROKER=host:9092; secrets only there. `groupbeat settings` lists them all.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
rules_app = typer.Typer(
    help="Thresholds: check a rules.toml, explain the rules in force.", no_args_is_help=True
)
app.add_typer(rules_app, name="rules")
console = Console(width=None if sys.stdout.isatty() else 140)
errors = Console(stderr=True)

Broker = Annotated[str | None, typer.Option(help="Kafka bootstrap servers, host:port[,host:port]")]
Prefix = Annotated[str | None, typer.Option(help="Before every topic's name")]
Folder = Annotated[Path | None, typer.Option(help="Folder of the embedded ClickHouse engine")]
Server = Annotated[
    str | None, typer.Option(help="URL of a ClickHouse server, instead of the embedded engine")
]
Files = Annotated[list[Path], typer.Argument(help="NDJSON, plain or .gz; - for standard input")]


def stop(message: object) -> NoReturn:
    """End with a message on standard error and exit code 1."""
    errors.print(f"[red]groupbeat:[/red] {escape(str(message))}", highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def settings_from(**flags: Any) -> Settings:
    """Settings with these flags over the environment; a wrong one ends the command, and says which."""
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
        stop("; ".join(lines))


def progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("events"),
        TimeElapsedColumn(), console=errors, transient=not errors.is_terminal,
    )  # fmt: skip
