"""How the oracle reads the topic of actions, and what it finds wrong with one, by hand-made messages."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from schemas.actions import BY_USER, NOTE_KINDS, NOTE_SCHEMA
from streams.packing import PACKING_VERSION, Record, Stamp, pack_batch
from tests.oracle import Entry, judge, read
from tests.oracle.invites import Note
from tests.oracle.log_checks import action_problems, note_problems
from tests.oracle.people_log import Acted, Noted
from tests.stories import event_log

Draft = tuple[bytes, tuple[tuple[str, bytes], ...]]


def actions(stamp: Stamp, *offsets: int) -> Draft:
    """A message of actions at these source offsets; a tick if there are none."""
    row = {field.name: 0 if pa.types.is_integer(field.type) else "" for field in BY_USER.schema}
    rows = [row | {"source_offset": offset} for offset in offsets]
    value = pack_batch(pa.RecordBatch.from_pylist(rows, BY_USER.schema)) if rows else b""
    return value, stamp.headers()


def notes(sender: int, *offsets: int) -> Draft:
    """A message of notes that these offsets caused."""
    row = {"at": 7, "kind": 1, "by_share": 0, "community_id": "c", "to_id": "ann"}
    rows = [row | {"source_offset": n, "user_id": f"u{i}"} for i, n in enumerate(offsets)]
    value = pack_batch(pa.RecordBatch.from_pylist(rows, NOTE_SCHEMA))
    return value, (("version", PACKING_VERSION), ("notes", b"%d" % sender))


def entries(*drafts: Draft) -> list[Entry]:
    """What is read of messages at offsets from 0."""
    return read(Record(n, 0, value, None, headers) for n, (value, headers) in enumerate(drafts))


def acted(*drafts: Draft) -> list[tuple[int, int]]:
    """Message and source offset of each action."""
    return [(e.offset, e.source_offset) for e in entries(*drafts) if isinstance(e, Acted)]


def stamp(offset: int, clock: int = 0, source: int = 0, *, sources: int = 1, idle: bool = False) -> Stamp:
    return Stamp(source, sources, offset, clock, idle)


def test_what_a_source_sends_again_is_skipped() -> None:
    # 3 and 5, then 5 again with 6 that is new, a tick up to 9 (refused events), and 9 again.
    found = acted(
        actions(stamp(5), 3, 5), actions(stamp(6), 5, 6), actions(stamp(6), 3, 5, 6), actions(stamp(9)),
        actions(stamp(12), 8, 9, 12),
    )  # fmt: skip
    assert found == [(0, 3), (0, 5), (1, 6), (4, 12)]
    # Each source has offsets of its own.
    assert acted(actions(stamp(5), 5), actions(stamp(5, source=1), 5)) == [(0, 5), (1, 5)]


def test_what_a_partition_notes_again_is_skipped() -> None:
    found = entries(notes(2, 4, 4, 6), notes(2, 4, 4, 6, 8), notes(1, 4), notes(2, 8))
    assert [(e.offset, e.note.sender, e.note.source_offset) for e in found if isinstance(e, Noted)] == [
        (0, 2, 4), (0, 2, 4), (0, 2, 6), (1, 2, 8), (2, 1, 4)
    ]  # fmt: skip
    assert isinstance(found[1], Noted)
    assert found[1].note == Note(2, 4, NOTE_KINDS[1], 0, 7, "c", "ann", "u1")


def clocks(*drafts: Draft) -> list[int | None]:
    """The stage clock after each message: as a note there finds it."""
    mixed = [one for n, draft in enumerate(drafts) for one in (draft, notes(0, n))]
    return [entry.clock for entry in entries(*mixed) if isinstance(entry, Noted)]


def test_the_stage_clock() -> None:
    def of_two(source: int, offset: int, clock: int, *, idle: bool = False) -> Draft:
        return actions(stamp(offset, clock, source, sources=2, idle=idle))

    assert clocks(
        of_two(0, 1, 50),  # the other was not heard of
        of_two(1, 1, 40),  # the lowest
        of_two(1, 2, 60),
        of_two(0, 1, 55),  # at a tie the later clock
        of_two(0, 1, 45),  # older: nothing
        of_two(0, 0, 90),  # of before: nothing
        of_two(0, 1, 55, idle=True),  # idle: holds nobody back
        of_two(1, 2, 58, idle=True),  # older: the other is not idle
        of_two(0, 1, 70, idle=True),
        of_two(1, 2, 60, idle=True),  # all are: the highest
        of_two(1, 3, 65),  # never back
    ) == [None, 40, 50, 55, 55, 55, 60, 60, 60, 70, 70]


def test_an_action_stands_at_the_clock_before_its_message() -> None:
    found = entries(actions(stamp(1, 10), 1), actions(stamp(3, 30), 2, 3))
    assert [entry.clock for entry in found] == [None, 10, 10]


JUDGED = judge(event_log((0, "view"), (0, "view", {"user_id": "bob"}), (1, "view")))


def action(offset: int, source: int = 0) -> Acted:
    return Acted(0, None, source, offset)


@pytest.mark.parametrize(
    ("logs", "problems"),
    [
        ({0: [action(0), action(1), action(2)]}, []),
        ({0: [action(1)], 1: [action(0), action(2)]}, []),
        ({0: [action(0), action(1)]}, ["action missing: (0, 2)"]),
        ({0: [action(0), action(1), action(2), action(9)]}, ["action not expected, or twice: (0, 9)"]),
        ({0: [action(0), action(1), action(2)], 1: [action(1)]},
         ["('default', 'bob') is in the partitions 0 and 1", "action not expected, or twice: (0, 1)"]),
        ({0: [action(0), action(1)], 1: [action(2)]}, ["('default', 'ann') is in the partitions 0 and 1"]),
        ({0: [action(2), action(0)], 1: [action(1)]}, ["partition 0: (0, 0) comes after 2"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_actions(logs: dict[int, list[Entry]], problems: list[str]) -> None:
    assert action_problems(JUDGED, logs) == problems


def test_what_is_wrong_with_notes() -> None:
    one = Note(0, 3, "joined", 0, 7, "c", "ann", "bob")
    other = replace(one, user_id="eve")
    there = {0: [Noted(5, None, one), Noted(5, None, other)]}
    assert note_problems([one, other], there) == []
    assert note_problems([one, other, other], there) == [f"note missing: {other}"]
    assert note_problems([other], there) == [f"note not expected, or twice: {one}"]
    apart = {0: [Noted(5, None, one)], 1: [Noted(5, None, other)]}
    assert note_problems([one, other], apart) == ["notes to ('c', 0, 'ann') are in the partitions 0 and 1"]
    # A share of that name is another address.
    share = replace(one, by_share=1)
    assert note_problems([one, share], {0: [Noted(5, None, one)], 1: [Noted(5, None, share)]}) == []
    many = [replace(one, user_id=f"u{n}") for n in range(7)]
    assert note_problems(many, {0: []})[-1] == "... and 2 more"
