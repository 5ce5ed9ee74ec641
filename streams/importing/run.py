"""An import from its source to where it goes: a file, Kafka, or an empty database.

The events are put in order first and written to a file; what is sent or replayed is that file.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol, cast

import msgspec

from sinks.errors import SinkError
from sinks.query import query
from streams.backfill import backfill
from streams.emit import Progress as Sent
from streams.emit import emit
from streams.importing import discord, irc, slack, table, telegram
from streams.importing.contract import to_events
from streams.importing.drafts import Draft, ExportError, Summary
from streams.importing.options import Options
from streams.importing.sorting import in_order
from streams.ndjson import STDIN
from streams.settings import Settings

Step = Callable[[str, int, int | None], None]
"""Told what is being done, how many events are done, and how many there are if that is known."""


class Reader(Protocol):
    """What each source's module offers."""

    def __call__(self, path: Path, options: Options, summary: Summary) -> Iterator[Draft]:
        """The drafts of an export. Raises `ExportError`."""


SOURCES: dict[str, Reader] = {
    "slack": slack.read,
    "discord": discord.read,
    "telegram": telegram.read,
    "irc": irc.read,
    "csv": table.read,
}
STEP_EVERY = 1_000
REPEATED = "a repeat in the export"
THERE = "in the database already"


class _Peek(msgspec.Struct):
    event_id: str
    action: str
    group_id: str
    occurred_at: str


_PEEK = msgspec.json.Decoder(_Peek)


def lines(
    source: str,
    path: Path,
    options: Options,
    summary: Summary,
    *,
    there: Collection[str] = (),
    step: Step = lambda *_: None,
) -> Iterator[bytes]:
    """The events of an export as lines of NDJSON, by time, without those whose ids are `there` already."""

    def out(line: bytes, reason: str) -> None:
        event = _PEEK.decode(line)
        summary.taken[event.action] -= 1
        summary.leave_out(reason, f"{event.group_id}, {event.occurred_at}")

    drafts = _counted(SOURCES[source](path, options, summary), step)
    for line in in_order(
        to_events(source, drafts, options, summary), repeated=lambda line: out(line, REPEATED)
    ):
        if there and _PEEK.decode(line).event_id in there:
            out(line, THERE)
        else:
            yield line


def _counted(drafts: Iterable[Draft], step: Step) -> Iterator[Draft]:
    for count, draft in enumerate(drafts, 1):
        if count % STEP_EVERY == 0:
            step("read", count, None)
        yield draft


def to_file(source: str, path: Path, options: Options, out: Path, step: Step = lambda *_: None) -> Summary:
    """Write the events to a file (``.gz``: compressed; ``-``: standard output); the same bytes each time.

    The file appears when it is whole. Raises `ExportError`.
    """
    summary = Summary()
    found = lines(source, path, options, summary, step=step)
    if out == STDIN:
        sys.stdout.buffer.writelines(line + b"\n" for line in found)
        sys.stdout.buffer.flush()
        return summary
    if out.is_dir():
        raise ExportError(f"{out} is a folder: give --out a file, as events.ndjson.gz")
    part = out.with_name(out.name + ".part")
    try:
        with _written(part, out.suffix == ".gz") as stream:
            stream.writelines(line + b"\n" for line in found)
        part.replace(out)
    except OSError as error:
        raise ExportError(f"{out} can't be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return summary


def to_kafka(
    source: str, path: Path, options: Options, settings: Settings, step: Step = lambda *_: None
) -> Summary:
    """Send the events to the topic of events; those that the database has already are left out.

    Raises `ExportError`, `KafkaError`.
    """
    there, note = already_there(settings, options.community)
    with _spooled(source, path, options, step, there) as (file, summary):
        if note:
            summary.notes.append(note)

        def sent(at: Sent) -> None:
            step("sent", at.sent, summary.events)

        if summary.events:
            emit(settings, [file], progress=sent)
        return summary


def to_database(
    source: str, path: Path, options: Options, settings: Settings, step: Step = lambda *_: None
) -> Summary:
    """Run the events through all stages into an empty database, with no broker.

    Raises `ExportError`, `SinkError`; a database that has events already is refused before anything is read.
    """
    _empty_or_refuse(settings)
    with _spooled(source, path, options, step) as (file, summary):
        if summary.events:
            backfill(settings, [file], lambda done, _: step("replayed", done, summary.events))
        return summary


def already_there(settings: Settings, community: str) -> tuple[set[str], str | None]:
    """The ids of a community's events in the database, or none and why they can't be known."""
    if settings.clickhouse is None and not settings.path.exists():
        return set(), None
    try:
        _, rows = query(
            settings, "SELECT event_id FROM events WHERE community_id = {community:String}",
            {"community": community},
        )  # fmt: skip
    except SinkError as error:
        return set(), (
            f"the database could not be asked what it has already ({error}): what was sent to it before now "
            "counts again"
        )
    return {str(row[0]) for row in rows}, None


def _empty_or_refuse(settings: Settings) -> None:
    if settings.clickhouse is None and not settings.path.exists():
        return
    try:
        _, rows = query(settings, "SELECT count() FROM receipts")
    except SinkError:
        return  # no tables yet, or a folder that can't be opened: the replay says which
    if rows[0][0]:
        raise ExportError(
            f"{settings.clickhouse or settings.path} has events already, and --replay starts from nothing: "
            "nothing was changed. For a newer export remove that folder or choose another with --path"
        )


@contextmanager
def _spooled(
    source: str, path: Path, options: Options, step: Step, there: Collection[str] = ()
) -> Iterator[tuple[Path, Summary]]:
    """The events in a file that is removed afterwards."""
    summary = Summary()
    with tempfile.TemporaryDirectory(prefix="groupbeat-import-") as folder:
        file = Path(folder, "events.ndjson")
        with file.open("wb") as stream:
            stream.writelines(
                line + b"\n" for line in lines(source, path, options, summary, there=there, step=step)
            )
        yield file, summary


@contextmanager
def _written(file: Path, compressed: bool) -> Iterator[IO[bytes]]:
    """A file to write; compressed without its time and name, so that equal events are equal bytes."""
    with file.open("wb") as raw:
        if compressed:
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as stream:
                yield cast(IO[bytes], stream)
        else:
            yield raw
