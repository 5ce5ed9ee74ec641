"""Writing a transition down: the one place where a person's segment changes."""

from __future__ import annotations

from streams.compiled import Integer, compiled
from streams.users.figures import Row, day_of
from streams.users.state import Desk


@compiled
def write_transition(
    desk: Desk,
    row: Row,
    index: Integer,
    base: Integer,
    ladder: int,
    after: int,
    rule: int,
    at: Integer,
    number: float,
    a: Integer,
    b: Integer,
    c: Integer,
    d: Integer,
    x: Integer,
    y: Integer,
) -> None:
    """Put a person into the segment `after` of a ladder from the moment `at` on, and write down why.

    `number` to `y` are the evidence, as the ladder's own `evidence` reads it.
    """
    cursor = desk.moves.cursor
    out = desk.moves.transitions[cursor[0]]
    out["position"] = base | cursor[3]
    out["row"] = index
    out["at"] = at
    out["day"] = day_of(desk.book, desk.book.sets[row["rules"]], at)
    out["ladder"] = ladder
    out["before"] = row["on"][ladder]
    out["after"] = after
    out["rule"] = rule
    out["number"] = number
    out["a"] = a
    out["b"] = b
    out["c"] = c
    out["d"] = d
    out["x"] = x
    out["y"] = y
    cursor[0] += 1
    cursor[3] += 1
    row["on"][ladder] = after
    row["since"][ladder] = at
