"""The events that benchmarks use: in the contract, in order, the same every time."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from bench.generate import CHUNK, START, generate, generate_groups
from bench.groups import DAYS, Size, later
from schemas.events import ACTIONS, EVENT
from schemas.fast import DECODER
from streams.sending import EventSender
from streams.settings import Settings


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


def test_memberships_are_exactly_so_many_and_all_there() -> None:
    lines = list(generate_groups(26_000, 2_000, 20_000, seed=7))
    assert lines == list(generate_groups(26_000, 2_000, 20_000, seed=7))
    assert lines != list(generate_groups(26_000, 2_000, 20_000, seed=8))
    events = [DECODER.decode(line) for line in lines]
    for line in lines[:500]:
        EVENT.validate_json(line)
    assert len(events) == len({event.event_id for event in events}) == 26_000
    moments = [event.occurred_at for event in events]
    assert moments == sorted(moments)
    assert {event.action for event in events} == set(ACTIONS)
    memberships = {(event.community_id, event.group_id, event.user_id) for event in events}
    assert len(memberships) == 20_000
    sizes = Counter(group for _, group, _ in memberships)
    assert len(sizes) == 2_000
    assert sizes.most_common(1)[0][1] > 5 * sizes.most_common()[-1][1]
    assert len({(event.community_id, event.user_id) for event in events}) == 2_000  # in ten groups each
    assert {community for community, _, _ in memberships} == {"c0", "c1"}


def test_who_answers_answers_the_latest_post_of_the_group() -> None:
    latest: dict[str | None, str | None] = defaultdict(lambda: "k0")
    answers = 0
    for line in generate_groups(CHUNK + 500, 100, 5_000, seed=1):
        event = DECODER.decode(line)
        if event.action == "post":
            if event.reply_to:
                assert event.reply_to == latest[event.group_id]
                answers += event.reply_to != "k0"
            latest[event.group_id] = event.content_id
    assert answers > 1_000


@pytest.mark.parametrize("sizes", [(99, 10, 100), (100, 4, 100)])
def test_sizes_that_do_not_go_together_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="memberships"):
        list(generate_groups(*sizes, seed=1))


def test_the_log_of_groups_ends_with_later_events_in_every_partition() -> None:
    size = Size(100, 1_000)
    events = [DECODER.decode(line) for line in size.log(1)]
    real, end = events[: size.events], events[size.events :]
    assert [event.event_id for event in end] == [
        DECODER.decode(line).event_id for line in later(START + timedelta(days=DAYS))
    ]
    assert max(event.occurred_at for event in real) < min(event.occurred_at for event in end)
    partition_of = EventSender(Settings(), 4).partition_of
    assert {partition_of(event.user_id.encode()) for event in end} == {0, 1, 2, 3}
