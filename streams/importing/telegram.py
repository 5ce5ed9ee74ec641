"""Telegram Desktop's export in the format JSON: result.json, of one chat or of all of them.

The format is what `export_output_json.cpp` writes (github.com/telegramdesktop/tdesktop, folder
Telegram/SourceFiles/export/output). One chat: ``name``, ``type``, ``id``, ``messages``. All chats: the same
for each in ``chats.list``, and in ``left_chats.list``.

Service messages name those who were added, were removed, or invited by link by display names alone. A name is
looked up among the authors in the file; one that is not there, or that two people have, is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import ijson

from streams.importing.contract import EPOCH
from streams.importing.drafts import Draft, ExportError, Groups, Summary, text_of
from streams.importing.jsonstream import Parsed, opened, parsed
from streams.importing.options import Options

WHAT = "expected result.json of Telegram Desktop (Export chat history, format: Machine-readable JSON)"
GROUP_TYPES = ("private_group", "private_supergroup", "public_supergroup", "public_group")
LISTS = ("chats.list.item.", "left_chats.list.item.")
JOINS = {"join_group_by_link": "link", "join_group_by_request": "request"}


@dataclass(slots=True)
class _Chat:
    """The chat whose messages are being read."""

    name: str | None = None
    type: str = ""
    id: str = ""


@dataclass(slots=True)
class _Reading:
    """What is known so far: the chat, ids by display name, and what waits for a name to be known."""

    chat: _Chat = field(default_factory=_Chat)
    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    waiting: list[_Named] = field(default_factory=list)

    def id_of(self, name: object) -> str | None:
        """The only person who has this display name."""
        found = self.ids.get(name, set()) if isinstance(name, str) else set()
        return next(iter(found)) if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class _Named:
    """A draft about a member known by name. For a join, `inviter` is an id, or a name to look up."""

    draft: Draft
    member: str | None
    inviter_name: str | None = None


def read(path: Path, options: Options, summary: Summary) -> Iterator[Draft]:
    """Drafts from a result.json, or from the folder that it is in. Raises `ExportError`."""
    file = path / "result.json" if path.is_dir() else path
    reading = _Reading()
    groups = Groups(options.group_ids)
    found = False
    with opened(file, WHAT) as stream:
        for message in ijson.items(_messages(parsed(stream), reading), "messages.item"):
            chat = reading.chat
            found = True
            if chat.type not in GROUP_TYPES:
                summary.leave_out(f"in a {chat.type or 'chat of no type'}, not a group", file.name)
                continue
            if not chat.id:
                raise ExportError(f"{file}: a chat without an id before its messages: {WHAT}")
            group = groups.name(chat.id, chat.name, str(file))
            yield from _drafts(message, group, reading, options.zone, summary)
    if not found:
        raise ExportError(f"{file} has no messages: {WHAT}")
    yield from _resolved(reading, summary)


def _messages(pieces: Iterator[Parsed], reading: _Reading) -> Iterator[Parsed]:
    """Only the pieces of messages, as if each chat were alone in its file; notes whose they are."""
    for piece in pieces:
        path, event, value = piece
        if path.startswith("messages"):  # most pieces come through here: keep it cheap
            yield piece
            continue
        for start in LISTS:
            if path.startswith(start):
                path = path[len(start) :]
                break
        if path.startswith("messages"):
            yield path, event, value
        elif path == "name":
            # The first key of a chat: what the chat before it said is over.
            reading.chat = _Chat(name=value)
        elif path == "type":
            reading.chat = _Chat(reading.chat.name, str(value or ""))
        elif path == "id":
            reading.chat.id = str(value)


def _drafts(
    message: Mapping[str, Any], group: str, reading: _Reading, zone: tzinfo, summary: Summary
) -> Iterator[Draft]:
    chat, number = reading.chat.id, text_of(message.get("id"))
    where = f"chat {chat}, message {number}"
    for who in ("from", "actor"):
        name, person = message.get(who), _person(message.get(f"{who}_id"))
        if isinstance(name, str) and person is not None:
            reading.ids[name].add(person)
    reactions = message.get("reactions") or []
    summary.leave_out("reactions", where, sum(each.get("count") or 0 for each in reactions))
    at = _moment(message, zone)
    if number is None or at is None:
        summary.leave_out("no id or time", where)
    elif message.get("type") == "service":
        yield from _service(message, group, reading, at, where, summary)
    elif (author := _person(message.get("from_id"))) is None:
        summary.leave_out("written by a channel, or by nobody", where)
    else:
        reply = text_of(message.get("reply_to_message_id"))
        here = message.get("reply_to_peer_id") is None
        fields = {"content_id": f"{chat}-{number}", "reply_to": f"{chat}-{reply}" if reply and here else None}
        yield Draft("post", group, author, at, (chat, number), where, fields, _text(message.get("text")))


def _service(
    message: Mapping[str, Any], group: str, reading: _Reading, at: datetime, where: str, summary: Summary
) -> Iterator[Draft]:
    """Who came and who went. What needs a name to be known waits until all of the file is read."""
    action, identity = message.get("action"), (reading.chat.id, str(message["id"]))
    actor = _person(message.get("actor_id"))
    if action in JOINS and actor is not None:
        draft = Draft("join", group, actor, at, identity, where, {"channel": JOINS[action]})
        inviter = message.get("inviter")
        reading.waiting.append(_Named(draft, None, inviter if isinstance(inviter, str) else None))
    elif action == "create_group" and actor is not None:
        yield Draft("join", group, actor, at, identity, where, {"channel": "direct"})
    if action in ("invite_members", "remove_members", "create_group"):
        kind = "leave" if action == "remove_members" else "join"
        for place, member in enumerate(message.get("members") or []):
            if action == "create_group" and actor is not None and member == message.get("actor"):
                continue  # who made the group is in it once
            draft = Draft(kind, group, actor or "", at, (*identity, str(place)), where)
            reading.waiting.append(_Named(draft, member if isinstance(member, str) else ""))
    elif action not in JOINS or actor is None:
        summary.leave_out(f"service message {action}", where)


def _resolved(reading: _Reading, summary: Summary) -> Iterator[Draft]:
    """What waited for names, now that all are known."""
    for draft, member, inviter_name in (
        (each.draft, each.member, each.inviter_name) for each in reading.waiting
    ):
        if member is None:  # the actor came by themselves
            inviter = reading.id_of(inviter_name)
            yield _changed(draft, draft.user, {**draft.fields, "inviter_id": inviter})
            continue
        user, actor = reading.id_of(member), draft.user or None
        if user is None:
            summary.leave_out("a member who is named only, and wrote nothing or shares the name", draft.where)
        elif draft.action == "leave":
            yield _changed(draft, user, {"reason": "removed" if actor and actor != user else "left"})
        else:
            invited = actor is not None and actor != user
            fields = {"channel": "invite" if invited else "direct", "inviter_id": actor if invited else None}
            yield _changed(draft, user, fields)


def _changed(draft: Draft, user: str, fields: Mapping[str, str | None]) -> Draft:
    return Draft(draft.action, draft.group, user, draft.at, draft.identity, draft.where, fields)


def _person(value: object) -> str | None:
    """``user123``, as it is; in exports before 2021 the bare number. Channels and groups are no persons."""
    found = text_of(value)
    if found is None:
        return None
    if found.isdigit():
        return f"user{found}"
    return found if found.startswith("user") else None


def _moment(message: Mapping[str, Any], zone: tzinfo) -> datetime | None:
    """``date_unixtime``; old exports have ``date`` only, in the time zone of the computer that made them."""
    try:
        if message.get("date_unixtime") is not None:
            return EPOCH + timedelta(seconds=int(message["date_unixtime"]))
        return datetime.fromisoformat(str(message.get("date"))).replace(tzinfo=zone)
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str:
    """A text is a string, or a list of strings and of objects with a text (links, bold)."""
    if isinstance(value, list):
        return "".join(_text(each) for each in value)
    if isinstance(value, dict):
        return _text(value.get("text"))
    return value if isinstance(value, str) else ""
