"""Stage groups: who is in each group, how healthy it is, and the moment something is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from schemas.actions import BY_GROUP
from schemas.group_tables import ALERT_CHANGES, GROUPS, MEMBERSHIPS
from schemas.rules import Rules
from schemas.table import position
from streams.alerts import OpenAlerts
from streams.arrow_rows import in_pieces
from streams.calendar import Zone
from streams.clock import StageClock
from streams.columnar import Array, StateTable
from streams.compiled import KEY_ROOM
from streams.due import earliest_of, room_for
from streams.groups.absorb import Actions, absorb_actions
from streams.groups.evidence import churn_detail, evidence_of
from streams.groups.renew import renew_all
from streams.groups.rows import alert_rows, group_rows, membership_rows
from streams.groups.rulebook import GroupRulebook
from streams.groups.settle import settle_due
from streams.groups.state import (
    ALERT,
    ALERTS,
    GROUP_BLOCK,
    GROUP_SILENCE,
    NEVER,
    PAUSED,
    ROWS,
    RULE_NAMES,
    Desk,
    GroupState,
    Moves,
    Tables,
)
from streams.in_order import InOrder
from streams.merge import Ready
from streams.packing import Record, Rows
from streams.records import Records
from streams.rule_numbers import rule_numbers
from streams.stage import Output, Receipt
from streams.text import Text, key_column

NAME = BY_GROUP.stage
INPUT = BY_GROUP.topic
_ALERT_ROOM = 4096
_NEW_CHARTS = 64
_LEAST_NUMBERS = 64


class _Meta(msgspec.Struct):
    receipt: Receipt
    clock: StageClock
    processed: dict[int, int]
    generation: int
    rules: str


class _Told(NamedTuple):
    """Changes of alerts on their way out."""

    alerts: list[Array]
    """Of `ALERT`."""
    evidence: list[str]
    """JSON, of each."""
    ingested_ms: list[int]


class Groups(InOrder):
    """The groups of one partition of ``actions-by-group``. See `streams.stage.Reducer`."""

    def __init__(self, partition: int, rules: Rules) -> None:
        super().__init__(NAME, partition)
        self.state = Tables.empty()
        self.tables: Sequence[StateTable] = tuple(self.state)
        self._rules = rules
        self._book = GroupRulebook.of(rules)
        self._generation = np.full(1, -1, np.int64)
        self._scratch = np.empty(KEY_ROOM, np.uint8)
        self._numbers: Array = np.empty(_LEAST_NUMBERS, np.int64)
        self._block_due: Array = np.zeros(0, np.int64)
        self._moves = Moves(np.zeros(_ALERT_ROOM, ALERT), np.zeros(3, np.int64))

    def absorb(self, records: Records) -> Output:
        """Take packed actions and ticks in; gives changes of alerts."""
        told = _Told([], [], [])
        for record, now, ready in self.steps(records):
            self._moves.cursor[ROWS] = 0
            if ready is not None:
                self._actions(ready, record, told)
            while not self._settled(now, record, told):
                pass
        output = Output()
        if told.alerts:
            alerts = np.concatenate(told.alerts)
            batch = alert_rows(self.state.groups.arrays, alerts, told.evidence, told.ingested_ms)
            output.rows.append(self.rows(ALERT_CHANGES.name, batch))
        return output

    def _settled(self, now: int, record: Record, told: _Told) -> bool:
        done = settle_due(self._arrays(), now, position(record.offset))
        self._take(record, told)
        return done

    def _actions(self, ready: Ready, record: Record, told: _Told) -> None:
        batch, order = ready
        count = len(order)
        community, group, user, content, reply_to, channel, inviter = texts = [
            Text.of(batch[name])
            for name in (
                "community_id", "group_id", "user_id", "content_id", "reply_to", "channel", "inviter_id",
            )
        ]  # fmt: skip
        actions = Actions(
            batch["clock"].to_numpy(),
            batch["occurred_at"].to_numpy(),
            batch["action"].to_numpy(),
            batch["role"].to_numpy(),
            batch["kind"].to_numpy(),
            batch["amount"].to_numpy(),
            community, group, user, content, reply_to, channel, inviter,
            rule_numbers(self._rules, batch["community_id"]),
        )  # fmt: skip
        self._reserve(count, [int(text.offsets[-1]) - int(text.offsets[0]) for text in texts])
        start = 0
        while start < count:
            start = absorb_actions(self._arrays(), actions, order, start, position(record.offset))
            self._take(record, told)

    def _reserve(self, count: int, text_bytes: Sequence[int]) -> None:
        community, group, user, content, _, channel, inviter = text_bytes
        state = self.state
        state.groups.reserve(count, community + group + 2 * count)
        state.memberships.reserve(count, user + 5 * count)
        state.names.reserve(2 * count, channel + inviter + 2 * count)
        for topics in (state.even_topics, state.odd_topics):
            topics.reserve(count, content + 4 * count)

    def _reserve_charts(self) -> None:
        """Room for some new charts. Few groups need one: kernels stop when there is no more room."""
        for charts in (self.state.churn, self.state.falls):
            charts.reserve(_NEW_CHARTS, 4 * _NEW_CHARTS)

    def _arrays(self) -> GroupState:
        state = self.state
        self._reserve_charts()
        self._block_due = room_for(self._block_due, len(state.groups.arrays.dirty))
        if len(self._numbers) < len(state.memberships.arrays.rows):
            self._numbers = np.empty(len(state.memberships.arrays.rows), np.int64)
        return GroupState(
            state.groups.arrays,
            state.memberships.arrays,
            state.names.arrays,
            (state.even_topics.arrays, state.odd_topics.arrays),
            state.churn.arrays,
            state.falls.arrays,
            self._block_due,
            self._generation,
            self._scratch,
            self._numbers,
            Desk(self._book, self._moves),
        )

    def _take(self, record: Record, told: _Told) -> None:
        """Take what kernels have given so far; and evidence that must be looked up now."""
        cursor = self._moves.cursor
        found = self._moves.alerts[: cursor[ALERTS]].copy()
        details: list[dict[str, Any]] = [{} for _ in found]
        if cursor[PAUSED]:
            details[-1] = self._detail(found[-1], usual=cursor[PAUSED] > 1)
            cursor[PAUSED] = 0
        if len(found):
            told.alerts.append(found)
            told.evidence.extend(map(evidence_of, found, details))
            told.ingested_ms.extend([record.timestamp] * len(found))
            cursor[ALERTS] = 0

    def _detail(self, alert: Any, *, usual: bool) -> dict[str, Any]:
        number = int(self.state.groups.arrays.rows[alert["row"]]["rules"])
        rules = self._rules.sets[number]
        zone = Zone.of(rules.time_zone)
        return churn_detail(self.state, alert, zone, rules.groups.silent_days, usual=usual)

    def snapshots(self, version: int) -> Iterator[Rows]:
        """A row for each group and each membership changed since the last call."""
        for some in in_pieces(self.state.groups.take_touched()):
            yield self.rows(GROUPS.name, group_rows(self.state, some, version, self._book))
        for some in in_pieces(self.state.memberships.take_touched()):
            yield self.rows(MEMBERSHIPS.name, membership_rows(self.state, some, version))

    def alerts(self) -> OpenAlerts:
        """Open alerts, and how many groups are watched for silence, and silent. See `AlertSource`."""
        keys = self.state.groups.arrays
        groups = keys.rows[: len(self.state.groups)]

        def communities(where: Array) -> list[str]:
            found: list[str] = key_column(keys.arena, keys.starts, where, first=True).to_pylist()
            return found

        alerting = np.flatnonzero(groups["open"])
        names = key_column(keys.arena, keys.starts, alerting, first=False).to_pylist()
        opened = [
            (community, name, rule)
            for community, name, mask in zip(
                communities(alerting), names, groups["open"][alerting].tolist(), strict=True
            )
            for bit, rule in enumerate(RULE_NAMES)
            if mask >> bit & 1
        ]
        watched = np.flatnonzero(groups["silence"]["silent_at"] != NEVER)
        silent = np.flatnonzero(groups["open"] >> GROUP_SILENCE & 1)
        return OpenAlerts(opened, Counter(communities(watched)), Counter(communities(silent)))

    def meta(self) -> bytes:
        """Receipt, clock, what of each source was taken in, and which rules were in force."""
        generation = int(self._generation[0])
        rules = self._rules.model_dump_json()
        return msgspec.msgpack.encode(
            _Meta(self.receipt, self.clock, self.merge.processed, generation, rules)
        )

    def restore_meta(self, meta: bytes) -> None:
        """Put it back, and from the rows whose rules are whose and when something is due next.

        Under other rules than before every group is looked at again: from now on it is judged by these.
        """
        found = msgspec.msgpack.decode(meta, type=_Meta)
        self.receipt, self.clock = found.receipt, found.clock
        self.merge.processed = found.processed
        self._generation[0] = found.generation
        keys = self.state.groups.arrays
        count = len(self.state.groups)
        groups = keys.rows[:count]
        if count and found.rules != self._rules.model_dump_json():
            community = key_column(keys.arena, keys.starts, np.arange(count), first=True)
            groups["rules"] = rule_numbers(self._rules, community)
            renew_all(keys, self.state.churn.arrays, self.state.falls.arrays, self._book)
        self._block_due = earliest_of(groups["due"], len(keys.dirty), GROUP_BLOCK)
