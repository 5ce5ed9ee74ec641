"""Every table, and the topic of actions, against the batch recompute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.oracle.compare import compare
from tests.oracle.intake import Judged
from tests.oracle.log_checks import Logs, action_problems, note_problems
from tests.oracle.people import People

Row = dict[str, Any]
EVENT = ("source_partition", "source_offset")
PERSON = ("community_id", "user_id")


def differing(
    judged: Judged, people: People, logs: Logs, table: Callable[[str], Iterable[Row]]
) -> dict[str, str]:
    """What differs, by table; each empty for nothing. `table` gives the rows of one, in order of position."""
    users = [row | {"medals": sorted(row["medals"])} for row in table("users")]
    return {
        "actions": "\n".join(action_problems(judged, logs)),
        "notes": "\n".join(note_problems(people.written, logs)),
        "events": compare(judged.accepted, table("events"), EVENT),
        "rejected": compare(judged.rejected, table("rejected"), EVENT),
        "users": compare(people.users, users, PERSON),
        "segment_transitions": compare(people.transitions, table("segment_transitions"), (*PERSON, "ladder")),
        "medals": compare(people.medals, table("medals"), PERSON),
    }


def listed(parts: Mapping[str, str]) -> str:
    """What differs, each part under its name; empty for nothing."""
    return "\n".join(f"{name}:\n{text}" for name, text in parts.items() if text)
