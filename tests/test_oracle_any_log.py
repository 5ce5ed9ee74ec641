"""What holds of any log and any rules, by the oracle alone."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.rules import Rules
from tests.generate import records
from tests.lives import DAY_MS
from tests.oracle import Entry, Judged, People, closeness, intent, judge, level, pyramid
from tests.oracle.log_checks import action_problems, note_problems
from tests.oracle.people import Partition
from tests.oracle.person import FIRST_SEGMENTS, Person
from tests.stories import together
from tests.strategies import SPAN_DAYS, START_MS, Message, logs, rulesets

TOO_FAR = START_MS + SPAN_DAYS * DAY_MS
Row = dict[str, Any]

many = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def judged_of(messages: list[Message], partitions: int, rules: Rules) -> Judged:
    return judge(records(messages, partitions=partitions, timestamp_ms=TOO_FAR), rules)


@many
@given(messages=logs(), rules=rulesets(), partitions=st.integers(1, 3))
def test_counts_add_up_and_histories_have_no_gaps(
    messages: list[Message], rules: Rules, partitions: int
) -> None:
    judged = judged_of(messages, partitions, rules)
    for counts in judged.counts.values():
        assert counts.consumed == counts.accepted + counts.rejected + counts.duplicate
    assert sum(counts.consumed for counts in judged.counts.values()) == len(messages)
    logs = {0: together(judged, rules)}
    people = People(judged, logs, max(judged.clock.values(), default=0) + 100 * DAY_MS, rules)
    assert action_problems(judged, logs) == note_problems(people.written, logs) == []
    places: dict[tuple[str, str, str], tuple[str, int]] = {}
    for row in people.transitions:
        place = row["community_id"], row["user_id"], row["ladder"]
        before, since = places.get(place, (FIRST_SEGMENTS[row["ladder"]], 0))
        assert (row["from_segment"], row["at"] >= since) == (before, True)
        assert row["from_segment"] != row["to_segment"]
        places[place] = row["to_segment"], row["at"]
    for row in people.users:
        for ladder, first in FIRST_SEGMENTS.items():
            name = "segment" if ladder == "lifecycle" else ladder
            segment = f"level_{row[name]}" if ladder == "level" else row[name]
            place = row["community_id"], row["user_id"], ladder
            assert (segment, row[f"{name}_since"]) == places.get(place, (first, 0))
    medals = [(row["community_id"], row["user_id"], row["medal"]) for row in people.medals]
    assert len(medals) == len(set(medals)) == sum(len(row["medals"]) for row in people.users)


@many
@given(
    messages=logs(),
    rules=rulesets(),
    partitions=st.integers(1, 3),
    steps=st.lists(st.integers(1, 40 * DAY_MS), max_size=12),
)
def test_settling_in_small_steps_is_the_same(
    messages: list[Message], rules: Rules, partitions: int, steps: list[int]
) -> None:
    judged = judged_of(messages, partitions, rules)
    entries, now = together(judged, rules), max(judged.clock.values(), default=0)
    people = People(judged, {0: entries}, now + sum(steps), rules)
    small = in_small_steps(judged, rules, entries, [now, *steps])
    assert by_place(small.transitions) == by_place(people.transitions)
    assert (small.users(), small.medals, small.written) == (people.users, people.medals, people.written)


def in_small_steps(judged: Judged, rules: Rules, entries: list[Entry], steps: list[int]) -> Partition:
    """The same, with everybody settled up to the stage clock before each entry, and each step twice."""
    partition = Partition(0, judged, rules)
    for entry in entries:
        if entry.clock is not None:
            partition.settle_all(entry.clock - DAY_MS)
            partition.settle_all(entry.clock)
        partition.take(entry)
    clock = 0
    for step in steps:
        clock += step
        partition.settle_all(clock)
        partition.settle_all(clock)
    return partition


def by_place(rows: list[Row]) -> dict[tuple[str, str, str], list[Row]]:
    """Transitions, each person's on each ladder in order."""
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["community_id"], row["user_id"], row["ladder"]), []).append(row)
    return found


@many
@given(messages=logs(), rules=rulesets(), waits=st.lists(st.integers(0, 50 * DAY_MS), max_size=5))
def test_time_misses_no_transition(messages: list[Message], rules: Rules, waits: list[int]) -> None:
    """Whoever has been settled stands where their figures, looked at now, would put them."""
    judged = judged_of(messages, 1, rules)
    clock = max(judged.clock.values(), default=0)
    people = People(judged, {0: together(judged, rules)}, clock, rules)
    for wait in (0, *waits):
        clock += wait
        people.settle_all(clock)
        for person in people.partitions[0].people.values():
            if person.active:
                check_places(person, clock)


def check_places(person: Person, clock: int) -> None:
    """Against the standing itself, without anything that is due."""
    at = max(clock, person.since("pyramid"))
    assert pyramid.standing(person, at)[0] == person.segment("pyramid")
    at = max(clock, person.since("closeness"))
    assert closeness.standing(person, at).to == person.segment("closeness")
    at = max(clock, person.since("intent"))
    assert (intent.standing(person, at) == "hunter") == (person.segment("intent") == "hunter")
    decays = max(person.decays, (clock - person.last_at) // (person.rules.level.decay_days * DAY_MS))
    points = person.level_points
    for _ in range(decays - person.decays):
        points *= person.rules.level.decay_keep
    assert level.reached_by(person.rules, points) == level.number(person)
