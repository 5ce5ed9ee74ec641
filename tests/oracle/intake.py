"""Intake, again: each message is refused, a duplicate, or accepted. See docs/intake.md, Intake."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from schemas.events import EVENT, Event
from schemas.rules import Rules

DAY_MS = 86_400_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
REPLAY_HEADER = "replay-of"
REASONS = ("too_large", "not_json", "wrong_shape", "before_1970", "from_future")
"""Why a message is refused, in the order in which it is asked."""

TEXT_COLUMNS = (
    "event_id",
    "action",
    "community_id",
    "group_id",
    "user_id",
    "channel",
    "inviter_id",
    "content_id",
    "via_share_id",
    "role",
    "reply_to",
    "kind",
    "share_id",
    "parent_share_id",
    "reason",
    "order_id",
    "currency",
)


@dataclass
class LogRecord:
    """One message of the topic of events."""

    partition: int
    offset: int
    timestamp_ms: int
    value: bytes | None
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass
class Counts:
    """What became of the messages of one partition."""

    consumed: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicate: int = 0


@dataclass
class Judged:
    """What became of a log."""

    accepted: list[dict[str, Any]] = field(default_factory=list)
    """Rows of `events`, partition by partition, each in the order of its offsets."""
    clock_after: list[int] = field(default_factory=list)
    """For each of `accepted`: its partition's clock after it."""
    rejected: list[dict[str, Any]] = field(default_factory=list)
    """Rows of `rejected`, but for the text of the error."""
    counts: dict[int, Counts] = field(default_factory=dict)
    """Of each partition."""
    clock: dict[int, int] = field(default_factory=dict)
    """Of each partition, at the end; 0 when nothing was accepted."""

    def with_clocks(self) -> list[tuple[dict[str, Any], int]]:
        """Each accepted event with the clock after it, in the same order."""
        return list(zip(self.accepted, self.clock_after, strict=True))


def judge(records: Iterable[LogRecord], rules: Rules | None = None, max_event_bytes: int = 65_536) -> Judged:
    """Judge a whole log: each partition on its own, in the order of its offsets."""
    partitions: dict[int, list[LogRecord]] = {}
    for record in records:
        partitions.setdefault(record.partition, []).append(record)
    judged = Judged()
    for number in sorted(partitions):
        in_order = sorted(partitions[number], key=lambda record: record.offset)
        _judge_partition(number, in_order, rules or Rules(), max_event_bytes, judged)
    return judged


def _judge_partition(
    number: int, records: list[LogRecord], rules: Rules, max_event_bytes: int, judged: Judged
) -> None:
    clock = 0
    counts = Counts()
    accepted_at: dict[tuple[str, str], int] = {}  # (community, event id) -> the clock after it was accepted
    brought_in: set[int] = set()  # offsets of refused messages whose repeat was accepted
    for record in records:
        counts.consumed += 1
        replay_of = replay_offset(record)
        verdict = _read(record, rules, max_event_bytes)
        if isinstance(verdict, str):
            counts.rejected += 1
            judged.rejected.append(_rejected_row(record, verdict, replay_of))
            continue
        occurred_at = cut_to_ms(verdict.occurred_at)
        moved = max(clock, occurred_at)
        identity = (verdict.community_id, verdict.event_id)
        before = accepted_at.get(identity)
        repeats_event = before is not None and moved - before <= rules.dedup_window_s * 1000
        if repeats_event or replay_of in brought_in:
            counts.duplicate += 1
            continue
        counts.accepted += 1
        clock = moved
        accepted_at[identity] = clock
        if replay_of is not None:
            brought_in.add(replay_of)
        late = occurred_at < clock - rules.late_days * DAY_MS
        judged.accepted.append(_event_row(record, verdict, occurred_at, late, replay_of))
        judged.clock_after.append(clock)
    judged.counts[number] = counts
    judged.clock[number] = clock


def _read(record: LogRecord, rules: Rules, max_event_bytes: int) -> Event | str:
    """The event in a message, or the first reason to refuse it."""
    value = record.value
    if value is not None and len(value) > max_event_bytes:
        return "too_large"
    if value is None or not is_json(value):
        return "not_json"
    try:
        event: Event = EVENT.validate_json(value)
    except ValidationError as error:
        # Deeper or longer than pydantic's reader can take: it counts as not JSON.
        return "not_json" if error.errors()[0]["type"] == "json_invalid" else "wrong_shape"
    occurred_at = cut_to_ms(event.occurred_at)
    if occurred_at < 0:
        return "before_1970"
    if occurred_at > record.timestamp_ms + rules.future_s * 1000:
        return "from_future"
    return event


def is_json(value: bytes) -> bool:
    """Whether this is JSON by the letter of RFC 8259: UTF-8, and neither NaN nor Infinity."""
    try:
        # Numbers are left as text: one too long for an int is JSON all the same.
        json.loads(value.decode(), parse_constant=_refuse_constant, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return False
    return True


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def cut_to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970, towards the past: the last microsecond of 1969 is before 1970."""
    return (moment - EPOCH) // MILLISECOND


def replay_offset(record: LogRecord) -> int | None:
    """The offset in the header `replay-of`, decimal digits; None without one or when it is anything else."""
    found = [value for name, value in record.headers if name == REPLAY_HEADER]
    if not found or not re.fullmatch(rb"[0-9]{1,19}", found[-1]):
        return None
    return int(found[-1])


def _event_row(
    record: LogRecord, event: Event, occurred_at: int, late: bool, replay_of: int | None
) -> dict[str, Any]:
    row: dict[str, Any] = {column: getattr(event, column, None) or "" for column in TEXT_COLUMNS}
    return row | {
        "occurred_at": occurred_at,
        "amount": Decimal(getattr(event, "amount", "0")),
        "late": int(late),
        "source_partition": record.partition,
        "source_offset": record.offset,
        "replay_of": replay_of,
    }


def _rejected_row(record: LogRecord, reason: str, replay_of: int | None) -> dict[str, Any]:
    return {
        "reason": reason,
        "payload": record.value or b"",
        "key": record.key or b"",
        "source_partition": record.partition,
        "source_offset": record.offset,
        "replay_of": replay_of,
    }
