"""Know, like, rely: how close a person is to the community.

The definition is ``docs/people.md``, Closeness; thresholds are in ``schemas/rules.py``.
"""

from __future__ import annotations

import numpy as np

from streams.columnar import Array
from streams.compiled import Integer, codes, compiled
from streams.users.figures import (
    Row,
    RuleSet,
    day_of,
    days_active,
    days_end,
    own_since,
    own_within,
    start_of,
)
from streams.users.ladder import Ladder, Step
from streams.users.rulebook import Rulebook
from streams.users.state import CLOSENESS, NEVER, NO_DAY, WINDOW_DAYS, Desk
from streams.users.transitions import write_transition

SEGMENTS = ("know", "like", "rely")
KNOW, LIKE, RELY = codes(len(SEGMENTS))

RULES = ("relies_by_days", "relies_by_purchases", "own_contributions", "faded")
RELIES_BY_DAYS, RELIES_BY_PURCHASES, OWN_CONTRIBUTIONS, FADED = codes(len(RULES))

LADDER = Ladder(
    "closeness",
    "closeness",
    "How close is this person to the community?",
    SEGMENTS,
    RULES,
    (
        Step("rely", "relies_by_days", "{rely_days} active days in 28"),
        Step("rely", "relies_by_purchases", "{rely_purchases} purchases within {rely_purchase_days} days"),
        Step("like", "own_contributions", "{like_own} talks, questions and shares of their own in 28 days"),
        Step("like", "faded", "from rely: only the condition of like is left"),
        Step("know", "faded", "from like or rely: neither any more; they came or looked"),
    ),
)


def evidence(found: Array) -> list[str]:
    """JSON of each transition of this ladder."""
    return [
        f'{{"active_days_28":{days},"own_28":{own},"purchase_at":{bought},"purchase_before":{before}}}'
        for days, own, bought, before in zip(
            found["a"].tolist(), found["b"].tolist(), found["c"].tolist(), found["d"].tolist(), strict=True
        )
    ]


@compiled
def _purchase(row: Row, t: RuleSet) -> Integer:
    """The latest purchase but `rely_purchases` - 1 (ms); 0 if there is none."""
    return np.int64(row["purchase_at"] if t["rely_purchases"] == 1 else row["purchase_before"])


@compiled
def _standing(row: Row, t: RuleSet, book: Rulebook, at: Integer) -> tuple[int, int]:
    day = day_of(book, t, at)
    if days_active(row, day) >= t["rely_days"]:
        return RELY, RELIES_BY_DAYS
    bought = _purchase(row, t)
    if bought > 0 and at < bought + t["rely_span"]:
        return RELY, RELIES_BY_PURCHASES
    if own_within(row, day) >= t["like_own"]:
        return LIKE, OWN_CONTRIBUTIONS
    return KNOW, FADED


@compiled
def _move(desk: Desk, row: Row, index: Integer, after: int, rule: int, at: Integer, base: Integer) -> None:
    day = day_of(desk.book, desk.book.sets[row["rules"]], at)
    write_transition(
        desk, row, index, base, CLOSENESS, after, rule, at, 0.0, days_active(row, day), own_within(row, day),
        row["purchase_at"], row["purchase_before"], 0, 0,
    )  # fmt: skip


@compiled
def act(desk: Desk, row: Row, index: Integer, own: bool, bought: bool, at: Integer, base: Integer) -> None:
    """The step up that one action causes, if any, after its figures are in the row.

    `own`: it is a talk or a share; `bought`: a purchase. Another can only add an active day.
    """
    if row["on"][CLOSENESS] == RELY:
        return
    t = desk.book.sets[row["rules"]]
    if (
        not (bought or (own and row["on"][CLOSENESS] == KNOW))
        and days_active(row, row["day"]) < t["rely_days"]
    ):
        return
    after, rule = _standing(row, t, desk.book, max(row["last_at"], row["since"][CLOSENESS]))
    if after > row["on"][CLOSENESS]:
        _move(desk, row, index, after, rule, max(at, row["since"][CLOSENESS]), base)


@compiled
def next_due(row: Row, t: RuleSet, book: Rulebook) -> Integer:
    """When time alone changes the segment; NEVER if it does not."""
    if row["on"][CLOSENESS] == RELY:
        due = start_of(book, t, days_end(row, t["rely_days"]))
        bought = _purchase(row, t)
        return max(due, bought + t["rely_span"]) if bought > 0 else due
    if row["on"][CLOSENESS] == LIKE:
        day = own_since(row, t["like_own"])
        return start_of(book, t, day + WINDOW_DAYS) if day != NO_DAY else np.int64(row["since"][CLOSENESS])
    return NEVER


@compiled
def pass_time(desk: Desk, row: Row, index: Integer, due: Integer, base: Integer) -> None:
    """Move to the standing at the due moment."""
    at = max(due, row["since"][CLOSENESS])
    after, _ = _standing(row, desk.book.sets[row["rules"]], desk.book, at)
    _move(desk, row, index, after, FADED, at, base)
