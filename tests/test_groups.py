"""Groups of drawn logs, whole and in pieces with crashes, against the batch recompute."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.actions import BY_GROUP
from schemas.rules import Rules
from streams.packing import Message
from tests.generate import encode, rfc3339
from tests.group_strategies import group_logs, group_rulesets
from tests.lives import HOUR_MS
from tests.local_run import PARTITIONS, Run, differences
from tests.strategies import START_MS
from tests.test_prefix import Event, in_pieces, log_of, state_of


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=group_logs(), rules=group_rulesets(), seed=st.integers(0, 2**32))
def test_any_split_and_any_crash_give_the_same(events: list[Event], rules: Rules, seed: int) -> None:
    log = log_of(events)
    assert differences(asyncio.run(Run(log, rules).finish()), log, rules) == ""
    again = asyncio.run(in_pieces(Run(log, rules), random.Random(seed)))
    assert differences(again, log, rules) == ""
    places = [(row["_partition"], row["_position"]) for row in again.table("alert_changes")]
    assert len(places) == len(set(places))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=group_logs(), rules=group_rulesets(), seed=st.integers(0, 2**32))
def test_state_and_positions_depend_on_messages_alone(events: list[Event], rules: Rules, seed: int) -> None:
    """The same messages in other batches, with checkpoints and lost workers: byte for byte."""
    choices = random.Random(seed)
    first = Run(log_of(events), rules)
    asyncio.run(first.finish())
    topic = BY_GROUP.topic
    written = {p: list(first.log.read(topic, p, 0, first.log.end(topic, p))) for p in range(PARTITIONS)}

    async def run(pieces: bool) -> tuple[dict[str, Any], list[Any]]:
        it = Run([], rules)
        for partition, found in written.items():
            for record in found:
                it.log.append(Message(topic, partition, record.value, tuple(record.headers)))
        while True:
            [(source, groups)] = [(s, r) for s, r in it.worker.inputs if r.name == "groups"]
            batches = [
                (partition, source.read(partition, choices.randint(1, 9) if pieces else 1 << 30))
                for partition in source.assigned()
            ]
            for partition, batch in batches:
                if batch:
                    await groups.absorb(partition, batch)
            if not any(batch for _, batch in batches):
                await groups.tick()  # a worker that was just started has its partitions from here on
                break
            if pieces and choices.random() < 0.3:
                await groups.checkpoint()
            elif pieces and choices.random() < 0.2:
                it.start()
        it.pass_rows()
        state = {name: b for name, b in state_of(it).items() if b and name.startswith("groups/")}
        return state, it.store.table("alert_changes")

    assert asyncio.run(run(True)) == asyncio.run(run(False))


def test_many_groups_may_need_their_first_chart_at_once() -> None:
    """Leaves of 700 groups in one batch: there is only room for some new charts at a time."""
    values = [
        encode(
            {
                "event_id": f"{action}{n}", "action": action, "community_id": "c", "group_id": f"g{n}",
                "user_id": "u", "occurred_at": rfc3339(START_MS + hour * HOUR_MS + n),
            }
        )
        for hour, action in enumerate(("join", "leave"))
        for n in range(700)
    ]  # fmt: skip
    log = log_of([(b"", value) for value in values])
    store = asyncio.run(Run(log).finish(10_000))
    assert differences(store, log) == ""
    assert len(store.table("memberships")) == 700
