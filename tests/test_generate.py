"""The generators against what they promise."""

from __future__ import annotations

import json
from collections import Counter

from schemas.events import ACTIONS
from schemas.tables import EVENTS, MEDALS, REJECTED, SEGMENT_TRANSITIONS, USERS
from tests.generate import community, key_of, records
from tests.oracle import Counts, People, judge
from tests.oracle.intake import REASONS
from tests.stories import BROKER_MS, message, ms, together
from tests.strategies import START_MS

LADDER = {
    ("", "new", "first_action"),
    ("", "lost", "left_every_group"),
    ("new", "active", "enough_active_days"),
    ("new", "join_and_stay", "no_second_active_day"),
    ("new", "lost", "left_every_group"),
    ("join_and_stay", "active", "enough_active_days"),
    ("join_and_stay", "lost", "no_activity_for_long"),
    ("join_and_stay", "lost", "left_every_group"),
    ("active", "core", "core_activity"),
    ("active", "silent", "no_activity"),
    ("active", "lost", "left_every_group"),
    ("core", "silent", "no_activity"),
    ("core", "active", "core_days_faded"),
    ("core", "active", "core_score_faded"),
    ("core", "lost", "left_every_group"),
    ("resurrected", "silent", "no_activity"),
    ("resurrected", "active", "return_kept"),
    ("resurrected", "core", "return_kept"),
    ("resurrected", "lost", "left_every_group"),
    ("silent", "resurrected", "acted_again"),
    ("silent", "lost", "no_activity_for_long"),
    ("silent", "lost", "left_every_group"),
    ("lost", "resurrected", "acted_again"),
}
"""Every way there is from one segment of the lifecycle to another."""


RULES = {
    "pyramid": {
        "has_a_role", "role_ended", "invited_who_stayed", "bought_lately", "core_member", "value_faded",
        "did_nothing", "did_something",
    },
    "intent": {"score_reached", "score_faded", "bought", "benefits_only", "hunting_ended"},
    "closeness": {"own_contributions", "relies_by_days", "relies_by_purchases", "faded"},
    "level": {"points_reached", "points_decayed"},
}  # fmt: skip


def test_a_generated_community_has_everything() -> None:
    values = community(7, 20_000, 400, 300, start_ms=START_MS)
    assert len(values) == 20_000
    judged = judge(records(values, partitions=3, timestamp_ms=BROKER_MS))
    people = People(judged, {0: together(judged)}, max(judged.clock.values()))
    steps = {
        (row["from_segment"], row["to_segment"], row["rule"])
        for row in people.transitions
        if row["ladder"] == "lifecycle"
    }
    assert steps == LADDER
    for ladder, rules in RULES.items():
        assert {row["rule"] for row in people.transitions if row["ladder"] == ladder} == rules
    assert {row["medal"] for row in people.medals} == {
        "first_post", "streak", "many_posts", "many_invites", "first_purchase", "comeback"
    }  # fmt: skip
    assert {(note.kind, note.by_share) for note in people.written} == {
        ("shared", 1), ("joined", 0), ("joined", 1), ("stayed", 0), ("stayed", 1)
    }  # fmt: skip
    assert {row["reason"] for row in judged.rejected} == set(REASONS)
    assert {row["action"] for row in judged.accepted} == set(ACTIONS)
    assert {row["late"] for row in judged.accepted} == {0, 1}
    assert sum(counts.duplicate for counts in judged.counts.values()) > 100
    # Some repeats came after the window and are in twice, some in other words.
    times = Counter((row["community_id"], row["event_id"]) for row in judged.accepted)
    assert times.most_common(1)[0][1] > 1
    assert len({row["community_id"] for row in people.users}) > 3
    names = {row["user_id"] for row in people.users}
    assert any("\x00" in name for name in names)
    assert any(len(name) == 128 for name in names)
    assert max(len(row["event_id"]) for row in judged.accepted) == 64
    for rows, table in (
        (judged.accepted, EVENTS),
        (people.users, USERS),
        (people.transitions, SEGMENT_TRANSITIONS),
        (people.medals, MEDALS),
    ):
        columns = [column.name for column in table.columns]
        assert all(sorted(row) == sorted(columns) for row in rows)
    columns = [column.name for column in REJECTED.columns if column.name != "error"]
    assert all(list(row) == columns for row in judged.rejected)


def test_joins_name_people_and_shares_that_are_there_and_some_that_are_not() -> None:
    events = [json.loads(value) for value in community(3, 5000, 100, 200, start_ms=START_MS, disorder=False)]
    people = {event["user_id"] for event in events}
    shares = {event["share_id"]: number for number, event in enumerate(events) if event["action"] == "share"}
    joins = [(number, event) for number, event in enumerate(events) if event["action"] == "join"]
    inviters = [event.get("inviter_id") for _, event in joins]
    assert None in inviters and "nobody" in inviters
    assert sum(inviter in people for inviter in inviters) > len(joins) / 4
    made = [(number, shares.get(event.get("via_share_id"))) for number, event in joins]
    assert sum(share is not None and share < number for number, share in made) > len(joins) / 5
    assert any(share is not None and share > number for number, share in made)
    assert any(event.get("via_share_id") == "never" for _, event in joins)


def test_a_community_in_order_has_nothing_wrong() -> None:
    values = community(1, 3000, 30, 90, start_ms=START_MS, disorder=False)
    judged = judge(records(values, timestamp_ms=BROKER_MS))
    assert judged.counts == {0: Counts(3000, 3000, 0, 0)}
    assert [row["occurred_at"] for row in judged.accepted] == judged.clock_after


def test_the_same_seed_gives_the_same_community() -> None:
    assert community(5, 500, 9, 60, start_ms=START_MS) == community(5, 500, 9, 60, start_ms=START_MS)
    assert community(5, 500, 9, 60, start_ms=START_MS) != community(6, 500, 9, 60, start_ms=START_MS)
    assert community(5, 0, 9, 60, start_ms=START_MS) == []
    assert len(community(5, 300, 1, 1, start_ms=START_MS)) == 300


def test_key_of() -> None:
    assert key_of(message(ms(0), user_id="zoë\x00")) == "zoë\x00".encode()
    for value in (
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"user_id":5}',
        b'{"user_id":"\\ud800"}',
        b"[" * 50_000,
    ):
        assert key_of(value) == b""
