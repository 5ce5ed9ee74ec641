"""The events that benchmarks use: in the contract, in order, the same every time."""

from __future__ import annotations

from collections import Counter

from bench.generate import CHUNK, generate
from schemas.events import ACTIONS, EVENT
from schemas.fast import DECODER


def test_made_up_events_are_events() -> None:
    lines = list(generate(CHUNK + 500, 300, seed=5, n_days=14))
    assert lines == list(generate(CHUNK + 500, 300, seed=5, n_days=14))
    assert lines != list(generate(CHUNK + 500, 300, seed=6, n_days=14))
    events = [DECODER.decode(line) for line in lines]
    for line in lines[:500]:
        EVENT.validate_json(line)
    moments = [event.occurred_at for event in events]
    assert moments == sorted(moments)
    assert 13 <= (moments[-1] - moments[0]).total_seconds() / 86_400 <= 14
    assert {event.action for event in events} == set(ACTIONS)
    assert len({event.event_id for event in events}) == len(events)
    assert len({event.community_id for event in events}) == 4
    by_person = Counter(event.user_id for event in events).most_common()
    assert by_person[0][1] > 20 * by_person[len(by_person) // 2][1]  # a few do most of it
