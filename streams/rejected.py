"""`groupbeat replay-rejected`: refused messages again, each to the partition it came from.

The header ``replay-of`` names the offset that it had, as ASCII decimal: intake counts it as a replay, and
takes each at most once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streams.sending import EventSender, events_partitions, too_large
from streams.settings import Settings

REPLAY_OF = "replay-of"


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A refused message: where it stood in the topic of events, and what it was."""

    partition: int
    offset: int
    key: bytes | None
    payload: bytes


def replay_rejected(
    settings: Settings, rows: Iterable[RejectedRow], *, progress: Callable[[int], None] | None = None
) -> int:
    """Send these rows again; how many the broker acknowledged. `progress` gets that number as it grows.

    Raises `KafkaUnavailable`, or `SendError` that says how many got through: also when the topic
    of events does not have a row's partition.
    """
    return asyncio.run(_replay(settings, rows, events_partitions(settings), progress))


async def _replay(
    settings: Settings, rows: Iterable[RejectedRow], partitions: int, progress: Callable[[int], None] | None
) -> int:
    async with EventSender(settings, partitions) as sender:
        for row in rows:
            where = f"rejected message at partition {row.partition}, offset {row.offset}"
            if not 0 <= row.partition < partitions:
                await sender.give_up(f"{where}: {settings.topic('events')} has {partitions} partitions")
            if reason := too_large(row.key, row.payload):
                await sender.give_up(f"{where}: {reason}")
            headers = [(REPLAY_OF, str(row.offset).encode())]
            await sender.send(row.partition, row.key, row.payload, headers)
            if progress is not None:
                progress(sender.sent)
    if progress is not None:
        progress(sender.sent)
    return sender.sent
