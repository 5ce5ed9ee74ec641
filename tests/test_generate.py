"""The generators against what they promise, and what holds of any log, by the oracle."""

from __future__ import annotations

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
"""Every way there is from one segment to another."""


def test_a_generated_community_has_everything() -> None:
    values = community(7, 20_000, 400, 300, start_ms=START_MS)
    assert len(values) == 20_000
    judged = judge(records(values, partitions=3, timestamp_ms=BROKER_MS))
    users, transitions = people(judged.with_clocks(), max(judged.clock.values()))
    assert {(row["from_segment"], row["to_segment"], row["rule"]) for row in transitions} == LADDER
    assert {row["reason"] for row in judged.rejected} == set(REASONS)
    assert {row["action"] for row in judged.accepted} == set(ACTIONS)
    assert {row["late"] for row in judged.accepted} == {0, 1}
    assert sum(counts.duplicate for counts in judged.counts.values()) > 100
    # Some repeats came after the window and are in twice, some in other words.
    times = Counter((row["community_id"], row["event_id"]) for row in judged.accepted)
    assert times.most_common(1)[0][1] > 1
    assert len({community_id for community_id, _ in users}) > 3
    names = {user_id for _, user_id in users}
    assert any("\x00" in name for name in names)
    assert any(len(name) == 128 for name in names)
    assert max(len(row["event_id"]) for row in judged.accepted) == 64
    for rows, table in (
        (judged.accepted, EVENTS),
        (list(users.values()), USERS),
        (transitions, SEGMENT_TRANSITIONS),
    ):
        columns = [column.name for column in table.columns]
        assert all(sorted(row) == sorted(columns) for row in rows)
    columns = [column.name for column in REJECTED.columns if column.name != "error"]
    assert all(list(row) == columns for row in judged.rejected)


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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    messages=logs(), partitions=st.integers(1, 3), steps=st.lists(st.integers(1, 40 * DAY_MS), max_size=12)
)
def test_what_holds_of_any_log(messages: list[Message], partitions: int, steps: list[int]) -> None:
    judged = judge(records(messages, partitions=partitions, timestamp_ms=TOO_FAR))
    for counts in judged.counts.values():
        assert counts.consumed == counts.accepted + counts.rejected + counts.duplicate
    assert sum(counts.consumed for counts in judged.counts.values()) == len(messages)
    now = max(judged.clock.values(), default=0)
    users, transitions = people(judged.with_clocks(), now + sum(steps))
    # A history has no gaps and never runs backwards.
    segments: dict[tuple[str, str], tuple[str, int]] = {}
    for row in transitions:
        who = row["community_id"], row["user_id"]
        before, since = segments.get(who, ("", 0))
        assert (row["from_segment"], row["at"] >= since) == (before, True)
        assert row["from_segment"] != row["to_segment"]
        segments[who] = row["to_segment"], row["at"]
    assert segments == {who: (row["segment"], row["segment_since"]) for who, row in users.items()}
    assert settled_in_steps(judged, [now, *steps]) == transitions_by_person(transitions)


def settled_in_steps(judged: Judged, steps: list[int]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The same transitions, with time going on in small steps at the end, each of them twice."""
    ladder = Ladder(Rules())
    everyone: dict[tuple[str, str], Person] = {}
    for row, clock in judged.with_clocks():
        who = row["community_id"], row["user_id"]
        person = everyone.setdefault(who, Person(*who))
        for moment in (clock - DAY_MS, clock, clock):
            ladder.settle(person, moment)
        ladder.apply(person, row)
        ladder.settle(person, clock)
    clock = 0
    for step in steps:
        clock += step
        for person in everyone.values():
            ladder.settle(person, clock)
            ladder.settle(person, clock)
    return transitions_by_person(ladder.transitions)


def transitions_by_person(rows: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Each person's, in order."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["community_id"], row["user_id"]), []).append(row)
    return found


