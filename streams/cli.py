"""The command line: ``groupbeat --help``. Each command is a thin layer over a function that tests call."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from streams.logs import configure
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


@app.command()
def init(
    broker: Broker = None,
    topic_prefix: Prefix = None,
    partitions: Annotated[int | None, typer.Option(help="Of each topic that is made")] = None,
    replication: Annotated[int | None, typer.Option(help="Of each topic that is made")] = None,
) -> None:
    """Create the topics that are missing; report those with other settings than ours, never alter them."""
    from streams.connection import KafkaError
    from streams.topics import init as init_topics

    settings = settings_from(
        broker=broker, topic_prefix=topic_prefix, partitions=partitions, replication=replication
    )
    try:
        reports = init_topics(settings)
    except KafkaError as error:
        stop(error)
    for report in reports:
        console.print(str(report), highlight=False)
    if any(report.outcome == "differs" for report in reports):
        errors.print("Topics that differ were left as they are: change them on purpose, or know why not.")


@app.command()
def worker(
    stages: Annotated[
        str | None, typer.Option(envvar="GROUPBEAT_STAGES", help="Comma-separated; all when not given")
    ] = None,
    broker: Broker = None,
    topic_prefix: Prefix = None,
    worker_id: Annotated[
        str | None, typer.Option(help="Stable name in the group; default: host and port")
    ] = None,
    worker_port: Annotated[int | None, typer.Option(help="Of /metrics and /health")] = None,
    verbose: Annotated[bool, typer.Option(help="Also what Faust says")] = False,
) -> None:
    """Run the stages: consume events, keep state, give rows. Metrics and health on port 9101."""
    from streams.flow import stages as named
    from streams.worker import run_worker

    settings = settings_from(
        broker=broker, topic_prefix=topic_prefix, worker_id=worker_id, worker_port=worker_port
    )
    configure(verbose=verbose)
    try:
        chosen = named(stages)
    except ValueError as error:
        stop(error)
    run_worker(settings, chosen)


@app.command()
def sink(
    broker: Broker = None, topic_prefix: Prefix = None, path: Folder = None, clickhouse: Server = None
) -> None:
    """Insert rows into ClickHouse, exactly once. Metrics and health on port 9102, SQL over HTTP on 8123."""
    from sinks.consumer import main as sink_main
    from sinks.errors import SinkError
    from streams.connection import KafkaError

    settings = settings_from(broker=broker, topic_prefix=topic_prefix, path=path, clickhouse=clickhouse)
    configure()
    try:
        asyncio.run(sink_main(settings))
    except (SinkError, KafkaError) as error:
        stop(error)


@app.command()
def up(
    broker: Broker = None, topic_prefix: Prefix = None, path: Folder = None, clickhouse: Server = None
) -> None:
    """Everything in one terminal: a broker if none is given, worker and sink, with one status line."""
    from streams.up import run_up

    settings = settings_from(broker=broker, topic_prefix=topic_prefix, path=path, clickhouse=clickhouse)
    given = "broker" in settings.model_fields_set
    try:
        run_up(settings, own_broker=not given, console=console)
    except RuntimeError as error:
        stop(error)


@app.command()
def emit(
    files: Files,
    shift_to_now: Annotated[bool, typer.Option(help="Move all times so that the last event is now")] = False,
    rate: Annotated[float | None, typer.Option(help="Events a second at most")] = None,
    broker: Broker = None,
    topic_prefix: Prefix = None,
) -> None:
    """Send files of events to Kafka, several merged in the order of time."""
    from streams.connection import KafkaError
    from streams.emit import FileError
    from streams.emit import Progress as Sent
    from streams.emit import emit as emit_files

    settings = settings_from(broker=broker, topic_prefix=topic_prefix)
    configure()
    with _progress() as bar:
        task = bar.add_task("emit", total=None)

        def show(at: Sent) -> None:
            bar.update(task, completed=at.sent, total=at.total)

        try:
            report = emit_files(settings, files, shift_to_now=shift_to_now, limit_rate=rate, progress=show)
        except (KafkaError, FileError, ValueError) as error:
            stop(error)
    console.print(f"{report.sent:,} events sent in {report.seconds:.1f} s", highlight=False)


@app.command()
def replay(files: Files, path: Folder = None, clickhouse: Server = None) -> None:
    """Run files of events through all stages into ClickHouse, with no broker."""
    from schemas.rules import RulesError
    from sinks.errors import SinkError
    from streams.backfill import backfill
    from streams.emit import FileError

    settings = settings_from(path=path, clickhouse=clickhouse)
    with _progress() as bar:
        task = bar.add_task("replay", total=None)
        try:
            count = backfill(
                settings, files, lambda done, total: bar.update(task, completed=done, total=total)
            )
        except (SinkError, FileError, RulesError) as error:
            stop(error)
    console.print(f"{count:,} events replayed into {settings.clickhouse or settings.path}", highlight=False)


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="slack, discord, telegram, irc or csv")],
    export: Annotated[Path, typer.Argument(help="The export: a file, or a folder of files")],
    out: Annotated[Path | None, typer.Option(help="Into this file, .gz to compress; - for stdout")] = None,
    replay: Annotated[bool, typer.Option("--replay", help="Into an empty database, with no broker")] = False,
    emit: Annotated[bool, typer.Option("--emit", help="To Kafka, what is not in the database yet")] = False,
    community: Annotated[str, typer.Option(help="The community_id of all events")] = "default",
    since: Annotated[str | None, typer.Option(help="Only from this day or time on, as 2026-01-31")] = None,
    zone: Annotated[str, typer.Option(help="Of times that have none of their own")] = "UTC",
    operator: Annotated[list[str] | None, typer.Option(help="An id, or a role's name; repeatable")] = None,
    moderator: Annotated[list[str] | None, typer.Option(help="An id, or a role's name; repeatable")] = None,
    bot: Annotated[list[str] | None, typer.Option(help="An id to leave out; repeatable")] = None,
    questions: Annotated[
        bool, typer.Option("--questions", help="A text that ends in ? is a question")
    ] = False,
    posts_only: Annotated[bool, typer.Option("--posts-only", help="No joins, leaves and shares")] = False,
    group_ids: Annotated[bool, typer.Option("--group-ids", help="Groups by id, not by name")] = False,
    columns: Annotated[
        list[str] | None, typer.Option("--map", help="CSV: field=column, as user_id=author,occurred_at=date")
    ] = None,
    constants: Annotated[
        list[str] | None, typer.Option("--set", help="CSV: field=value for all rows, as action=post")
    ] = None,
    time_format: Annotated[str | None, typer.Option(help="CSV: as %d.%m.%Y %H:%M")] = None,
    delimiter: Annotated[str, typer.Option(help="CSV: between columns")] = ",",
    broker: Broker = None,
    topic_prefix: Prefix = None,
    path: Folder = None,
    clickhouse: Server = None,
) -> None:
    """An export of Slack, Discord, Telegram, IRC, or a CSV, as events: give --out, --replay or --emit."""
    from schemas.rules import RulesError
    from sinks.errors import SinkError
    from streams.connection import KafkaError
    from streams.importing import run
    from streams.importing.drafts import ExportError
    from streams.importing.options import options_from
    from streams.importing.report import print_summary
    from streams.ndjson import STDIN, FileError

    if source not in run.SOURCES:
        stop(f"{source}: there is {', '.join(run.SOURCES)}")
    if (out is not None) + replay + emit != 1:
        stop("where to? Give one of --out events.ndjson.gz, --replay (into --path) and --emit (to Kafka)")
    settings = settings_from(broker=broker, topic_prefix=topic_prefix, path=path, clickhouse=clickhouse)
    if emit:
        configure()
    try:
        options = options_from(
            community=community, since=since, zone=zone, operators=operator, moderators=moderator, bots=bot,
            columns=columns, constants=constants, time_format=time_format, delimiter=delimiter,
            questions=questions, posts_only=posts_only, group_ids=group_ids,
        )  # fmt: skip
        with _progress() as bar:
            task = bar.add_task("read", total=None)

            def step(name: str, done: int, total: int | None) -> None:
                bar.update(task, description=name, completed=done, total=total)

            if out is not None:
                summary = run.to_file(source, export, options, out, step)
            elif emit:
                summary = run.to_kafka(source, export, options, settings, step)
            else:
                summary = run.to_database(source, export, options, settings, step)
    except (ExportError, FileError, SinkError, KafkaError, RulesError) as error:
        stop(error)
    print_summary(errors if out == STDIN else console, summary)
    if summary.first is None:
        stop("nothing became an event: see above why")


@app.command()
def rebuild(
    from_events: Annotated[bool, typer.Option("--from-events", help="From the table events: say so")] = False,
    rules: Annotated[Path | None, typer.Option(help="A rules.toml, instead of GROUPBEAT_RULES")] = None,
    broker: Broker = None,
    topic_prefix: Prefix = None,
    path: Folder = None,
    clickhouse: Server = None,
) -> None:
    """Work out people, transitions and medals again, under other rules, while worker and sink are stopped."""
    from schemas.rules import RulesError
    from sinks.errors import SinkError
    from streams.connection import KafkaError
    from streams.rebuild.run import run_rebuild

    if not from_events:
        stop("rebuild from what? There is one way: --from-events")
    settings = settings_from(
        rules=rules, broker=broker, topic_prefix=topic_prefix, path=path, clickhouse=clickhouse
    )
    with _progress() as bar:
        task = bar.add_task("rebuild", total=None)
        try:
            done = asyncio.run(
                run_rebuild(settings, lambda at, total: bar.update(task, completed=at, total=total))
            )
        except (SinkError, KafkaError, RulesError) as error:
            stop(error)
    console.print(f"{done.people:,} people rebuilt from {done.events:,} events", highlight=False)
    if done.with_state:
        console.print("Start every worker with these rules now: its state is rebuilt, too.", highlight=False)


@app.command()
def serve(path: Folder = None, http_port: int | None = None) -> None:
    """Answer ClickHouse's HTTP interface over the embedded engine, read-only, while no sink runs."""
    from sinks.consumer import serve_engine
    from sinks.errors import SinkError

    settings = settings_from(path=path, http_port=http_port)
    configure()
    try:
        asyncio.run(serve_engine(settings))
    except SinkError as error:
        stop(error)


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


@app.command("replay-rejected")
def replay_rejected(
    reason: Annotated[str | None, typer.Option(help="Only those refused with this code")] = None,
    broker: Broker = None,
    topic_prefix: Prefix = None,
    path: Folder = None,
    clickhouse: Server = None,
) -> None:
    """Send refused messages again, once each: after a fix of the contract or of a setting."""
    from sinks.errors import SinkError
    from streams.connection import KafkaError
    from streams.rejected import replay_rejected as send
    from streams.report import rejected_rows

    settings = settings_from(broker=broker, topic_prefix=topic_prefix, path=path, clickhouse=clickhouse)
    try:
        count = send(settings, rejected_rows(settings, reason))
    except (SinkError, KafkaError) as error:
        stop(error)
    console.print(f"{count:,} refused messages sent again", highlight=False)


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


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("events"),
        TimeElapsedColumn(), console=errors, transient=not errors.is_terminal,
    )  # fmt: skip


def main() -> None:
    """The console script."""
    time.tzset()
    app()


if __name__ == "__main__":
    main()
