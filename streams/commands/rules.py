"""Commands about the contract, the thresholds and the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from streams.commands.base import (
    app,
    console,
    errors,
    rules_app,
    settings_from,
    stop,
)
from streams.settings import Settings


@app.command()
def schema() -> None:
    """The event contract as JSON Schema, for producers in any language."""
    import json

    from schemas.events import json_schema

    print(json.dumps(json_schema(), indent=2))


@rules_app.command("check")
def rules_check(file: Annotated[Path, typer.Argument(help="A rules.toml")]) -> None:
    """Say what a file of rules overrides, or all that is wrong with it, a line each."""
    from schemas.rules import RulesError, load_rules
    from streams.rules_report import overrides

    try:
        found = overrides(load_rules(file))
    except RulesError as error:
        errors.print(escape(str(error)), highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error
    console.print(f"{escape(str(file))}: good", highlight=False, soft_wrap=True)
    for line in found or ["overrides nothing"]:
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


@rules_app.command("explain")
def rules_explain(
    rules: Annotated[Path | None, typer.Option(help="A rules.toml, instead of GROUPBEAT_RULES")] = None,
    community: Annotated[
        str | None, typer.Option(help="Its rules; those without rules of their own, when not given")
    ] = None,
) -> None:
    """Print every rule in force as a sentence with its numbers, marked where they differ from the default."""
    from schemas.rules import RulesError, load_rules
    from streams.rules_report import explain

    try:
        found = load_rules(settings_from(rules=rules).rules)
    except RulesError as error:
        stop(error)
    for line in explain(found, community):
        console.print(line, highlight=False, soft_wrap=True)


@app.command("settings")
def show_settings() -> None:
    """Every setting, its value in force and what it is for. Secrets are not shown."""
    current = settings_from()
    for name, info in Settings.model_fields.items():
        console.print(
            f"GROUPBEAT_{name.upper()}={escape(str(getattr(current, name)))}  "
            f"[dim]{info.description or ''}[/dim]",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
