"""The oracle's intake against examples worked out by hand."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from schemas.tables import EVENTS, REJECTED
from tests.generate import DISPUTED, MALFORMED, padded
from tests.lives import HOUR_MS
from tests.oracle import Counts, Judged, LogRecord, compare, judge
from tests.oracle.intake import REASONS
from tests.stories import BROKER_MS, log, message, ms


def verdicts(judged: Judged, partition: int = 0) -> str:
    """What became of each message of a partition, by offset: A accepted, R refused, a dot for a duplicate."""
    consumed = judged.counts[partition].consumed
    accepted = {row["source_offset"] for row in judged.accepted if row["source_partition"] == partition}
    rejected = {row["source_offset"] for row in judged.rejected if row["source_partition"] == partition}
    return "".join("A" if n in accepted else "R" if n in rejected else "." for n in range(consumed))


@pytest.mark.parametrize("kind", MALFORMED)
def test_each_kind_of_refusal(kind: str) -> None:
    reason, make = MALFORMED[kind]
    value = make(json.loads(message(ms(0))))
    judged = judge([LogRecord(3, 7, BROKER_MS, value, b"key")])
    assert judged.rejected == [
        {
            "reason": reason,
            "payload": value,
            "key": b"key",
            "source_partition": 3,
            "source_offset": 7,
            "replay_of": None,
        }
    ]
    assert (judged.counts, judged.clock) == ({3: Counts(1, 0, 1, 0)}, {3: 0})


def test_kinds_of_refusal_cover_every_reason() -> None:
    assert {reason for reason, _ in MALFORMED.values()} == set(REASONS)
    for reason in REASONS:
        assert reason in REJECTED.columns[0].doc


@pytest.mark.parametrize("kind", DISPUTED)
def test_json_at_the_edge(kind: str) -> None:
    reason, make = DISPUTED[kind]
    judged = judge(log(make(json.loads(message(ms(0))))))
    assert [row["reason"] for row in judged.rejected] == ([reason] if reason else [])


def test_no_value_is_not_json() -> None:
    judged = judge(log(None))
    assert judged.rejected[0]["reason"] == "not_json"
    assert (judged.rejected[0]["payload"], judged.rejected[0]["key"]) == (b"", b"")


def test_the_largest_message() -> None:
    raw = json.loads(message(ms(0)))
    assert len(padded(65_536)(raw)) == 65_536
    assert verdicts(judge(log(padded(65_536)(raw), padded(65_537)(raw | {"event_id": "2"})))) == "AR"
    assert verdicts(judge(log(message(ms(0))), max_event_bytes=len(message(ms(0))) - 1)) == "R"


@pytest.mark.parametrize(
    ("occurred_at", "reason"),
    [
        ("2024-01-01T00:10:00.000Z", None),
        ("2024-01-01T00:10:00.000999Z", None),  # cut to the millisecond, 600 s ahead and no more
        ("2024-01-01T00:10:00.001Z", "from_future"),
        ("2024-01-01T02:10:00.000+02:00", None),
        ("1970-01-01T00:00:00Z", None),
        ("1969-12-31T23:59:59.999999Z", "before_1970"),
    ],
)
def test_600_seconds_ahead_of_the_broker_and_the_epoch(occurred_at: str, reason: str | None) -> None:
    judged = judge(log(message(0, occurred_at=occurred_at), timestamp_ms=ms(0)))
    assert [row["reason"] for row in judged.rejected] == ([reason] if reason else [])


def test_every_column_of_an_event() -> None:
    purchase = message(
        ms(0) + 999, "purchase", via_share_id="s1", occurred_at="2024-01-01T01:00:00.999999+01:00"
    )
    judged = judge(log(purchase, message(ms(0), "post", "2"), message(ms(0), "leave", "3", reason=None)))
    row = dict.fromkeys((column.name for column in EVENTS.columns), "") | {
        "event_id": "e",
        "action": "purchase",
        "community_id": "default",
        "group_id": "g1",
        "user_id": "ann",
        "occurred_at": ms(0) + 999,
        "via_share_id": "s1",
        "order_id": "o",
        "amount": Decimal("1.500000"),
        "currency": "EUR",
        "late": 0,
        "source_partition": 0,
        "source_offset": 0,
        "replay_of": None,
    }
    assert judged.accepted[0] == row
    assert (judged.accepted[1]["role"], judged.accepted[1]["kind"]) == ("member", "talk")
    assert (judged.accepted[2]["reason"], judged.accepted[2]["amount"]) == ("", 0)
    assert judged.clock_after == [ms(0) + 999] * 3


def test_the_clock_only_goes_on() -> None:
    values = [message(ms(day), event_id=f"{day}") for day in (3, 1, 4, 2)]
    judged = judge(log(*values))
    assert judged.clock_after == [ms(3), ms(3), ms(4), ms(4)]
    assert judged.clock == {0: ms(4)}


def test_late_is_more_than_28_days() -> None:
    moments = (ms(28), ms(0), ms(0) - 1)
    judged = judge(log(*(message(moment, event_id=f"{moment}") for moment in moments)))
    assert [row["late"] for row in judged.accepted] == [0, 0, 1]


@pytest.mark.parametrize(("gap", "expected"), [(0, "AA."), (3_600_000, "AA."), (3_600_001, "AAA")])
def test_a_repeat_within_an_hour_of_the_clock(gap: int, expected: str) -> None:
    first, other = message(ms(0)), message(ms(0) + gap, event_id="other")
    assert verdicts(judge(log(first, other, first))) == expected


def test_what_counts_for_a_repeat_is_the_id() -> None:
    first = message(ms(0))
    # Other content, another person, an older moment: the same event.
    assert verdicts(judge(log(first, message(ms(-1), "post", user_id="bob", group_id="g2")))) == "A."
    # Another community: not the same.
    assert verdicts(judge(log(first, message(ms(0), community_id="c2")))) == "AA"
    # Its own moment counts as the clock: an hour and a millisecond on, it is another event.
    assert verdicts(judge(log(first, message(ms(0) + HOUR_MS)))) == "A."
    assert verdicts(judge(log(first, message(ms(0) + HOUR_MS + 1)))) == "AA"
    # Another partition knows nothing of it.
    judged = judge([*log(first), *log(first, partition=1)])
    assert (verdicts(judged, 0), verdicts(judged, 1)) == ("A", "A")
    # A refused message is not remembered.
    assert verdicts(judge(log(message(ms(0), user_id=""), first))) == "RA"


def test_what_was_in_force_is_the_clock_not_the_moment() -> None:
    # Accepted when the clock was at 10 days, though it happened on day 0: known for an hour from then.
    old, now = message(ms(0), event_id="old"), message(ms(10), event_id="now")
    assert verdicts(judge(log(now, old, old, message(ms(10) + HOUR_MS, event_id="x"), old))) == "AA.A."
    assert verdicts(judge(log(now, old, message(ms(10) + HOUR_MS + 1, event_id="x"), old))) == "AAAA"


def test_a_repeat_moves_nothing() -> None:
    first = message(ms(0))
    half = message(ms(0) + HOUR_MS // 2, event_id="half")
    over = message(ms(0) + HOUR_MS + 1, event_id="over")
    judged = judge(log(first, half, first, over, first))
    # The repeat at half an hour does not renew the window; the one after it is accepted, and opens its own.
    assert verdicts(judged) == "AA.AA"
    # Nor does one that says it is later move the clock.
    judged = judge(log(first, message(ms(0) + HOUR_MS)))
    assert judged.clock == {0: ms(0)}


def test_partitions_in_the_order_of_their_offsets() -> None:
    first, second = message(ms(0), event_id="1"), message(ms(1), event_id="2")
    shuffled = [
        LogRecord(1, 5, BROKER_MS, second),
        LogRecord(0, 9, BROKER_MS, first),
        LogRecord(1, 4, BROKER_MS, first),
    ]
    judged = judge(shuffled)
    assert [(row["source_partition"], row["source_offset"]) for row in judged.accepted] == [
        (0, 9),
        (1, 4),
        (1, 5),
    ]
    assert judged.clock == {0: ms(0), 1: ms(1)}
    assert judge([]) == Judged()


def replay(offset: int, of: bytes, value: bytes) -> LogRecord:
    """A message that repeats a refused one."""
    return LogRecord(0, offset, BROKER_MS, value, None, (("other", b"x"), ("replay-of", of)))


def test_a_refused_message_is_brought_in_once() -> None:
    broken = message(ms(0), user_id="")
    later = message(ms(9), event_id="later")
    judged = judge(
        [
            *log(broken, broken),
            replay(2, b"0", broken),  # not mended: refused again
            replay(3, b"0", message(ms(0), event_id="a")),  # brought in
            LogRecord(0, 4, BROKER_MS, later),
            replay(
                5, b"0", message(ms(0), event_id="b")
            ),  # long after, under another id: all the same a repeat
            replay(6, b"1", message(ms(0), event_id="c")),  # another refused message
            replay(7, b"0", broken),  # refused comes first
        ]
    )
    assert verdicts(judged) == "RRRAA.AR"
    assert [row["replay_of"] for row in judged.accepted] == [0, None, 1]
    assert [row["replay_of"] for row in judged.rejected] == [None, None, 0, 0]


def test_a_replay_that_repeats_a_known_event_brings_nothing_in() -> None:
    known = message(ms(0), event_id="a")
    judged = judge(
        [*log(b"broken", known), replay(2, b"0", known), replay(3, b"0", message(ms(0), event_id="b"))]
    )
    assert verdicts(judged) == "RA.A"


@pytest.mark.parametrize(
    "of", [b"", b"x", b"-1", b" 1", b"1.0", b"+1", b"1_0", "١".encode(), b"\xff", b"9" * 40]
)
def test_a_header_that_is_no_offset(of: bytes) -> None:
    judged = judge([replay(0, of, message(ms(0)))])
    assert judged.accepted[0]["replay_of"] is None


# --- compare -----------------------------------------------------------------------------------------


def test_compare_says_what_differs() -> None:
    rows = [{"id": "a", "n": 1}, {"id": "a", "n": 2}, {"id": "b", "n": 3}]
    assert compare(rows, [row | {"_version": 9} for row in rows], ("id",)) == ""
    assert compare([], [], ("id",)) == ""
    actual = [{"id": "a", "n": 1}, {"id": "a", "n": 5}, {"id": "c", "n": 3}]
    text = compare(rows, actual, ("id",))
    assert text.splitlines() == [
        "3 differences:",
        "  id='a' [row 1]: n: expected 2, is 5",
        "  id='b': missing: {'id': 'b', 'n': 3}",
        "  id='c': not expected: {'id': 'c', 'n': 3}",
    ]
    assert compare(rows, actual, ("id",), limit=1).splitlines()[-1] == "... and 2 more"
    assert compare(rows[:1], [{"id": "a"}], ("id",)).endswith("id='a': no column n")
