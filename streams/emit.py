"""`groupbeat emit`: files of events into the topic of events, in the order of time, as fast as asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from streams.ndjson import EventFiles, FileError, read_events, shifter
from streams.sending import EventSender, Pace, SendError, events_partitions, too_large
from streams.settings import Settings

__all__ = ["EmitReport", "FileError", "Progress", "SendError", "emit", "read_events"]

REPORT_EVERY = 2_000
"""Messages between two calls of the progress callback, at most."""
SLICE_S = 0.05
"""With a rate set, what is due goes out this often."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: messages acknowledged, messages read, and how many there are if that is known."""

    sent: int
    read: int
    total: int | None


@dataclass(frozen=True, slots=True)
class EmitReport:
    """What was sent: messages, of which file how many, and in how many seconds."""

    sent: int
    per_file: dict[str, int]
    seconds: float
    shift: timedelta = timedelta()

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.sent / self.seconds if self.seconds else 0.0


def emit(
    settings: Settings,
    files: Sequence[Path],
    *,
    shift_to_now: bool = False,
    limit_rate: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> EmitReport:
    """Send every line of the files (``-``: standard input) to the topic of events, key `user_id`.

    `shift_to_now` moves all times by one whole number of seconds, so that the last event is now. `limit_rate`
    is in messages a second. Raises `FileError`, `KafkaUnavailable`, or `SendError` that says how many got
    through. A message counts as sent once the broker has acknowledged it.
    """
    if limit_rate is not None and limit_rate <= 0:
        raise ValueError("limit_rate must be more than 0")
    sources = EventFiles(files)
    shift = _shift(sources) if shift_to_now else timedelta()
    partitions = events_partitions(settings)
    return asyncio.run(_emit(settings, sources, partitions, shift, limit_rate, progress))


def _shift(sources: EventFiles) -> timedelta:
    """From the last event to now, rounded down: fractions of seconds stay as they are written."""
    last = sources.last()
    return (
        timedelta() if last is None else timedelta(seconds=(datetime.now(UTC) - last) // timedelta(seconds=1))
    )


async def _emit(
    settings: Settings,
    sources: EventFiles,
    partitions: int,
    shift: timedelta,
    limit_rate: float | None,
    progress: Callable[[Progress], None] | None,
) -> EmitReport:
    start = time.monotonic()
    per_file = [0] * len(sources.files)
    move = shifter(shift) if shift else None
    pace = Pace(limit_rate) if limit_rate else None
    pause_every = max(1, int(limit_rate * SLICE_S)) if limit_rate else REPORT_EVERY
    total = sources.known_lines
    read = 0
    async with EventSender(settings, partitions) as sender:
        for key, value, file in sources:
            if reason := too_large(key, value):
                await sender.give_up(f"{sources.files[file]}, message {per_file[file] + 1}: {reason}")
            await sender.send(sender.partition_of(key), key, value if move is None else move(value))
            per_file[file] += 1
            read += 1
            if read % pause_every == 0:
                if pace is not None:
                    await sender.flush()
                    await pace.wait_for(read)
                if progress is not None:
                    progress(Progress(sender.sent, read, total))
    if progress is not None:
        progress(Progress(sender.sent, read, read))
    names = [str(file) for file in sources.files]
    return EmitReport(sender.sent, dict(zip(names, per_file, strict=True)), time.monotonic() - start, shift)
