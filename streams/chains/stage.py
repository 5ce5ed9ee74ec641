"""Stage chains: how each content spreads from share to share, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from schemas.actions import BY_CONTENT
from schemas.chain_tables import CONTENTS, EXPLOSIVE_CONTENT, REFUSED_SHARES, SHARES
from schemas.group_tables import ALERT_CHANGES
from schemas.rules import DAY_MS, Rules
from schemas.table import position
from streams.alerts import OpenAlerts
from streams.arrow_rows import in_pieces, texts_of
from streams.chains.absorb import COMMUNITY_KEY, Actions, absorb_actions
from streams.chains.cold import cold_contents, pack, packed_table, unpack
from streams.chains.explosive import finish_hours
from streams.chains.rows import alert_rows, content_rows, refused_rows, share_rows
from streams.chains.state import (
    ALERT,
    ALERT_ROWS,
    ALERTS,
    LEVEL_KEY,
    LEVELS_NEEDED,
    NEVER,
    REFUSALS,
    REFUSED,
    ChainState,
    Moves,
    Tables,
    rule_rows,
)
from streams.clock import StageClock
from streams.columnar import Array, StateTable
from streams.compiled import KEY_ROOM
from streams.in_order import InOrder
from streams.merge import Ready
from streams.packing import Record, Rows
from streams.records import Records
from streams.rule_numbers import rule_numbers
from streams.stage import Output, Receipt
from streams.text import Text, key_column

NAME = BY_CONTENT.stage
INPUT = BY_CONTENT.topic
_ROOM = 4096
_NEW_COMMUNITIES = 16
_NEW_LEVELS = 256


class _Meta(msgspec.Struct):
    receipt: Receipt
    clock: StageClock
    processed: dict[int, int]
    counters: list[int]


class Chains(InOrder):
    """The contents of one partition of ``actions-by-content``. See `streams.stage.Reducer`."""

    def __init__(self, partition: int, rules: Rules) -> None:
        super().__init__(NAME, partition)
        self.state = Tables.empty()
        self.packed = packed_table()
        self.tables: Sequence[StateTable] = (*self.state, self.packed)
        self._rules = rules
        self._rule_rows = rule_rows(rules)
        self._counters = np.zeros(3, np.int64)
        self._scratch = np.empty(KEY_ROOM, np.uint8)
        self._moves = Moves(np.zeros(_ROOM, ALERT), np.zeros(_ROOM, REFUSED), np.zeros(5, np.int64))
        self._resolve_at = NEVER
        self._day = 0

    def absorb(self, records: Records) -> Output:
        """Take packed actions and ticks in; gives refused shares and changes of alerts."""
        output = Output()
        for record, now, ready in self.steps(records):
            self._moves.cursor[:] = 0
            if ready is not None:
                self._actions(ready, record, output)
            if self._resolve_at <= now:
                self._resolve(now, record, output)
            if now // DAY_MS != self._day:
                self._day = now // DAY_MS
                self._pack_cold(now)
        return output

    def _actions(self, ready: Ready, record: Record, output: Output) -> None:
        batch, order = ready
        count = len(order)
        self._unpack(batch)
        community, content, group, user, channel, share, parent, via = texts = [
            Text.of(batch[name])
            for name in (
                "community_id", "content_id", "group_id", "user_id", "channel",
                "share_id", "parent_share_id", "via_share_id",
            )
        ]  # fmt: skip
        actions = Actions(
            batch["clock"].to_numpy(),
            batch["occurred_at"].to_numpy(),
            batch["action"].to_numpy(),
            batch["amount"].to_numpy(),
            community, content, group, user, channel, share, parent, via,
            rule_numbers(self._rules, batch["community_id"]),
        )  # fmt: skip
        self._reserve(count, [int(text.offsets[-1]) - int(text.offsets[0]) for text in texts])
        start = 0
        while start < count:
            start = absorb_actions(self._arrays(), actions, order, start, position(record.offset))
            self._take(batch, record, output)

    def _unpack(self, batch: pa.RecordBatch) -> None:
        """Packed contents that stir come back before anything happens to them."""
        if not len(self.packed):
            return
        pairs = pa.Table.from_batches([batch]).group_by(["community_id", "content_id"]).aggregate([])
        for community, content in zip(*(pairs[name].to_pylist() for name in pairs.column_names), strict=True):
            key = community.encode() + b"\xff" + content.encode()
            if key in self.packed:
                unpack(self.state, self.packed, key)

    def _pack_cold(self, now: int) -> None:
        finish_hours(self._arrays(), now)  # nothing but actions looks at them, and there may have been none
        cold = cold_contents(self.state, now)
        if len(cold):
            pack(self.state, self.packed, cold, self._counters)

    def _reserve(self, count: int, text_bytes: Sequence[int]) -> None:
        community, content, group, user, channel, share, parent, via = text_bytes
        state = self.state
        state.contents.reserve(count, community + content + 2 * count)
        state.nodes.reserve(2 * count, share + parent + via + 10 * count)
        state.people.reserve(count, user + 5 * count)
        state.names.reserve(2 * count, group + channel + 2 * count)
        state.levels.reserve(_NEW_LEVELS, _NEW_LEVELS * LEVEL_KEY)

    def _arrays(self) -> ChainState:
        state, cursor = self.state, self._moves.cursor
        state.communities.reserve(_NEW_COMMUNITIES, _NEW_COMMUNITIES * COMMUNITY_KEY)
        levels = max(int(cursor[LEVELS_NEEDED]), 1)
        state.levels.reserve(levels, levels * LEVEL_KEY)
        cursor[LEVELS_NEEDED] = 0
        return ChainState(
            state.contents.arrays, state.nodes.arrays, state.people.arrays, state.levels.arrays,
            state.communities.arrays, state.names.arrays,
            self._counters, self._rule_rows, self._scratch, self._moves,
        )  # fmt: skip

    def _take(self, batch: pa.RecordBatch, record: Record, output: Output) -> None:
        """Take what kernels have given so far."""
        cursor = self._moves.cursor
        if cursor[REFUSALS]:
            refused = self._moves.refused[: cursor[REFUSALS]]
            rows = refused_rows(batch, refused, record.timestamp)
            output.rows.append(self.rows(REFUSED_SHARES.name, rows))
            cursor[REFUSALS] = 0
        if cursor[ALERTS]:
            alerts = self._moves.alerts[: cursor[ALERTS]]
            evidence = [
                {name: int(alert[name]) for name in ("shares", "contents", "as_many")} for alert in alerts
            ]
            rows = alert_rows(
                self.state, alerts["row"], "opened", alerts["at"], evidence, alerts["position"],
                record.timestamp,
            )  # fmt: skip
            output.rows.append(self.rows(ALERT_CHANGES.name, rows))
            cursor[ALERTS] = 0
            self._resolve_at = self._next_to_resolve()

    def _open(self) -> Array:
        """The contents with an open alert."""
        contents = self.state.contents.arrays.rows[: len(self.state.contents)]
        return np.flatnonzero(contents["resolve_at"] != NEVER)

    def _next_to_resolve(self) -> int:
        contents = self.state.contents.arrays.rows[: len(self.state.contents)]
        return int(contents["resolve_at"].min(initial=NEVER))

    def _resolve(self, now: int, record: Record, output: Output) -> None:
        """Alerts that end at or before `now` resolve, in the order of their ends."""
        keys, cursor = self.state.contents.arrays, self._moves.cursor
        found = self._open()
        found = found[keys.rows["resolve_at"][found] <= now]
        serials, ends = keys.rows["serial"][found], keys.rows["resolve_at"][found]
        found = found[np.lexsort((serials, ends))]
        contents = keys.rows[found]
        evidence = [{"shares_first_hour": int(content["hour_shares"])} for content in contents]
        first = position(record.offset) + int(cursor[ALERT_ROWS])
        positions = np.arange(first, first + len(found), dtype=np.uint64)
        rows = alert_rows(
            self.state, found, "resolved", contents["resolve_at"], evidence, positions, record.timestamp
        )
        output.rows.append(self.rows(ALERT_CHANGES.name, rows))
        cursor[ALERT_ROWS] += len(found)
        keys.rows["resolve_at"][found] = NEVER
        keys.dirty[found // self.state.contents.block_rows] = 1
        self._resolve_at = self._next_to_resolve()

    def snapshots(self, version: int) -> Iterator[Rows]:
        """A row for each content and each share changed since the last call."""
        for some in in_pieces(self.state.contents.take_touched()):
            yield self.rows(CONTENTS.name, content_rows(self.state, some, version))
        for some in in_pieces(self.state.nodes.take_touched()):
            yield self.rows(SHARES.name, share_rows(self.state, some, version))

    def alerts(self) -> OpenAlerts:
        """Open alerts. See `AlertSource`."""
        found, keys = self._open(), self.state.contents.arrays
        communities, contents = (
            key_column(keys.arena, keys.starts, found, first=first).to_pylist() for first in (True, False)
        )
        groups = texts_of(self.state.names.arrays, keys.rows["group"][found]).to_pylist()
        rules = [EXPLOSIVE_CONTENT] * len(found)
        return OpenAlerts(list(zip(communities, groups, rules, contents, strict=True)))

    def meta(self) -> bytes:
        """Receipt, clock, what of each source was taken in, and the counters."""
        return msgspec.msgpack.encode(
            _Meta(self.receipt, self.clock, self.merge.processed, self._counters.tolist())
        )

    def restore_meta(self, meta: bytes) -> None:
        """Put it back, and from the rows when the next alert resolves."""
        found = msgspec.msgpack.decode(meta, type=_Meta)
        self.receipt, self.clock = found.receipt, found.clock
        self.merge.processed = found.processed
        self._counters[:] = found.counters
        self._resolve_at = self._next_to_resolve()
