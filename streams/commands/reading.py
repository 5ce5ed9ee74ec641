"""Commands that ask: SQL, a person, a group, a content, a period, a receipt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.commands.base import (
    Folder,
    Server,
    app,
    console,
    settings_from,
    stop,
)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help='As "SELECT * FROM people_by_segment"')],
    path: Folder = None,
    clickhouse: Server = None,
    output: Annotated[str, typer.Option("--format", help="table, csv or json (a line a row)")] = "table",
) -> None:
    """Ask the database, read-only: a running sink if there is one, else the engine's folder, or a server."""
    from sinks.errors import SinkError
    from streams.report import print_rows
    from streams.report import query as ask

    if output not in ("table", "csv", "json"):
        stop(f"--format {output}: choose table, csv or json")
    try:
        names, rows = ask(settings_from(path=path, clickhouse=clickhouse), query)
    except SinkError as error:
        stop(error)
    print_rows(console, names, rows, output)


@app.command()
def why(
    user: Annotated[str, typer.Argument(help="A user_id")],
    community: Annotated[str | None, typer.Option(help="Needed where they are in several")] = None,
    path: Folder = None,
    clickhouse: Server = None,
) -> None:
    """Why a person is where they are: their history, and what would move them next on each ladder."""
    from schemas.rules import RulesError
    from sinks.errors import SinkError
    from streams.page import NotFound
    from streams.why import why as tell

    try:
        tell(settings_from(path=path, clickhouse=clickhouse), user, community, console)
    except (SinkError, RulesError, NotFound) as error:
        stop(error)


@app.command()
def group(
    group: Annotated[str, typer.Argument(help="A group_id")],
    community: Annotated[str | None, typer.Option(help="Needed where it is in several")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs")] = False,
    path: Folder = None,
    clickhouse: Server = None,
) -> None:
    """How a group is: its health and what lowers it, figures, symptoms, alerts, and when people post."""
    from schemas.rules import RulesError
    from sinks.errors import SinkError
    from streams.group_report import group_json, print_group, read_group
    from streams.page import NotFound

    try:
        report = read_group(settings_from(path=path, clickhouse=clickhouse), group, community)
    except (SinkError, RulesError, NotFound) as error:
        stop(error)
    if as_json:
        print(group_json(report))
    else:
        print_group(console, report)


@app.command()
def chain(
    content: Annotated[str, typer.Argument(help="A content_id")],
    community: Annotated[str | None, typer.Option(help="Needed where it is in several")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs")] = False,
    svg: Annotated[str | None, typer.Option(help="Draw the tree into this file; - only draws it")] = None,
    path: Folder = None,
    clickhouse: Server = None,
) -> None:
    """How a content spreads: its tree of shares, the longest path, top sharers; --svg draws the tree."""
    from schemas.rules import RulesError
    from sinks.errors import SinkError
    from streams.chain_page import print_chain
    from streams.chain_picture import draw
    from streams.chain_report import chain_json, find_content, read_chain, read_drawn
    from streams.page import NotFound

    if as_json and svg == "-":
        stop("--json and --svg - both want standard output: give --svg a file")
    settings = settings_from(path=path, clickhouse=clickhouse)
    try:
        row = find_content(settings, content, community)
        picture = draw(row, read_drawn(settings, row)) if svg else ""
        report = read_chain(settings, row) if svg != "-" else None
    except (SinkError, RulesError, NotFound) as error:
        stop(error)
    if svg and svg != "-":
        try:
            Path(svg).write_text(picture, "utf-8")
        except OSError as error:
            stop(error)
    if report is None:
        print(picture, end="")
    elif as_json:
        print(chain_json(report))
    else:
        print_chain(console, report)


@app.command()
def review(
    out: Annotated[Path, typer.Option(help="The file to write, HTML; it needs nothing but itself")],
    period: Annotated[str, typer.Option(help="week or month: the latest that is over")] = "month",
    group: Annotated[str | None, typer.Option(help="Of this group alone")] = None,
    community: Annotated[str | None, typer.Option(help="Needed where there are several")] = None,
    path: Folder = None,
    clickhouse: Server = None,
) -> None:
    """A week or month against the one before, as a page to send: what moved and why, groups, alerts."""
    from schemas.rules import RulesError
    from sinks.errors import SinkError
    from streams.page import NotFound
    from streams.review.document import page
    from streams.review.reading import read_review
    from streams.review.spans import Kind

    if period not in list(Kind):
        stop(f"--period {period}: choose week or month")
    settings = settings_from(path=path, clickhouse=clickhouse)
    try:
        found = read_review(settings, Kind(period), group, community)
        out.write_text(page(found), "utf-8")
    except (SinkError, RulesError, NotFound, OSError) as error:
        stop(error)
    console.print(f"{found.span.name}, into {out}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def campaigns(
    rules: Annotated[Path | None, typer.Option(help="A rules.toml, instead of GROUPBEAT_RULES")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON list, for programs")] = False,
    path: Folder = None,
    clickhouse: Server = None,
) -> None:
    """How far each campaign of the rules file is: what is reached of its goal, and whether it is on pace."""
    import json

    from schemas.rules import RulesError
    from sinks.errors import SinkError
    from streams.campaigns import attainment
    from streams.report import as_table

    settings = settings_from(rules=rules, path=path, clickhouse=clickhouse)
    try:
        found = list(attainment(settings))
    except (SinkError, RulesError) as error:
        stop(error)
    if as_json:
        print(json.dumps(found))
    elif not found:
        stop("no campaigns: name some in sections [campaigns.NAME] of a rules.toml (docs/rules.md)")
    else:
        console.print(as_table(tuple(found[0]), [tuple(row.values()) for row in found]))


@app.command()
def receipt(path: Folder = None, clickhouse: Server = None) -> None:
    """What each stage did with each partition; exit code 1 if a receipt does not balance."""
    from sinks.errors import SinkError
    from streams.report import balances, print_receipt

    settings = settings_from(path=path, clickhouse=clickhouse)
    try:
        print_receipt(console, settings)
        balanced = balances(settings)
    except SinkError as error:
        stop(error)
    if not balanced:
        stop("consumed is not accepted + rejected + duplicate: please report this")
