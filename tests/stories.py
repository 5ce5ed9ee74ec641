"""Small logs by hand, and what the oracle makes of them: for examples that were worked out on paper.

Moments are days since 2024-01-01T00:00:00Z (day 0), so 7.5 is noon of 8 January. A line of a story is
``(day, action)``, ``(day, action, {field: value})`` or ``(day, action, group)``; by default it is ann's, in
g1 of the community "default".
"""

from __future__ import annotations

import json
from typing import Any

from schemas.rules import Rules
from tests.generate import encode, rfc3339
from tests.lives import DAY_MS
from tests.oracle import Entry, Judged, LogRecord, People, judge
from tests.oracle.invites import Note
from tests.oracle.log_checks import action_problems, note_problems
from tests.oracle.people import Partition
from tests.oracle.people_log import Acted, Noted
from tests.strategies import SPAN_DAYS, START_MS

BROKER_MS = START_MS + 5 * SPAN_DAYS * DAY_MS
"""Later than anything here, so nothing is from the future by accident."""
MILLI = 1 / DAY_MS
"""A millisecond, in days."""

FIELDS: dict[str, dict[str, Any]] = {
    "join": {},
    "post": {},
    "share": {"content_id": "c", "share_id": "s"},
    "leave": {},
    "purchase": {"order_id": "o", "amount": "1.50", "currency": "EUR"},
    "view": {"content_id": "c"},
}

Row = dict[str, Any]
Line = tuple[float, str] | tuple[float, str, str | Row]
Path = list[tuple[str, int, str]]


def ms(day: float) -> int:
    """The moment of a day, to the nearest millisecond."""
    return START_MS + round(day * DAY_MS)


def message(moment: int, action: str = "view", event_id: str = "e", **fields: Any) -> bytes:
    """One event of ann's in g1, by default a view."""
    base = {"event_id": event_id, "action": action, "group_id": "g1", "user_id": "ann"}
    return encode(base | {"occurred_at": rfc3339(moment)} | FIELDS[action] | fields)


def log(*values: bytes | None, partition: int = 0, timestamp_ms: int = BROKER_MS) -> list[LogRecord]:
    """Messages at offsets from 0."""
    return [LogRecord(partition, offset, timestamp_ms, value) for offset, value in enumerate(values)]


def event_log(*lines: Line) -> list[LogRecord]:
    """A story as a log of events, each with an id of its own."""
    values = []
    for number, (day, action, *rest) in enumerate(lines):
        # "clock" is somebody else's view, which only moves the clock.
        fields = {"user_id": "other"} if action == "clock" else {}
        more = rest[0] if rest else {}
        fields |= {"group_id": more} if isinstance(more, str) else more
        values.append(message(ms(day), "view" if action == "clock" else action, f"e{number}", **fields))
    return log(*values)


def together(judged: Judged, rules: Rules | None = None) -> list[Entry]:
    """The log of a people stage of one partition, with each note right after the action that caused it."""
    partition, entries = Partition(0, judged, rules), list[Entry]()
    clocks: dict[int, int] = {}
    sources = {row["source_partition"] for row in judged.accepted}

    def clock() -> int | None:
        return min(clocks.values()) if len(clocks) == len(sources) else None

    for row, after in judged.with_clocks():
        source = row["source_partition"]
        entries.append(Acted(len(entries), clock(), source, row["source_offset"]))
        partition.take(entries[-1])
        clocks[source] = after
        while waiting := partition.written:
            partition.written = []
            for note in waiting:
                entries.append(Noted(len(entries), clock(), note))
                partition.take(entries[-1])
    return entries


class Story:
    """What happened, in a people stage of one partition: the rows of ann, and of everybody."""

    def __init__(self, *lines: Line, until: float, rules: Rules | None = None) -> None:
        self.judged = judge(event_log(*lines), rules)
        assert not self.judged.rejected
        self.logs = {0: together(self.judged, rules)}
        self.people = People(self.judged, self.logs, ms(until), rules)
        assert action_problems(self.judged, self.logs) == note_problems(self.people.written, self.logs) == []
        self.users = {row["user_id"]: row for row in self.people.users}

    @property
    def user(self) -> Row:
        """Ann's row of `users`."""
        return self.users["ann"]

    @property
    def notes(self) -> list[Note]:
        """All of the log, in order."""
        return [entry.note for entry in self.logs[0] if isinstance(entry, Noted)]

    def rows(self, ladder: str = "lifecycle", who: str = "ann") -> list[Row]:
        """Somebody's transitions on a ladder."""
        return [row for row in self.people.transitions if (row["user_id"], row["ladder"]) == (who, ladder)]

    def path(self, ladder: str = "lifecycle", who: str = "ann") -> Path:
        """Each transition: to which segment, when, by which rule."""
        return [(row["to_segment"], row["at"], row["rule"]) for row in self.rows(ladder, who)]

    def evidence(self, number: int, ladder: str = "lifecycle", who: str = "ann") -> Row:
        """Of one transition."""
        found: Row = json.loads(self.rows(ladder, who)[number]["evidence"])
        return found

    def medals(self, who: str = "ann") -> list[tuple[str, int]]:
        """Somebody's medals, in order, and when."""
        return [(row["medal"], row["at"]) for row in self.people.medals if row["user_id"] == who]


def path(*steps: tuple[str, float, str]) -> Path:
    """The expected one, with days for moments."""
    return [(segment, ms(day), rule) for segment, day, rule in steps]
