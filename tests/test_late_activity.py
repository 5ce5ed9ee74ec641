"""What comes late is judged by what is known by then, not by how things stood at its moment."""

from __future__ import annotations

import asyncio

from tests.local_run import Run, differences
from tests.oracle import LogRecord
from tests.stories import message, ms

NOW_MS = 1_790_000_000_000


def test_a_late_look_does_not_bring_two_purchases_together_that_were_too_far_apart() -> None:
    """Found by the fault test: bought on day 0 and on day 90.1; a view of day 89.9 came after both."""
    days = [(0.0, "purchase"), (90.1, "purchase"), (89.9, "view"), (100.0, "view")]
    log = [
        LogRecord(0, n, NOW_MS, message(ms(day), action, f"e{n}", user_id="ann"))
        for n, (day, action) in enumerate(days)
    ]
    run = Run(log)
    store = asyncio.run(run.finish())
    assert differences(store, log) == ""
    assert not [row for row in store.logs["segment_transitions"] if row["ladder"] == "closeness"]
