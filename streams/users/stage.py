"""Stage users: every person's figures, their way along the ladders, and what partitions owe each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from schemas.actions import BY_USER, NOTES_HEADER
from schemas.rules import Rules
from schemas.table import position
from schemas.tables import MEDALS, SEGMENT_TRANSITIONS, USERS
from streams.arrow_rows import in_pieces
from streams.clock import NO_CLOCK, StageClock
from streams.columnar import Array, StateTable
from streams.compiled import KEY_ROOM
from streams.due import earliest_of, room_for
from streams.packing import Message, Record, Rows, Stamp, checked_headers, unpack_batch
from streams.records import Records
from streams.rule_numbers import rule_numbers
from streams.stage import Output, Receipt
from streams.text import Text, key_column
from streams.users.absorb import MOVES_AT_ONCE, Actions, Notes, absorb_actions, absorb_notes, settle_due
from streams.users.notes import Outbox, links_of, pass_on
from streams.users.rows import medal_rows, transition_rows, user_rows
from streams.users.rulebook import Rulebook
from streams.users.state import MEDAL, NOTE, PEOPLE_BLOCK, TRANSITION, Desk, Moves, People, Tables

NAME = BY_USER.stage
INPUT = BY_USER.topic
_ROOM = 65_536


class _Meta(msgspec.Struct):
    receipt: Receipt
    clock: StageClock
    absorbed_notes: dict[int, int]
    rules: str


class Users:
    """The people of one partition of ``actions-by-user``. See `streams.stage.Reducer`."""

    def __init__(self, partition: int, rules: Rules, partitions: int) -> None:
        self.partition = partition
        self.state = Tables.empty()
        self.tables: Sequence[StateTable] = tuple(self.state)
        self.receipt = Receipt()
        self.clock = StageClock()
        self._rules = rules
        self._book = Rulebook.of(rules)
        self._absorbed_notes: dict[int, int] = {}
        self._outbox = Outbox(partition, partitions)
        self._scratch = np.empty(KEY_ROOM, np.uint8)
        self._block_due: Array = np.zeros(0, np.int64)
        room = _ROOM + 2 * MOVES_AT_ONCE
        self._moves = Moves(
            np.zeros(room, TRANSITION), np.zeros(room, MEDAL), np.zeros(room, NOTE), np.zeros(4, np.int64)
        )

    @property
    def clock_ms(self) -> int:
        """The stage's clock; below 0 when there is none yet."""
        return self.clock.now_ms

    held = 0
    held_from = None
    """Nothing is held back."""

    def absorb(self, records: Records) -> Output:
        """Take packed actions, ticks and notes in; gives transitions, medals and notes."""
        output = Output()
        for record in records:
            self._moves.cursor[3] = 0
            headers = checked_headers(record.headers)
            if NOTES_HEADER in headers:
                self._notes(int(headers[NOTES_HEADER]), unpack_batch(record.value or b""), record, output)
            else:
                stamp = Stamp.of(headers)
                if record.value:
                    self._actions(stamp, unpack_batch(record.value), record, output)
                now = self.clock.advance(stamp)
                if now != NO_CLOCK:
                    while not settle_due(self._people(), now, position(record.offset)):
                        self._write(record, output)
            self._write(record, output)
        output.messages += self._outbox.take()
        return output

    def _actions(self, stamp: Stamp, batch: pa.RecordBatch, record: Record, output: Output) -> None:
        absorbed = self.clock.absorbed(stamp.source)
        count = batch.num_rows
        offsets = batch["source_offset"].to_numpy()
        fresh = count - int(np.searchsorted(offsets, absorbed, side="right"))
        self.receipt.skipped += count - fresh
        self.receipt.consumed += fresh
        self.receipt.accepted += fresh
        if not fresh:
            return
        community, user, group, link = texts = [
            Text.of(batch[name]) for name in ("community_id", "user_id", "group_id", "link")
        ]
        actions = Actions(
            offsets,
            batch["clock"].to_numpy(),
            batch["occurred_at"].to_numpy(),
            batch["action"].to_numpy(),
            batch["role"].to_numpy(),
            batch["kind"].to_numpy(),
            batch["flags"].to_numpy(),
            batch["amount"].to_numpy(),
            community, user, group, link,
            rule_numbers(self._rules, batch["community_id"]),
        )  # fmt: skip
        text_bytes = sum(len(text.data) for text in texts) + 2 * count
        state = self.state
        for table in (state.people, state.groups, state.names, state.vias):
            table.reserve(count, text_bytes)
        state.memberships.reserve(count, 8 * count)
        start = 0
        while True:
            people = self._people()
            start = absorb_actions(people, actions, start, absorbed, self.clock_ms, position(record.offset))
            self._take_notes(batch, record)
            if start == count:
                return
            self._write(record, output)

    def _take_notes(self, batch: pa.RecordBatch, record: Record) -> None:
        """The notes that actions caused, into the outbox."""
        count = int(self._moves.cursor[2])
        if not count:
            return
        self._moves.cursor[2] = 0
        notes = self._moves.notes[:count]
        events = pa.array(notes["event"])
        self._outbox.add(
            record.offset,
            notes["at"],
            notes["kind"],
            notes["by_share"],
            batch["community_id"].take(events),
            links_of(self.state, notes, batch["link"]),
            batch["user_id"].take(events),
        )

    def _notes(self, sender: int, batch: pa.RecordBatch, record: Record, output: Output) -> None:
        absorbed = self._absorbed_notes.get(sender, -1)
        pass_on(self.state, batch, absorbed, record.offset, self._outbox)
        count = batch.num_rows
        offsets = batch["source_offset"].to_numpy()
        notes = Notes(
            offsets,
            batch["at"].to_numpy(),
            batch["kind"].to_numpy(),
            batch["by_share"].to_numpy(),
            Text.of(batch["community_id"]),
            Text.of(batch["to_id"]),
            rule_numbers(self._rules, batch["community_id"]),
        )
        text_bytes = len(notes.community.data) + len(notes.to.data) + 2 * count
        self.state.people.reserve(count, text_bytes)
        start = 0
        while True:
            people = self._people()
            start = absorb_notes(people, notes, start, absorbed, self.clock_ms, position(record.offset))
            if start == count:
                break
            self._write(record, output)
        self._absorbed_notes[sender] = max(absorbed, int(offsets[-1]))

    def _people(self) -> People:
        state = self.state
        self._block_due = room_for(self._block_due, len(state.people.arrays.dirty))
        return People(
            state.people.arrays,
            state.memberships.arrays,
            state.groups.arrays,
            state.names.arrays,
            state.vias.arrays,
            self._block_due,
            self._scratch,
            Desk(self._book, self._moves),
        )

    def _write(self, record: Record, output: Output) -> None:
        """What kernels have given so far, as rows."""
        cursor = self._moves.cursor
        keys = self.state.people.arrays
        if cursor[0]:
            found = self._moves.transitions[: cursor[0]]
            output.rows.append(
                self._rows(SEGMENT_TRANSITIONS.name, transition_rows(keys, found, record.timestamp))
            )
        if cursor[1]:
            given = self._moves.medals[: cursor[1]]
            output.rows.append(self._rows(MEDALS.name, medal_rows(keys, given, record.timestamp)))
        cursor[:2] = 0

    def snapshots(self, version: int) -> Iterator[Rows]:
        """A row of `users` for each person changed since the last call."""
        for some in in_pieces(self.state.people.take_touched()):
            batch = user_rows(self.state, some, version, self._rules, self._book)
            if batch.num_rows:
                yield self._rows(USERS.name, batch)

    def _rows(self, table: str, batch: pa.RecordBatch) -> Rows:
        return Rows(table, f"{NAME}/{self.partition}", batch)

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Message]:
        """Nobody is behind this stage."""
        return []

    def meta(self) -> bytes:
        """Receipt, clock, the notes that were taken in, and which rules were in force."""
        return msgspec.msgpack.encode(
            _Meta(self.receipt, self.clock, self._absorbed_notes, self._rules.model_dump_json())
        )

    def restore_meta(self, meta: bytes) -> None:
        """Put it back, and from the rows whose rules are whose and when someone is due next.

        Under other rules than before everybody is looked at again: from now on they are judged by these.
        """
        found = msgspec.msgpack.decode(meta, type=_Meta)
        self.receipt, self.clock = found.receipt, found.clock
        self._absorbed_notes = found.absorbed_notes
        keys = self.state.people.arrays
        count = len(self.state.people)
        people = keys.rows[:count]
        if count and found.rules != self._rules.model_dump_json():
            who = key_column(keys.arena, keys.starts, np.arange(count), first=True)
            people["rules"] = rule_numbers(self._rules, who)
            people["due"] = 0
            keys.dirty[: -(-count // PEOPLE_BLOCK)] = 1
        self._block_due = earliest_of(people["due"], len(keys.dirty), PEOPLE_BLOCK)
