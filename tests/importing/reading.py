"""How the tests read an export: the events as dictionaries, and the summary."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.events import EVENT
from streams.importing.drafts import Summary
from streams.importing.options import Options
from streams.importing.run import lines


@dataclass(frozen=True, slots=True)
class Imported:
    """What came out; every event has gone through the contract."""

    events: list[dict[str, Any]]
    summary: Summary

    def rows(self, *fields: str) -> list[tuple[Any, ...]]:
        """These fields of each event, None for what it does not have."""
        return [tuple(event.get(field) for field in fields) for event in self.events]

    def left_out(self) -> dict[str, int]:
        """Reasons and how many."""
        return {reason: left.count for reason, left in self.summary.left_out.items()}


def imported(source: str, path: Path, options: Options | None = None) -> Imported:
    """Read an export, and check what is true of every import."""
    summary = Summary()
    found = list(lines(source, path, options or Options(), summary))
    events = [json.loads(line) for line in found]
    for line in found:
        EVENT.validate_json(line)
    assert [event["occurred_at"] for event in events] == sorted(event["occurred_at"] for event in events)
    assert len({event["event_id"] for event in events}) == len(events) == summary.events
    return Imported(events, summary)
