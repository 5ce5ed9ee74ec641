"""Small logs on which the people stage and its batch recompute once differed, or easily could."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schemas.rules import Intent, Level, PointRules, Rules
from streams.packing import Message
from tests.local_run import Run, differences
from tests.oracle import LogRecord
from tests.stories import Line, event_log, message, ms

NOW_MS = 1_790_000_000_000


def run(first: list[LogRecord], later: list[LogRecord], rules: Rules) -> Run:
    """A run in which `later` comes when everything of `first`, notes included, was absorbed."""
    it = Run(first, rules)

    async def both() -> None:
        await it.worker.drain(100)
        for record in later:
            it.log.append(Message("events", record.partition, record.value, record.headers, record.key))
        await it.finish()

    asyncio.run(both())
    return it


def steps(it: Run, ladder: str) -> list[tuple[str, int]]:
    """Ann's segments on a ladder, and since when."""
    return [
        (row["to_segment"], row["at"])
        for row in it.store.logs["segment_transitions"]
        if (row["user_id"], row["ladder"]) == ("ann", ladder)
    ]


@pytest.mark.parametrize(
    ("rules", "lines", "last"),
    [
        (Intent(purchase=0), [(0, "purchase"), (1, "join")], ("buyer", ms(0))),
        (Intent(benefit=0), [(n, "post", {"kind": "benefit"}) for n in range(5)], ("none", ms(30))),
    ],
)
def test_what_weighs_nothing_moves_on_the_intent_ladder(
    rules: Intent, lines: list[Line], last: tuple[str, int]
) -> None:
    records = [LogRecord(r.partition, r.offset, NOW_MS, r.value) for r in event_log(*lines, (60, "clock"))]
    it = run(records, [], Rules(intent=rules))
    assert differences(it.store, records, Rules(intent=rules)) == ""
    assert steps(it, "intent")[-1] == last


def record(partition: int, offset: int, day: float, action: str, who: str, **fields: Any) -> LogRecord:
    value = message(ms(day), action, f"e{partition}-{offset}", user_id=who, **fields)
    return LogRecord(partition, offset, NOW_MS, value)


@pytest.mark.parametrize("days", [(4,), (4, 5, 6), (4, 40)])
def test_points_that_decayed_ahead_of_time_are_missing_at_the_next_activity(days: tuple[int, ...]) -> None:
    """A partition that is far behind is told who stayed; then comes what its people did long before that."""
    rules = Rules(
        points=PointRules(day=0, purchase=1, purchase_per_day=300, invite=0),
        level=Level(base=100, growth=2, decay_keep=0.5),
    )
    # 240 points on day 3: level 2.
    first = [record(0, n, n, "purchase", "ann", amount="60") for n in range(4)]
    # Known already: somebody stayed on day 65. Twice halved: 60 points, demoted on day 63 if nothing comes.
    first += [record(1, 0, 64, "join", "bob", inviter_id="ann"), record(1, 1, 65, "view", "bob")]
    later = [record(0, 4 + n, day, "purchase", "ann", amount="60") for n, day in enumerate(days)]
    it = run(first, later, rules)
    assert differences(it.store, [*first, *later], rules) == ""
    # With 60 more on day 4 these are 120: too few for level 2, whatever comes after.
    assert ("level_1", ms(4)) in steps(it, "level")
