"""What intake decides about each event: duplicate, out of range, late, and where it is routed. Compiled.

The definition is ``docs/intake.md``. Everything is decided by the log alone: the broker's timestamp of the
message, and the clock of its partition, which is the highest `occurred_at` accepted so far.
"""

from __future__ import annotations

from streams.columnar import Array, Bytes
from streams.compiled import compiled
from streams.hashing import join_key
from streams.intake.recent import Recent, remember, seen_within
from streams.text import Text

ACCEPTED, DUPLICATE, FROM_FUTURE, BEFORE_1970 = range(4)
NO_EVENTS = -1
"""The clock of a partition that has accepted nothing yet."""


@compiled
def judge(
    recent: Recent,
    occurred_at: Array,
    broker_at: Array,
    community: Text,
    event_id: Text,
    clock: int,
    window: int,
    future: int,
    late: int,
    verdict: Array,
    clocks: Array,
    is_late: Array,
    scratch: Bytes,
) -> int:
    """Fill `verdict`, `clocks` (after each event) and `is_late`; the clock after the last. Times in ms."""
    for i in range(len(occurred_at)):
        at = occurred_at[i]
        clocks[i] = clock
        if at < 0:
            verdict[i] = BEFORE_1970
            continue
        if at > broker_at[i] + future:
            verdict[i] = FROM_FUTURE
            continue
        now = max(clock, at)
        n = join_key(
            scratch,
            community.data, community.offsets[i], community.offsets[i + 1],
            event_id.data, event_id.offsets[i], event_id.offsets[i + 1],
        )  # fmt: skip
        seen, slot = seen_within(recent, scratch, n, now, window)
        if seen:
            verdict[i] = DUPLICATE
            continue
        remember(recent, scratch, n, now, slot)
        verdict[i] = ACCEPTED
        clock = now
        clocks[i] = clock
        is_late[i] = at < clock - late
    return clock
