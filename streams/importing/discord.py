"""Discord, as DiscordChatExporter writes it (format JSON): a file a channel or thread, or a folder of files.

The format is what its `JsonMessageWriter.cs` writes (github.com/Tyrrrz/DiscordChatExporter, folder
DiscordChatExporter.Core/Exporting); kinds of messages and channels: its `MessageKind.cs`, `ChannelKind.cs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import ijson

from streams.importing.drafts import Draft, ExportError, Groups, Summary, text_of
from streams.importing.jsonstream import opened
from streams.importing.options import Options

WHAT = "expected an export of DiscordChatExporter in the format JSON (--format Json)"
POSTS = ("Default", "Reply")


def read(path: Path, options: Options, summary: Summary) -> Iterator[Draft]:
    """Drafts from one file, or from all .json files of a folder. Raises `ExportError`."""
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not files:
        raise ExportError(f"{path} has no .json files: {WHAT}")
    groups = Groups(options.group_ids)
    for file in files:
        channel = _channel(file)
        kind = str(channel.get("type"))
        with opened(file, WHAT) as stream:
            messages = ijson.items(stream, "messages.item", use_float=True)
            if kind.startswith("Direct"):
                summary.leave_out("a direct conversation", file.name, sum(1 for _ in messages))
                continue
            # A thread is a part of its channel, which stands where other channels have their category.
            level = ("categoryId", "category") if "Thread" in kind else ("id", "name")
            group_id, name = (text_of(channel.get(key)) for key in level)
            if group_id is None:
                raise ExportError(f"{file}: its channel has no {level[0]}: {WHAT}")
            group = groups.name(group_id, name, str(file))
            for message in messages:
                draft = _draft(message, group, options.zone, file.name, summary)
                if draft is not None:
                    yield draft


def _channel(file: Path) -> dict[str, Any]:
    """The channel, which a file names before its messages."""
    with opened(file, WHAT) as stream:
        for channel in ijson.items(stream, "channel", use_float=True):
            if isinstance(channel, dict) and channel.get("id"):
                return channel
    raise ExportError(f"{file} names no channel: {WHAT}")


def _draft(message: Mapping[str, Any], group: str, zone: tzinfo, file: str, summary: Summary) -> Draft | None:
    number = text_of(message.get("id"))
    where = f"{file}, message {number}"
    reactions = message.get("reactions") or []
    summary.leave_out("reactions", where, sum(each.get("count") or 0 for each in reactions))
    author: Mapping[str, Any] = message.get("author") or {}
    user, kind = text_of(author.get("id")), message.get("type")
    at = _moment(message.get("timestamp"), zone)
    if author.get("isBot"):
        summary.leave_out("by a bot or an app", where)
    elif kind not in (*POSTS, "GuildMemberJoin"):
        summary.leave_out(f"type {kind}", where)
    elif user is None or number is None or at is None:
        summary.leave_out("no author, id or time", where)
    else:
        action, fields = _action(message, number)
        roles = tuple(str(role.get("name")) for role in author.get("roles") or [])
        text = message.get("content")
        return Draft(
            action, group, user, at, (number,), where, fields, text if isinstance(text, str) else "",
            role_names=roles,
        )  # fmt: skip
    return None


def _action(message: Mapping[str, Any], number: str) -> tuple[str, dict[str, str | None]]:
    """What a message is, and the fields of that action. Ids of messages are unique in all of Discord."""
    if message["type"] == "GuildMemberJoin":
        return "join", {}
    reference: Mapping[str, Any] = message.get("reference") or {}
    other = text_of(reference.get("messageId"))
    if reference.get("type") == "Forward" and other:
        return "share", {"content_id": other, "share_id": number, "channel": "discord"}
    return "post", {"content_id": number, "reply_to": other if message["type"] == "Reply" else None}


def _moment(value: object, zone: tzinfo) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=zone)
