"""Commands that run groupbeat: topics, worker, sink, all of it on one machine."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from streams.commands.base import (
    Broker,
    Folder,
    Prefix,
    Server,
    app,
    console,
    errors,
    settings_from,
    stop,
)
from streams.logs import configure


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
