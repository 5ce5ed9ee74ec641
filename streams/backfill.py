"""``groupbeat replay``: files of events through the in-process log into ClickHouse, with no broker."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from schemas.rules import load_rules
from sinks.clickhouse import connect
from sinks.errors import SinkError
from sinks.migrate import create_views, identity_check, migrate
from sinks.writer import Writer
from streams.flow import Context
from streams.local import replay
from streams.ndjson import EventFiles
from streams.settings import Settings


def backfill(
    settings: Settings,
    files: Sequence[Path],
    progress: Callable[[int, int | None], None] = lambda *_: None,
) -> int:
    """Replay files, merged in the order of time, into an empty database; how many events.

    Raises `SinkError` when the database has events already: their positions would pass for the files'.
    """
    sources = EventFiles(files)
    client = connect(settings)
    try:
        migrate(client)
        create_views(client)
        found = int(client.query("SELECT count() FROM receipts").result_rows[0][0])
        if found:
            raise SinkError(
                f"the database in {settings.clickhouse or settings.path} has events already, "
                "and a replay starts from nothing: choose another folder with --path, or remove that one"
            )
        # A sink from Kafka must not go on in this database: see `identity_check`.
        identity_check(client, {"cluster": "replay", "events": str(uuid.uuid4()), "rows": "replay"})
        writer = Writer(client, epoch=uuid.uuid4().hex)
        done = 0

        def more(count: int) -> None:
            nonlocal done
            done += count
            progress(done, sources.known_lines)

        context = Context(load_rules(settings.rules), lambda _: settings.partitions, settings.max_event_bytes)
        asyncio.run(
            replay(
                _events(sources),
                context,
                writer.write,
                wall_ms=lambda: int(time.time() * 1000),
                progress=more,
            )
        )
        return done
    finally:
        client.close()


def _events(sources: EventFiles) -> Iterator[tuple[bytes, bytes]]:
    for line in sources:
        yield line.key, line.value
