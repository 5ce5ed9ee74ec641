"""What a source gives: drafts of events, and a count of what it left out. Nothing is dropped in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schemas.events import Role


class ExportError(ValueError):
    """An export that can't be read. The message names the file, what is wrong, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One thing that happened, as its source tells it.

    `identity` is what makes it the same thing in the next export, too: the event id is made of it. `text` is
    only looked at (is it a question?) and never kept. `fields` are the action's own, `where` is for people.
    With `repeats_count` the same thing twice is two things (rows of a table), else a repeat to leave out.
    """

    action: str
    group: str
    user: str
    at: datetime
    identity: tuple[str, ...]
    where: str
    fields: Mapping[str, str | None] = field(default_factory=dict)
    text: str = ""
    role: Role | None = None
    role_names: tuple[str, ...] = ()
    repeats_count: bool = False


@dataclass(slots=True)
class LeftOut:
    """How many were left out for one reason, and where the first one was."""

    count: int = 0
    example: str = ""


@dataclass(slots=True)
class Summary:
    """What was taken and what was left out. Filled while the drafts are read."""

    taken: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    first: datetime | None = None
    last: datetime | None = None

    @property
    def events(self) -> int:
        """Events that were taken."""
        return self.taken.total()

    def take(self, draft: Draft) -> None:
        """Count a draft that became an event."""
        self.taken[draft.action] += 1
        self.people.add(draft.user)
        self.groups.add(draft.group)
        self.first = draft.at if self.first is None else min(self.first, draft.at)
        self.last = draft.at if self.last is None else max(self.last, draft.at)

    def leave_out(self, reason: str, where: str = "", count: int = 1) -> None:
        """Count what did not become an event."""
        if count:
            found = self.left_out.setdefault(reason, LeftOut(example=where))
            found.count += count


@dataclass(slots=True)
class Groups:
    """Names for groups: the source's names, or with `by_id` its ids. Two groups never share a name."""

    by_id: bool
    _ids: dict[str, str] = field(default_factory=dict)

    def name(self, source_id: str, name: str | None, where: str) -> str:
        """The `group_id` of a group. Raises `ExportError` when another group has this name already."""
        if self.by_id or not name or len(name) > 128:
            return source_id
        taken_by = self._ids.setdefault(name, source_id)
        if taken_by != source_id:
            raise ExportError(
                f"{where}: two groups are called {name!r} ({taken_by} and {source_id}). Name groups by their "
                "ids with --group-ids, or import them apart, into communities of their own"
            )
        return name


def text_of(value: Any) -> str | None:
    """An id as a string, or None when there is none. JSON has ids as strings and as numbers."""
    if isinstance(value, bool) or value is None or value == "":
        return None
    return str(value) if isinstance(value, str | int) else None
