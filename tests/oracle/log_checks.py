"""Whether the topic of actions has what it must have: every action and every note, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from tests.oracle.intake import Judged
from tests.oracle.invites import Note
from tests.oracle.people_log import Acted, Entry, Noted

LIMIT = 5
Logs = Mapping[int, Sequence[Entry]]
T = TypeVar("T")


def action_problems(judged: Judged, logs: Logs) -> list[str]:
    """What is wrong with the actions: each accepted event must be there once, a person's in one partition.

    Those of one source must be in the order of its offsets.
    """
    problems = []
    home: dict[tuple[str, str], int] = {}
    who_of = {
        (event["source_partition"], event["source_offset"]): (event["community_id"], event["user_id"])
        for event in judged.accepted
    }
    found: Counter[tuple[int, int]] = Counter()
    for number, entries in logs.items():
        before: dict[int, int] = {}
        for entry in entries:
            if not isinstance(entry, Acted):
                continue
            source, offset = place = entry.source_partition, entry.source_offset
            found[place] += 1
            if offset <= before.get(source, -1):
                problems.append(f"partition {number}: {place} comes after {before[source]}")
            before[source] = offset
            if place in who_of and home.setdefault(who_of[place], number) != number:
                problems.append(f"{who_of[place]} is in the partitions {home[who_of[place]]} and {number}")
    return problems + _differences("action", Counter(who_of.keys()), found)


def note_problems(written: Iterable[Note], logs: Logs) -> list[str]:
    """What is wrong with the notes: each that was caused must be there once, those to one address together.

    The offset that caused it counts, too: by it a repeat is known.
    """
    problems = []
    home: dict[tuple[str, int, str], int] = {}
    found: Counter[Note] = Counter()
    for number, entries in logs.items():
        for entry in entries:
            if not isinstance(entry, Noted):
                continue
            note = entry.note
            found[note] += 1
            address = note.community_id, note.by_share, note.to_id
            if home.setdefault(address, number) != number:
                problems.append(f"notes to {address} are in the partitions {home[address]} and {number}")
    return problems + _differences("note", Counter(written), found)


def _differences(what: str, wanted: Counter[T], found: Counter[T]) -> list[str]:
    problems = [f"{what} missing: {one}" for one in (wanted - found).elements()]
    problems += [f"{what} not expected, or twice: {one}" for one in (found - wanted).elements()]
    return [*problems[:LIMIT], *([f"... and {len(problems) - LIMIT} more"] if problems[LIMIT:] else [])]
