"""Notes: what partitions of people write to each other. See docs/people.md, Invites."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tests.oracle.person import Person


@dataclass(frozen=True)
class Note:
    """One note, as it stands in the log of actions."""

    sender: int
    source_offset: int
    """The offset in the sender's log that caused it."""
    kind: str
    by_share: int
    at: int
    community_id: str
    to_id: str
    user_id: str


def caused_by(person: Person, event: dict[str, Any], sender: int, offset: int) -> list[Note]:
    """What an event of a person makes them tell others, in order; its figures are in already."""

    def note(kind: str, by_share: int, to_id: str) -> Note:
        at = event["occurred_at"]
        return Note(sender, offset, kind, by_share, at, person.community_id, to_id, person.user_id)

    action = event["action"]
    notes = []
    if action == "share":
        notes.append(note("shared", 1, event["share_id"]))
    invited = _invited_by(person)
    if action == "join" and person.counts["join"] == 1:
        if event["inviter_id"] not in ("", person.user_id):
            person.inviter_id = event["inviter_id"]
        else:
            person.via_share_id = event["via_share_id"]
        invited = _invited_by(person)
        if invited:
            notes.append(note("joined", *invited))
    if invited and not person.stayed and action != "leave":
        person.stayed = person.active_days(person.last_day) >= person.rules.pyramid.stayed_days
        if person.stayed:
            notes.append(note("stayed", *invited))
    return notes


def _invited_by(person: Person) -> tuple[int, str] | None:
    """To whom goes what concerns their invitation: whether it is a share, and its or the person's id."""
    if person.inviter_id:
        return 0, person.inviter_id
    return (1, person.via_share_id) if person.via_share_id else None


class Shares:
    """Whose each share is, as one partition knows it, and the notes that wait to be told."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], str] = {}
        self._waiting: dict[tuple[str, str], list[Note]] = {}

    def take(self, note: Note, sender: int, offset: int) -> list[Note]:
        """A note to a share: the notes that are passed on to who made it."""
        share = note.community_id, note.to_id
        if note.kind == "shared":
            if share in self._owners:
                return []
            self._owners[share] = note.user_id
            told = self._waiting.pop(share, [])
        elif share in self._owners:
            told = [note]
        else:
            self._waiting.setdefault(share, []).append(note)
            return []
        owner = self._owners[share]
        return [
            replace(one, sender=sender, source_offset=offset, by_share=0, to_id=owner)
            for one in told
            if one.user_id != owner
        ]
