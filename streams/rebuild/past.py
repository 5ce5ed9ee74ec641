"""The events of the database as the people stage had them: packed actions, in the order of stream time.

The clock of a source partition after an event is the highest `occurred_at` so far. The engine lays all events
out by it in a table of its own, sorting on disk what is too much for memory; from there they are read a page
at a time. A chunk ends with a day, or when it is large: what partitions of the people stage write to each
other then comes soon after what caused it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver.client import Client

from schemas.actions import BY_USER, KINDS, ROLES
from schemas.events import ACTIONS
from schemas.rules import DAY_MS
from streams.clock import NO_CLOCK
from streams.columnar import Array
from streams.intake.actions import flags_of, invited_of, link_of, millionths_of, pack_actions
from streams.packing import Message, Stamp

ORDERED = "events_by_clock"
PAGE_ROWS = 300_000
CHUNK_ROWS = 20_000
DAY_ROWS = 256
"""With fewer events a chunk takes the next day, too."""
SORT_BYTES = 512 << 20
"""What a sort may keep in memory before it goes to disk."""

_KEY = "clock, source_partition, source_offset"
_SELECT = """
SELECT
    max(occurred_at) OVER (
        ORDER BY source_offset ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS clock,
    source_partition, source_offset, occurred_at, action, community_id, group_id, user_id, role, kind,
    reply_to, via_share_id, share_id, inviter_id, amount, _ingested_at
FROM events
WHERE source_partition = {source:UInt16}
"""


@dataclass(frozen=True)
class Chunk:
    """Some events on their way, and ticks with which every partition comes to where they end."""

    events: int
    messages: list[Message]
    ingested_ms: int
    """When the broker took the latest of these."""


class Past:
    """All events of the database, once, in stream time.

    `reached_ms` is how far time had come: a source partition that had no events since does not hold back
    the others up to there, and at the end time stands there.
    """

    def __init__(self, client: Client, *, sources: int, partitions: int, reached_ms: int) -> None:
        self._client = client
        self._sources = sources
        self._partitions = partitions
        self._reached_ms = reached_ms
        self._heard = dict.fromkeys(range(sources), (-1, NO_CLOCK))
        """Of each source the offset of its last event so far, and the clock after it."""

    def lay_out(self) -> Iterator[int]:
        """Sort the events into a table, a source at a time; its number before each."""
        self.drop()
        nothing = _SELECT.replace("{source:UInt16}", "0")
        self._client.command(
            f"CREATE TABLE {ORDERED} ENGINE = MergeTree ORDER BY ({_KEY}) EMPTY AS {nothing}"
        )
        for source in range(self._sources):
            yield source
            self._client.command(
                f"INSERT INTO {ORDERED} {_SELECT}",
                parameters={"source": source},
                settings={"max_bytes_before_external_sort": SORT_BYTES},
            )

    def drop(self) -> None:
        """Remove that table."""
        self._client.command(f"DROP TABLE IF EXISTS {ORDERED}")

    def begin(self) -> list[Message]:
        """Before the first event every source is heard of, and there is no time yet."""
        return self._all_ticks(NO_CLOCK)

    def chunks(self) -> Iterator[Chunk]:
        """All of them, in order."""
        for page in self._pages():
            clocks = page["clock"].to_numpy()
            for start, stop in _cut(clocks):
                yield self._chunk(page.slice(start, stop - start), int(clocks[stop - 1]))

    def end(self) -> list[Message]:
        """Time comes to where it stood: whoever had nothing until then was idle."""
        messages = []
        for source, (offset, clock) in self._heard.items():
            idle = clock < self._reached_ms
            stamp = Stamp(source, self._sources, offset, self._reached_ms if idle else clock, idle)
            messages += self._ticks(stamp)
        return messages

    def _chunk(self, rows: pa.RecordBatch, upto_ms: int) -> Chunk:
        sources = rows["source_partition"].to_numpy()
        messages: list[Message] = []
        for source in np.unique(sources).tolist():
            mine = rows.take(pa.array(np.flatnonzero(sources == source)))
            columns = {name: mine[name] for name in mine.schema.names}
            messages += pack_actions(
                BY_USER, columns, None, partitions=self._partitions, source=source, sources=self._sources
            )
            self._heard[source] = mine["source_offset"][-1].as_py(), mine["clock"][-1].as_py()
        messages += self._all_ticks(min(upto_ms, self._reached_ms))
        return Chunk(rows.num_rows, messages, pc.max(rows["ingested_at"]).as_py())

    def _all_ticks(self, known_ms: int) -> list[Message]:
        """Every source has said all that it had to say up to a moment."""
        return [
            tick
            for source, (offset, clock) in self._heard.items()
            for tick in self._ticks(Stamp(source, self._sources, offset, max(clock, known_ms)))
        ]

    def _ticks(self, stamp: Stamp) -> list[Message]:
        headers = stamp.headers()
        return [Message(BY_USER.topic, number, b"", headers) for number in range(self._partitions)]

    def _pages(self) -> Iterator[pa.RecordBatch]:
        where = ""
        last: dict[str, int] = {}
        while True:
            page = self._client.query_arrow(
                f"SELECT * FROM {ORDERED} {where} ORDER BY {_KEY} LIMIT {PAGE_ROWS}",  # noqa: S608 our own
                parameters=last,
            )
            if not page.num_rows:
                return
            rows = _actions(page.combine_chunks().to_batches()[0])
            yield rows
            last = {name: rows[name][-1].as_py() for name in ("clock", "source_partition", "source_offset")}
            # The first condition alone is looked up in the index.
            clock = "fromUnixTimestamp64Milli({clock:Int64}, 'UTC')"
            where = (
                f"WHERE clock >= {clock} AND ({_KEY}) > "
                f"({clock}, {{source_partition:UInt16}}, {{source_offset:UInt64}})"
            )


def _actions(found: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of the table as the columns of actions, and what else is needed of them."""
    action = _codes(found["action"], ACTIONS)
    codes = action.to_numpy()
    invited = invited_of(found["inviter_id"], found["user_id"])
    columns = {
        "clock": _ms(found["clock"]),
        "source_partition": found["source_partition"],
        "source_offset": found["source_offset"].cast(pa.int64()),
        "occurred_at": _ms(found["occurred_at"]),
        "action": action,
        "community_id": found["community_id"],
        "group_id": found["group_id"],
        "user_id": found["user_id"],
        "role": _codes(found["role"], ROLES),
        "kind": _codes(found["kind"], KINDS),
        "flags": flags_of(codes, found["reply_to"], found["via_share_id"], invited),
        "link": link_of(codes, found["share_id"], found["inviter_id"], found["via_share_id"], invited),
        "amount": millionths_of(found["amount"]),
        "ingested_at": _ms(found["_ingested_at"]),
    }
    return pa.RecordBatch.from_pydict(columns)


def _codes(column: pa.StringArray, names: tuple[str, ...]) -> pa.Array:
    return pc.index_in(column, value_set=pa.array(names)).cast(pa.uint8())


def _ms(column: pa.TimestampArray) -> pa.Array:
    return column.cast(pa.timestamp("ms", "UTC")).cast(pa.int64())


def _cut(clocks: Array) -> Iterator[tuple[int, int]]:
    """Where chunks of a page begin and end."""
    start = 0
    for stop in [*(np.flatnonzero(np.diff(clocks // DAY_MS)) + 1).tolist(), len(clocks)]:
        if stop - start < DAY_ROWS and stop < len(clocks):
            continue
        for at in range(start, stop, CHUNK_ROWS):
            yield at, min(at + CHUNK_ROWS, stop)
        start = stop
