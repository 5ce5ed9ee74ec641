"""Commands that bring events in, or go through them again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from streams.commands.base import (
    Broker,
    Files,
    Folder,
    Prefix,
    Server,
    app,
    console,
    errors,
    progress,
    settings_from,
    stop,
)
from streams.logs import configure


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
    with progress() as bar:
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
    with progress() as bar:
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
        with progress() as bar:
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
    with progress() as bar:
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
