"""All ladders together: what an event and what time does to a person's segments.

An event changes ladders in the order of `LADDERS`; time in the order of their due moments.
"""

from __future__ import annotations

from streams.compiled import Integer, compiled
from streams.users import closeness, intent, level, lifecycle, pyramid
from streams.users.figures import Row, is_active
from streams.users.ladder import Ladder
from streams.users.state import CLOSENESS, INTENT, LEVEL, LIFECYCLE, NEVER, PYRAMID, Desk

LADDERS: tuple[Ladder, ...] = (
    lifecycle.LADDER,
    pyramid.LADDER,
    intent.LADDER,
    closeness.LADDER,
    level.LADDER,
)
"""In the order of their codes."""

EVIDENCE = (lifecycle.evidence, pyramid.evidence, intent.evidence, closeness.evidence, level.evidence)

_EARLIER_MS = 2
"""A due moment worked out again after more activity may come out so much earlier, by rounding."""


@compiled
def settle(desk: Desk, row: Row, index: Integer, clock: Integer, base: Integer) -> None:
    """Make true what time alone has changed up to `clock`."""
    if row["due"] <= clock:
        look_again(desk, row, index, clock, base)


@compiled
def look_again(desk: Desk, row: Row, index: Integer, clock: Integer, base: Integer) -> None:
    """The same, and note anew when time will change something next."""
    t = desk.book.sets[row["rules"]]
    book = desk.book
    while True:
        first, _, _ = lifecycle.next_change(row, t, book)
        ladder = LIFECYCLE
        if is_active(row):
            due = pyramid.next_due(row, t)
            if due < first:
                first, ladder = due, PYRAMID
            due, _ = intent.next_change(row, t, book)
            if due < first:
                first, ladder = due, INTENT
            due = closeness.next_due(row, t, book)
            if due < first:
                first, ladder = due, CLOSENESS
            due = level.next_due(row, t)
            if due < first:
                first, ladder = due, LEVEL
        if first > clock:
            break
        if ladder == LIFECYCLE:
            lifecycle.pass_time(desk, row, index, base)
        elif ladder == PYRAMID:
            pyramid.pass_time(desk, row, index, first, base)
        elif ladder == INTENT:
            intent.pass_time(desk, row, index, base)
        elif ladder == CLOSENESS:
            closeness.pass_time(desk, row, index, first, base)
        else:
            level.pass_time(desk, row, index, first, base)
    row["due"] = first if first == NEVER else first - _EARLIER_MS
