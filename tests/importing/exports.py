"""Small exports, true to the formats that the modules of `streams.importing` name: a bit of everything."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

Json = dict[str, Any]

SLACK: dict[str, list[Json]] = {
    "channels.json": [
        {"id": "C1", "name": "general", "created": 1355517000, "creator": "U1", "members": ["U1", "U2"]},
        {"id": "C2", "name": "help", "created": 1355517000, "creator": "U1", "members": ["U1"]},
    ],
    "dms.json": [{"id": "D1", "created": 1355517000, "members": ["U1", "U2"]}],
    "users.json": [
        {"id": "U1", "name": "ann", "real_name": "Ann Archer", "is_owner": True, "is_admin": True},
        {"id": "U2", "name": "bob", "real_name": "Bob Baker", "is_admin": True, "is_owner": False},
        {"id": "U3", "name": "cy", "real_name": "Cy Cole", "deleted": False},
        {"id": "U9", "name": "robot", "is_bot": True},
    ],
    "general/2012-12-14.json": [
        {"type": "message", "subtype": "channel_join", "user": "U1", "ts": "1355517523.000001",
         "text": "<@U1> has joined the channel"},
        {"type": "message", "subtype": "channel_join", "user": "U3", "inviter": "U1",
         "ts": "1355517524.000002", "text": "<@U3> has joined the channel"},
        {"type": "message", "user": "U1", "text": "Hello, who is here?", "ts": "1355517525.000003",
         "thread_ts": "1355517525.000003", "reply_count": 1,
         "reactions": [{"name": "wave", "users": ["U2", "U3"], "count": 2}]},
        {"type": "message", "user": "U3", "text": "me", "ts": "1355517526.125999",
         "thread_ts": "1355517525.000003", "parent_user_id": "U1"},
        {"type": "message", "subtype": "bot_message", "bot_id": "B1", "text": "build", "ts": "1355517527.0"},
        {"type": "message", "user": "U9", "text": "beep", "ts": "1355517528.000100"},
        {"type": "message", "subtype": "channel_topic", "user": "U1", "topic": "x", "ts": "1355517529.0001"},
        {"type": "message", "subtype": "channel_leave", "user": "U3", "ts": "1355517530.000100"},
    ],
    "help/2012-12-13.json": [
        {"type": "message", "user": "U2", "text": "", "ts": "1355430000.000100",
         "files": [{"id": "F1", "name": "map.png"}], "upload": True},
        {"type": "message", "user": "U2", "text": "look", "ts": "1355430001.000100",
         "files": [{"id": "F2", "name": "two.png"}]},
        {"type": "message", "user": "U3", "text": "see this", "ts": "1355430002.000100",
         "attachments": [{"is_share": True, "channel_id": "C1", "ts": "1355517525.000003"}]},
        {"type": "message", "user": "U3", "text": "no time"},
    ],
    "D1/2012-12-14.json": [{"type": "message", "user": "U1", "text": "secret", "ts": "1355517523.000001"}],
    "canvases/2012-12-14.json": [{"type": "message", "user": "U1", "text": "?", "ts": "1355517523.000001"}],
}  # fmt: skip


def slack_folder(folder: Path, files: Mapping[str, Sequence[Json]] = SLACK) -> Path:
    """The export, unpacked."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), "utf-8")
    return folder


def slack_zip(file: Path, files: Mapping[str, Sequence[Json]] = SLACK, inside: str = "") -> Path:
    """The export as it is downloaded; `inside` a folder, as when somebody packed it again."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(inside + name, json.dumps(content))
    return file


def real_slack_zip(file: Path, data: Path) -> Path:
    """The Slack of `data/`, which is events, in the shape of an export again; one message for each event."""
    files: dict[str, list[Json]] = defaultdict(list)
    channels: dict[str, str] = {}
    subtypes = {"join": "channel_join", "leave": "channel_leave", "share": "file_share", "post": None}
    with gzip.open(data) as lines:
        for number, event in enumerate(map(json.loads, lines)):
            at, group = datetime.fromisoformat(event["occurred_at"]), event["group_id"]
            ts = f"{int(at.timestamp())}.{at.microsecond // 1000:03}{number % 1000:03}"
            message = {"type": "message", "user": event["user_id"], "ts": ts, "text": "hello"}
            if subtype := subtypes[event["action"]]:
                message["subtype"] = subtype
            if event["action"] == "share":
                message["file"] = {"id": event["content_id"]}
            channels.setdefault(group, f"C{len(channels)}")
            files[f"{group}/{at:%Y-%m-%d}.json"].append(message)
    about = [{"id": number, "name": name} for name, number in channels.items()]
    return slack_zip(file, {"channels.json": about, "users.json": SLACK["users.json"], **files})


def discord_message(number: int, **more: Any) -> Json:
    """A message as DiscordChatExporter writes it; `more` replaces."""
    return {
        "id": str(number), "type": "Default", "timestamp": f"2021-07-09T13:{number % 60:02}:12.345+00:00",
        "timestampEdited": None, "callEndedTimestamp": None, "isPinned": False, "content": "hello",
        "author": {"id": "77", "name": "ann", "discriminator": "0000", "nickname": "Ann Archer",
                   "color": None, "isBot": False, "roles": [], "avatarUrl": "a.png"},
        "attachments": [], "embeds": [], "stickers": [], "reactions": [], "mentions": [],
    } | more  # fmt: skip


def author(number: str, *roles: str, bot: bool = False) -> Json:
    """An author with roles of these names."""
    return {"id": number, "name": "x", "isBot": bot, "roles": [{"id": "1", "name": each} for each in roles]}


def discord_file(file: Path, messages: Sequence[Json], **channel: Any) -> Path:
    """An export of one channel."""
    about = {"id": "500", "type": "GuildTextChat", "categoryId": "9", "category": "Text", "name": "general"}
    content = {
        "guild": {"id": "1", "name": "Runners", "iconUrl": "i.png"}, "channel": about | channel,
        "dateRange": {"after": None, "before": None}, "exportedAt": "2024-01-01T00:00:00+00:00",
        "messages": messages, "messageCount": len(messages),
    }  # fmt: skip
    file.write_text(json.dumps(content, indent=2), "utf-8")
    return file


def discord_messages() -> list[Json]:
    """One of each kind."""
    emoji = {"id": "", "name": "👍"}
    forward = {"type": "Forward", "messageId": "42", "channelId": "7", "guildId": "1"}
    return [
        discord_message(1, type="GuildMemberJoin", content="Joined the server.", author=author("88")),
        discord_message(2, content="Anyone here?", author=author("88", "Member")),
        discord_message(3, type="Reply", reference={"messageId": "2"}, author=author("77", "Admin"),
                        reactions=[{"emoji": emoji, "count": 3, "users": []}]),
        discord_message(4, author=author("66", "Helpers", "Mods")),
        discord_message(5, author=author("99", bot=True)),
        discord_message(6, type="ChannelPinnedMessage"),
        discord_message(7, reference=forward, author=author("88")),
        discord_message(8, author=author("55", "Helpers")),
    ]  # fmt: skip


TELEGRAM: list[Json] = [
    {"id": 1, "type": "service", "date": "2024-01-01T09:00:00", "date_unixtime": "1704099600",
     "actor": "Ann Archer", "actor_id": "user1", "action": "create_group", "title": "Runners",
     "members": ["Ann Archer", "Bob Baker"], "text": ""},
    {"id": 2, "type": "service", "date": "2024-01-01T09:01:00", "date_unixtime": "1704099660",
     "actor": "Cy Cole", "actor_id": "user3", "action": "join_group_by_link", "inviter": "Ann Archer",
     "text": ""},
    {"id": 3, "type": "message", "date": "2024-01-01T09:02:00", "date_unixtime": "1704099720",
     "from": "Bob Baker", "from_id": "user2", "text": ["see ", {"type": "bold", "text": "this"}, "?"],
     "reactions": [{"type": "emoji", "count": 4, "emoji": "x"}]},
    {"id": 4, "type": "message", "date": "2024-01-01T09:03:00", "date_unixtime": "1704099780",
     "from": "Ann Archer", "from_id": "user1", "reply_to_message_id": 3, "text": "yes"},
    {"id": 5, "type": "service", "date": "2024-01-01T09:04:00", "date_unixtime": "1704099840",
     "actor": "Ann Archer", "actor_id": "user1", "action": "invite_members",
     "members": ["Dee Dale", "Nobody Known"], "text": ""},
    {"id": 6, "type": "message", "date": "2024-01-01T09:05:00", "date_unixtime": "1704099900",
     "from": "Dee Dale", "from_id": "user4", "text": "hi", "forwarded_from": "News"},
    {"id": 7, "type": "service", "date": "2024-01-01T09:06:00", "date_unixtime": "1704099960",
     "actor": "Ann Archer", "actor_id": "user1", "action": "remove_members", "members": ["Dee Dale"]},
    {"id": 8, "type": "service", "date": "2024-01-01T09:07:00", "date_unixtime": "1704100020",
     "actor": "Cy Cole", "actor_id": "user3", "action": "remove_members", "members": ["Cy Cole"]},
    {"id": 9, "type": "service", "date": "2024-01-01T09:08:00", "date_unixtime": "1704100080",
     "actor": "Ann Archer", "actor_id": "user1", "action": "pin_message", "message_id": 3},
    {"id": 10, "type": "message", "date": "2024-01-01T09:09:00", "date_unixtime": "1704100140",
     "from": "Runners", "from_id": "channel1", "text": "as the group"},
]  # fmt: skip


def telegram_chat(messages: Sequence[Json], **chat: Any) -> Json:
    """One chat, as it stands alone in a result.json or in a list of chats."""
    return {"name": "Runners", "type": "private_supergroup", "id": 100, **chat, "messages": messages}


def telegram_file(file: Path, content: Json) -> Path:
    """A result.json."""
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False), "utf-8")
    return file


def telegram_all(*chats: Json, left: Sequence[Json] = ()) -> Json:
    """The export of everything that Telegram Desktop knows."""
    return {
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": 1, "first_name": "Ann"},
        "contacts": {"about": "", "list": [{"user_id": 2, "first_name": "Bob"}]},
        "chats": {"about": "", "list": list(chats)},
        "left_chats": {"about": "", "list": list(left)},
    }


ZNC = """\
[09:00:00] *** Joins: Ann (~ann@example.org)
[09:00:05] <Ann> hello, anybody?
[09:00:05] <Ann> hello, anybody?
[09:00:07] * @bob waves
[09:00:08] <@bob> hi
[09:00:09] -NickServ- you are known
[09:00:10] *** Ann is now known as ann_away
[09:00:11] *** bob sets mode: +o ann
[09:00:12] *** bob changes topic to 'new'
[09:01:00] *** Cy was kicked by bob (rude)
[09:02:00] *** Quits: Dee (dee@example.org) (Ping timeout)
[09:03:00] *** Parts: Ann (~ann@example.org) (bye)
Connected to IRC
[09:04:00] Disconnected from IRC (irc.example.org 6667)
"""
WEECHAT = (
    "2016-11-10 11:56:03\t-->\tAnn (~ann@example.org) has joined #ghetty\n"
    "2016-11-10 11:56:04\t@bob\twelcome\n"
    "2016-11-10 11:56:05\t *\tAnn thanks\n"
    "2016-11-10 11:56:06\t--\tMode #ghetty [+v Ann] by bob\n"
    "2016-11-10 11:56:07\t<--\tbob has kicked gnu (rejoin, friend)\n"
    "2016-11-10 11:56:08\t<--\tAnn (~ann@example.org) has left #ghetty (WeeChat 1.5)\n"
    "2016-11-10 11:56:09\t<--\tdee (dee@example.org) has quit (Read error)\n"
    "2016-11-10 11:56:10\t=!=\tan error\n"
)
CSV = """\
author,date,room,kind of post
ann,2026-01-31 09:30:00,berlin,question
ann,2026-01-31 09:30:00,berlin,question
bob,2026-01-30T08:00:00+01:00,berlin,
,2026-01-31,berlin,
cy,31.01.2026,berlin,
dee,1769850000,berlin,shout
"""
