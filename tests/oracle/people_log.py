"""The order in which a partition of people takes things in, read from the topic of actions itself.

What an action says is taken from the event that intake accepted; the packed message says only which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from schemas.actions import BY_USER, NOTE_KINDS, NOTE_SCHEMA, NOTES_HEADER
from streams.packing import Stamp, unpack_batch
from tests.oracle.invites import Note


class Message(Protocol):
    """One record of the topic of actions."""

    @property
    def offset(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


@dataclass(frozen=True)
class Acted:
    """An action: which accepted event, at which offset of the topic, and the stage clock before it."""

    offset: int
    clock: int | None
    source_partition: int
    source_offset: int


@dataclass(frozen=True)
class Noted:
    """A note, at which offset of the topic, and the stage clock."""

    offset: int
    clock: int | None
    note: Note


Entry = Acted | Noted


def read(messages: Iterable[Message]) -> list[Entry]:
    """The entries of one partition of the topic, in order, without what a crash made a stage send again."""
    clock = _Clock()
    noted: dict[int, int] = {}  # sender -> the highest source_offset absorbed
    entries: list[Entry] = []
    for message in messages:
        headers = dict(message.headers)
        if NOTES_HEADER in headers:
            sender = int(headers[NOTES_HEADER])
            absorbed = noted.get(sender, -1)
            for note in _notes(message, sender):
                if note.source_offset > absorbed:
                    entries.append(Noted(message.offset, clock.now, note))
                    noted[sender] = note.source_offset
            continue
        stamp = Stamp.of(headers)
        absorbed = clock.absorbed(stamp.source)
        entries += (
            Acted(message.offset, clock.now, stamp.source, offset)
            for offset in _offsets(message)
            if offset > absorbed
        )
        clock.advance(stamp)
    return entries


class _Clock:
    """The stage clock, see docs/intake.md, Clocks: None until every source was heard of."""

    def __init__(self) -> None:
        self.now: int | None = None
        self._newest: dict[int, Stamp] = {}

    def absorbed(self, source: int) -> int:
        """The offset up to which a source's actions are all here."""
        return self._newest[source].offset if source in self._newest else -1

    def advance(self, stamp: Stamp) -> None:
        """Take a stamp in; of each source the one with the highest offset counts, then the latest clock."""
        known = self._newest.get(stamp.source)
        if known is None or (stamp.offset, stamp.clock_ms) >= (known.offset, known.clock_ms):
            self._newest[stamp.source] = stamp
        if len(self._newest) < stamp.sources:
            return
        stamps = self._newest.values()
        busy = [one.clock_ms for one in stamps if not one.idle]
        now = min(busy) if busy else max(one.clock_ms for one in stamps)
        self.now = now if self.now is None else max(self.now, now)


def _offsets(message: Message) -> list[int]:
    """The source offsets of a message of actions; none for a tick."""
    if not message.value:
        return []
    batch = unpack_batch(message.value)
    assert batch.schema == BY_USER.schema
    offsets: list[int] = batch.column("source_offset").to_pylist()
    assert offsets == sorted(set(offsets))
    return offsets


def _notes(message: Message, sender: int) -> list[Note]:
    assert message.value is not None
    batch = unpack_batch(message.value)
    assert batch.schema == NOTE_SCHEMA
    notes = [Note(sender=sender, **row | {"kind": NOTE_KINDS[row["kind"]]}) for row in batch.to_pylist()]
    offsets = [note.source_offset for note in notes]
    assert offsets == sorted(offsets)
    return notes
