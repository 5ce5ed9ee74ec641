"""A Slack export: a zip with channels.json, users.json, and a folder a channel with a file of messages a day.

Formats: "How to read Slack data exports" (slack.com/help/articles/220556107), and docs.slack.dev for the
subtypes and fields of messages (reference/events/message), of users and channels (reference/objects).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from schemas.events import Role
from streams.importing.archive import Archive
from streams.importing.contract import EPOCH
from streams.importing.drafts import Draft, ExportError, Groups, Summary, text_of
from streams.importing.options import Options

POSTS = (None, "me_message", "thread_broadcast", "file_share")
"""Subtypes of what members write: none, /me, in a thread and its channel, with a file (old exports)."""
JOINS = ("channel_join", "group_join")
LEAVES = ("channel_leave", "group_leave")
CHANNELS = ("channels.json", "groups.json")
PRIVATE = ("dms.json", "mpims.json")
SLACKBOT = "USLACKBOT"


def read(path: Path, options: Options, summary: Summary) -> Iterator[Draft]:
    """Drafts from a Slack export, the zip or its folder. Raises `ExportError`."""
    with Archive(path) as archive:
        root = archive.folder_of("channels.json")
        if root is None:
            raise ExportError(
                f"{path} has no channels.json, so it is not a Slack export. Slack makes one under Workspace "
                "settings, Import/Export Data, Export; give the zip that it offers, not a file out of it"
            )
        people = _People(archive, root, summary)
        channels = {
            channel["name"]: channel["id"]
            for name in CHANNELS
            for channel in _objects(archive, root + name)
            if channel.get("name") and channel.get("id")
        }
        private = {
            text_of(each.get(key)) for name in PRIVATE for each in _objects(archive, root + name)
            for key in ("id", "name")
        }  # fmt: skip
        groups = Groups(options.group_ids)
        for name in archive.names:
            folder, slash, file = name.removeprefix(root).partition("/")
            if not name.startswith(root) or not slash or "/" in file or not file.endswith(".json"):
                continue
            messages = _objects(archive, name)
            if folder not in channels:
                reason = "a direct conversation" if folder in private else "in no channel of channels.json"
                summary.leave_out(reason, name, len(messages))
                continue
            group = groups.name(channels[folder], folder, str(path))
            for number, message in enumerate(messages, 1):
                where = f"{name}, message {number}"
                draft = _draft(message, channels[folder], group, people, where, summary)
                if draft is not None:
                    yield draft


class _People:
    """Who is staff and who is a bot, from users.json."""

    def __init__(self, archive: Archive, root: str, summary: Summary) -> None:
        users = _objects(archive, root + "users.json") or _objects(archive, root + "org_users.json")
        if not users:
            summary.notes.append("the export has no users.json: who is an owner, admin or bot is not known")
        self.bots = {user.get("id") for user in users if user.get("is_bot")} | {SLACKBOT}
        self.roles: dict[str, Role] = {}
        for user in users:
            if user.get("is_owner") or user.get("is_primary_owner"):
                self.roles[user["id"]] = "operator"
            elif user.get("is_admin"):
                self.roles[user["id"]] = "moderator"


def _draft(
    message: Mapping[str, Any], channel: str, group: str, people: _People, where: str, summary: Summary
) -> Draft | None:
    subtype, user, ts = message.get("subtype"), text_of(message.get("user")), message.get("ts")
    reactions = message.get("reactions") or []
    summary.leave_out("reactions", where, sum(len(each.get("users") or []) for each in reactions))
    reason = _no_event(message, subtype, user, people)
    if reason is not None or user is None:
        summary.leave_out(reason or "no author", where)
        return None
    at = _moment(ts)
    if at is None:
        summary.leave_out("no time (ts)", where)
        return None
    action, fields = _action(message, channel, subtype)
    text = message.get("text")
    return Draft(
        action, group, user, at, (channel, str(ts), user), where,
        fields, text if isinstance(text, str) else "", people.roles.get(user),
    )  # fmt: skip


def _no_event(message: Mapping[str, Any], subtype: Any, user: str | None, people: _People) -> str | None:
    """Why a message is not what a member did, or None."""
    if subtype == "bot_message" or message.get("bot_id") or user in people.bots:
        return "by a bot or an app"
    if message.get("type", "message") != "message":
        return f"type {message['type']}"
    if subtype not in (*POSTS, *JOINS, *LEAVES):
        return f"subtype {subtype}"
    return None


def _action(message: Mapping[str, Any], channel: str, subtype: Any) -> tuple[str, dict[str, str | None]]:
    """What a message is, and the fields of that action."""
    if subtype in JOINS:
        inviter = text_of(message.get("inviter"))
        return "join", {"channel": "invite" if inviter else "direct", "inviter_id": inviter}
    if subtype in LEAVES:
        return "leave", {}
    this = f"{channel}-{message['ts']}"
    if (shared := _shared(message, subtype)) is not None:
        return "share", {"content_id": shared, "share_id": this, "channel": "slack"}
    thread = text_of(message.get("thread_ts"))
    reply_to = f"{channel}-{thread}" if thread and thread != message["ts"] else None
    return "post", {"content_id": this, "reply_to": reply_to}


def _shared(message: Mapping[str, Any], subtype: Any) -> str | None:
    """The content that a message passes on, if that is all it does: a file without words, or a message."""
    for attachment in message.get("attachments") or []:
        source, ts = text_of(attachment.get("channel_id")), text_of(attachment.get("ts"))
        if attachment.get("is_share") and source and ts:
            return f"{source}-{ts}"
    files = message.get("files") or ([message["file"]] if message.get("file") else [])
    if files and (subtype == "file_share" or not message.get("text")):
        return text_of(files[0].get("id"))
    return None


def _moment(ts: object) -> datetime | None:
    """``1355517523.000005``: seconds since 1970; what is behind the point makes it unique in its channel."""
    seconds, _, rest = str(ts or "").partition(".")
    if not (seconds.isascii() and seconds.isdigit()) or len(seconds) > 11:
        return None
    micros = rest[:6].ljust(6, "0")
    return EPOCH + timedelta(seconds=int(seconds), microseconds=int(micros) if micros.isdigit() else 0)


def _objects(archive: Archive, name: str) -> list[dict[str, Any]]:
    """A file that is a list of objects; an empty one when there is no such file."""
    if name not in archive.names:
        return []
    try:
        found: list[dict[str, Any]] = msgspec.json.decode(archive.read(name), type=list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportError(
            f"{archive.path}: {name} is not a list of JSON objects ({error}). Unpack the export again, or "
            "leave that file out"
        ) from error
    return found
