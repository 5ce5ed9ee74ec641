"""Stage intake: takes what apps send, judges each message once, keeps it and routes it to other stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from schemas.actions import ROUTES, Route
from schemas.rules import DAY_MS, Rules
from schemas.table import POSITION_ROW_BITS
from schemas.tables import EVENTS, REJECTED
from streams.columnar import Array, StateTable
from streams.compiled import KEY_ROOM
from streams.intake.actions import pack_actions
from streams.intake.columns import Columns, indexes, take
from streams.intake.decode import Decoded, Refusal, decode
from streams.intake.judge import ACCEPTED, BEFORE_1970, DUPLICATE, FROM_FUTURE, NO_EVENTS, judge
from streams.intake.recent import RecentIds
from streams.packing import Message, Record, Rows, Stamp
from streams.records import OFFSET, TIMESTAMP, Records
from streams.stage import Output, Receipt
from streams.text import Text, moments

NAME = "intake"
INPUT = "events"
REPLAY_HEADER = "replay-of"
TICK_MS = 1_000
"""A stage that got nothing for so long gets a tick."""
IDLE_MS = 5_000
"""A partition that was read to its end and had nothing for so long is idle."""


class _Meta(msgspec.Struct):
    receipt: Receipt
    clock_ms: int
    broker_ms: int
    offset: int
    replayed: list[int]
    targets: dict[str, int]


class Intake:
    """One partition of the topic of events. See `streams.stage.Reducer`."""

    def __init__(
        self,
        partition: int,
        rules: Rules,
        *,
        sources: int,
        partitions: Callable[[str], int],
        max_event_bytes: int = 65_536,
        routes: Sequence[Route] = ROUTES,
    ) -> None:
        self.partition = partition
        self.recent = RecentIds()
        self._scratch = np.empty(KEY_ROOM, np.uint8)
        self.tables: Sequence[StateTable] = (self.recent,)
        self.receipt = Receipt()
        self.clock_ms = NO_EVENTS
        self._sources = sources
        self._max_bytes = max_event_bytes
        self._window = rules.dedup_window_s * 1000
        self._future = rules.future_s * 1000
        self._late = rules.late_days * DAY_MS
        self._routes = tuple(routes)
        self._targets = {route.topic: partitions(route.topic) for route in routes}
        self._broker_ms = 0
        self._offset = -1
        self._replayed: set[int] = set()
        self._told: dict[tuple[str, int], int] = {}
        self._now_ms = 0
        self._caught_up_ms: int | None = None

    held = 0
    held_from = None
    """Nothing is held back."""

    def absorb(self, records: Records) -> Output:
        """Judge records; gives rows for `events` and `rejected`, and actions along every route."""
        if records.have_headers():
            return self._absorb_replays(records)
        return self._absorb(records, None)

    def _absorb_replays(self, records: Records) -> Output:
        """A batch in which some messages repeat refused ones: those go in one at a time."""
        output = Output()
        plain: list[Record] = []

        def add(part: Output) -> None:
            output.rows += part.rows
            output.messages += part.messages

        for record in records:
            replay_of = _replay_of(record)
            if replay_of is None:
                plain.append(record)
                continue
            if plain:
                add(self._absorb(Records.of(plain), None))
                plain = []
            if replay_of in self._replayed:
                self.receipt.consumed += 1
                self.receipt.duplicate += 1
                self._passed(record.offset, record.timestamp)
                continue
            before = self.receipt.accepted
            add(self._absorb(Records.of([record]), replay_of))
            if self.receipt.accepted > before:
                self._replayed.add(replay_of)
        if plain:
            add(self._absorb(Records.of(plain), None))
        return output

    def _absorb(self, records: Records, replay_of: int | None) -> Output:
        values = records.values()
        offsets, arrived = records.column(OFFSET), records.column(TIMESTAMP)
        decoded = decode(values, self._max_bytes)
        output = Output()
        accepted = 0
        if decoded.events:
            columns = Columns(decoded.events)
            taken = slice(None) if len(decoded.indexes) == len(values) else np.array(decoded.indexes)
            verdict, clocks, late = self._judge(columns, arrived[taken])
            self._refuse(verdict, columns, decoded)
            kept = indexes(verdict == ACCEPTED)
            accepted = len(verdict) if kept is None else len(kept)
            self.receipt.duplicate += int(np.count_nonzero(verdict == DUPLICATE))
            if accepted:
                mine = offsets[taken]
                output.rows.append(self._event_rows(columns, kept, mine, arrived[taken], late, replay_of))
                for route in self._routes:
                    output.messages += self._actions(route, columns, kept, mine, clocks)
        if decoded.refused:
            output.rows.append(self._rejected_rows(records, decoded.refused, replay_of))
        self.receipt.consumed += len(values)
        self.receipt.accepted += accepted
        self.receipt.rejected += len(decoded.refused)
        self._passed(int(offsets[-1]), int(arrived[-1]))
        return output

    def _passed(self, offset: int, broker_ms: int) -> None:
        self._offset = offset
        self._broker_ms = max(self._broker_ms, broker_ms)

    def _judge(self, columns: Columns, arrived: Array) -> tuple[Array, Array, Array]:
        count = len(arrived)
        self.recent.reserve(count, self.clock_ms - self._window)
        verdict, late = np.zeros(count, np.uint8), np.zeros(count, np.uint8)
        clocks = np.zeros(count, np.int64)
        clock = judge(
            self.recent.arrays,
            columns.occurred_at,
            arrived,
            Text.of(columns.text["community_id"]),
            Text.of(columns.text["event_id"]),
            self.clock_ms,
            self._window,
            self._future,
            self._late,
            verdict,
            clocks,
            late,
            self._scratch,
        )
        self.clock_ms = int(clock)
        return verdict, clocks, late

    def _refuse(self, verdict: Array, columns: Columns, decoded: Decoded) -> None:
        """Events of the right shape that can't be: they join the refused ones."""
        for i in np.flatnonzero(verdict >= FROM_FUTURE):
            at = f"occurred_at: {int(columns.occurred_at[i])} ms is"
            if verdict[i] == BEFORE_1970:
                refusal = Refusal(decoded.indexes[i], "before_1970", f"{at} before 1970-01-01T00:00:00Z")
            else:
                ahead = f"{at} more than {self._future // 1000} s ahead of the broker's clock"
                refusal = Refusal(decoded.indexes[i], "from_future", ahead)
            decoded.refused.append(refusal)
        decoded.refused.sort(key=lambda refusal: refusal.index)

    def _event_rows(
        self,
        columns: Columns,
        kept: pa.Array | None,
        offsets: Array,
        arrived: Array,
        late: Array,
        replay_of: int | None,
    ) -> Rows:
        found: dict[str, pa.Array] = {
            **columns.text,
            "occurred_at": moments(columns.occurred_at),
            "amount": columns.amount,
            "late": pa.array(late),
            "source_partition": pa.array(np.full(len(offsets), self.partition, np.uint16)),
            "source_offset": pa.array(offsets.astype(np.uint64)),
            "replay_of": pa.array([replay_of] * len(offsets), pa.uint64()),
            "_position": pa.array(offsets.astype(np.uint64) << POSITION_ROW_BITS),
            "_ingested_at": moments(arrived),
        }
        schema = EVENTS.arrow_schema
        arrays = [take(found[name], kept) for name in schema.names]
        return Rows(EVENTS.name, self._mark, pa.RecordBatch.from_arrays(arrays, schema=schema))

    def _rejected_rows(self, records: Records, refused: list[Refusal], replay_of: int | None) -> Rows:
        mine = [records[refusal.index] for refusal in refused]
        offsets = np.array([r.offset for r in mine], np.uint64)
        found: dict[str, pa.Array] = {
            "reason": pa.array([r.reason for r in refused], pa.string()),
            "error": pa.array([r.error for r in refused], pa.string()),
            "payload": pa.array([r.value or b"" for r in mine], pa.binary()),
            "key": pa.array([r.key or b"" for r in mine], pa.binary()),
            "source_partition": pa.array(np.full(len(mine), self.partition, np.uint16)),
            "source_offset": pa.array(offsets),
            "replay_of": pa.array([replay_of] * len(mine), pa.uint64()),
            "_position": pa.array(offsets << POSITION_ROW_BITS),
            "_ingested_at": moments(np.array([r.timestamp for r in mine], np.int64)),
        }
        schema = REJECTED.arrow_schema
        batch = pa.RecordBatch.from_arrays([found[name] for name in schema.names], schema=schema)
        return Rows(REJECTED.name, self._mark, batch)

    @property
    def _mark(self) -> str:
        return f"{NAME}/{self.partition}"

    def _actions(
        self, route: Route, columns: Columns, kept: pa.Array | None, offsets: Array, clocks: Array
    ) -> list[Message]:
        """The packed actions of a batch along one route."""
        given = {
            **columns.text,
            "action": columns.action,
            "role": columns.role,
            "kind": columns.kind,
            "flags": columns.flags,
            "link": columns.link,
            "amount": columns.millionths,
            "source_offset": pa.array(offsets),
            "clock": pa.array(clocks),
            "occurred_at": pa.array(columns.occurred_at),
        }
        messages = pack_actions(
            route, given, kept,
            partitions=self._targets[route.topic], source=self.partition, sources=self._sources,
        )  # fmt: skip
        for message in messages:
            self._told[message.topic, message.partition] = self._now_ms
        return messages

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Message]:
        """A tick to every partition of every route that has had nothing for a second."""
        self._now_ms = now_ms
        if not caught_up:
            self._caught_up_ms = None
        elif self._caught_up_ms is None:
            self._caught_up_ms = now_ms
        quiet = now_ms - self._broker_ms
        # Seen quiet for so long, not only found so: after an outage the apps get time to come back, too.
        idle = self._caught_up_ms is not None and min(quiet, now_ms - self._caught_up_ms) >= IDLE_MS
        clock = self.clock_ms + quiet if idle and self.clock_ms != NO_EVENTS else self.clock_ms
        headers = Stamp(self.partition, self._sources, self._offset, clock, idle).headers()
        messages = []
        for route in self._routes:
            for number in range(self._targets[route.topic]):
                if now_ms - self._told.get((route.topic, number), 0) >= TICK_MS:
                    self._told[(route.topic, number)] = now_ms
                    messages.append(Message(route.topic, number, b"", headers))
        return messages

    def snapshots(self, version: int) -> list[Rows]:
        """Intake has no entities but its receipt."""
        return []

    def meta(self) -> bytes:
        """Receipt, clock, and which refused messages were brought in again."""
        return msgspec.msgpack.encode(
            _Meta(
                self.receipt,
                self.clock_ms,
                self._broker_ms,
                self._offset,
                sorted(self._replayed),
                self._targets,
            )
        )

    def restore_meta(self, meta: bytes) -> None:
        """Put it back. Raises `ValueError` when a topic was given another number of partitions."""
        found = msgspec.msgpack.decode(meta, type=_Meta)
        for topic, count in found.targets.items():
            if self._targets.get(topic, count) != count:
                raise ValueError(
                    f"topic {topic} had {count} partitions and has {self._targets[topic]} now: each person's "
                    "actions would go elsewhere than their state. Give it its partitions back, or start anew"
                )
        self.receipt, self.clock_ms, self._broker_ms = found.receipt, found.clock_ms, found.broker_ms
        self._offset, self._replayed = found.offset, set(found.replayed)


def _replay_of(record: Record) -> int | None:
    """The offset that a message says it repeats: 1 to 19 ASCII digits; the last such header counts."""
    found = None
    for name, value in record.headers:
        if name == REPLAY_HEADER and value.isdigit() and len(value) < 20:
            found = int(value)
    return found
