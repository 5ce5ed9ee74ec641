"""Stage users: every person's activity and their way along the lifecycle ladder."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from schemas.actions import BY_USER, ROLES
from schemas.rules import Rules
from schemas.tables import SEGMENT_TRANSITIONS, USERS, position
from streams.clock import NO_CLOCK, StageClock
from streams.columnar import Array, StateTable
from streams.packing import Message, Record, Rows, Stamp, checked_headers, unpack_batch
from streams.records import Records
from streams.stage import Output, Receipt
from streams.text import Text, key_column, moments, words
from streams.users.absorb import MOVES_AT_ONCE, absorb_actions, settle_due
from streams.users.state import (
    NEVER,
    PEOPLE_BLOCK,
    RULES,
    SEGMENTS,
    TRANSITION,
    People,
    Thresholds,
    person_tables,
)

NAME = BY_USER.stage
INPUT = BY_USER.topic
_OUT_ROOM = 65_536


class _Meta(msgspec.Struct):
    receipt: Receipt
    clock: StageClock


class Users:
    """The people of one partition of ``actions-by-user``. See `streams.stage.Reducer`."""

    def __init__(self, partition: int, rules: Rules) -> None:
        self.partition = partition
        self.people, self.memberships, self.groups = person_tables()
        self.tables: Sequence[StateTable] = (self.people, self.memberships, self.groups)
        self.receipt = Receipt()
        self.clock = StageClock()
        self._thresholds = Thresholds.of(rules)
        self._block_due: Array = np.zeros(0, np.int64)
        self._out: Array = np.zeros(_OUT_ROOM + 2 * MOVES_AT_ONCE, TRANSITION)
        self._cursor = np.zeros(2, np.int64)

    @property
    def clock_ms(self) -> int:
        """The stage's clock; below 0 when there is none yet."""
        return self.clock.now_ms

    def absorb(self, records: Records) -> Output:
        """Take packed actions and ticks in; gives transitions."""
        output = Output()
        for record in records:
            self._cursor[1] = 0
            stamp = Stamp.of(checked_headers(record.headers))
            if record.value:
                self._actions(stamp, unpack_batch(record.value), record, output)
            now = self.clock.advance(stamp)
            if now != NO_CLOCK:
                while not settle_due(self._state(), self._thresholds, now, position(record.offset)):
                    self._write_transitions(record, output)
            self._write_transitions(record, output)
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
        community, user, group = (Text.of(batch[c]) for c in ("community_id", "user_id", "group_id"))
        text_bytes = sum(len(t.data) for t in (community, user, group)) + 2 * count
        self.people.reserve(count, text_bytes)
        self.memberships.reserve(count, 8 * count)
        self.groups.reserve(count, text_bytes)
        start = 0
        while True:
            start = absorb_actions(
                self._state(),
                self._thresholds,
                start,
                absorbed,
                position(record.offset),
                offsets,
                batch["clock"].to_numpy(),
                batch["occurred_at"].to_numpy(),
                batch["action"].to_numpy(),
                batch["role"].to_numpy(),
                community,
                user,
                group,
            )
            if start == count:
                return
            self._write_transitions(record, output)

    def _state(self) -> People:
        blocks = len(self.people.arrays.dirty)
        if blocks > len(self._block_due):
            due = np.full(blocks, NEVER, np.int64)
            due[: len(self._block_due)] = self._block_due
            self._block_due = due
        return People(
            self.people.arrays,
            self.memberships.arrays,
            self.groups.arrays,
            self._block_due,
            self._out,
            self._cursor,
        )

    def _write_transitions(self, record: Record, output: Output) -> None:
        count = int(self._cursor[0])
        if not count:
            return
        self._cursor[0] = 0
        found = self._out[:count]
        keys = self.people.arrays
        rows = found["row"]
        evidence = [
            f'{{"active_days_28":{days},"score":{score!r},"last_at":{last},"groups":{groups}}}'
            for days, score, last, groups in zip(
                found["days"].tolist(), found["score"].tolist(), found["last_at"].tolist(),
                found["groups"].tolist(), strict=True,
            )
        ]  # fmt: skip
        columns = {
            "community_id": key_column(keys.arena, keys.starts, rows, first=True),
            "user_id": key_column(keys.arena, keys.starts, rows, first=False),
            "ladder": pa.repeat("lifecycle", count),
            "from_segment": words(found["before"], SEGMENTS),
            "to_segment": words(found["after"], SEGMENTS),
            "at": moments(found["at"]),
            "rule": words(found["rule"], RULES),
            "evidence": pa.array(evidence, pa.string()),
            "_position": pa.array(found["position"]),
            "_ingested_at": moments(np.full(count, record.timestamp)),
        }
        output.rows.append(self._rows(SEGMENT_TRANSITIONS.name, columns, SEGMENT_TRANSITIONS.arrow_schema))

    def snapshots(self, version: int) -> list[Rows]:
        """A row of `users` for each person changed since the last call."""
        touched = self.people.take_touched()
        if not len(touched):
            return []
        keys = self.people.arrays
        people = keys.rows[touched]
        day = people["day"].astype(np.int64)
        ages = (day[:, None] - np.arange(7)) % people["ring"].shape[1]
        counts = people["counts"]
        columns = {
            "community_id": key_column(keys.arena, keys.starts, touched, first=True),
            "user_id": key_column(keys.arena, keys.starts, touched, first=False),
            "segment": words(people["segment"], SEGMENTS),
            "segment_since": moments(people["since"]),
            "first_at": moments(people["first_at"]),
            "last_at": moments(people["last_at"]),
            **{
                name: pa.array(counts[:, code])
                for code, name in enumerate(("joins", "posts", "shares", "leaves", "purchases", "views"))
            },
            "active_days_28": pa.array(np.bitwise_count(people["days"]).astype(np.uint8)),
            "actions_7": pa.array(np.take_along_axis(people["ring"], ages, 1).sum(1, dtype=np.uint32)),
            "actions_28": pa.array(people["ring"].sum(1, dtype=np.uint32)),
            "score": pa.array(people["score"]),
            "score_at": moments(people["score_at"]),
            "groups": pa.array(people["groups"]),
            "groups_left": pa.array(people["groups_left"]),
            "role": words(people["role"], ROLES),
            "_version": pa.array(np.full(len(touched), version, np.uint64)),
        }
        return [self._rows(USERS.name, columns, USERS.arrow_schema)]

    def _rows(self, table: str, columns: dict[str, pa.Array], schema: pa.Schema) -> Rows:
        batch = pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
        return Rows(table, f"{NAME}/{self.partition}", batch)

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Message]:
        """Nobody is behind this stage."""
        return []

    def meta(self) -> bytes:
        """Receipt and clock."""
        return msgspec.msgpack.encode(_Meta(self.receipt, self.clock))

    def restore_meta(self, meta: bytes) -> None:
        """Receipt and clock, and from the rows when someone is due next."""
        found = msgspec.msgpack.decode(meta, type=_Meta)
        self.receipt, self.clock = found.receipt, found.clock
        count = len(self.people)
        self._block_due = np.full(len(self.people.arrays.dirty), NEVER, np.int64)
        if count:
            dues = self.people.arrays.rows["due"][:count]
            firsts = np.arange(0, count, PEOPLE_BLOCK)
            self._block_due[: len(firsts)] = np.minimum.reduceat(dues, firsts)
