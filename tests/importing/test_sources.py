"""Each format, read: what becomes which event, and that everything else is counted with its reason."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from streams.importing.options import Options
from tests.importing import exports
from tests.importing.reading import imported

WHO_WHAT = ("occurred_at", "group_id", "user_id", "action")


def test_slack(tmp_path: Path) -> None:
    found = imported("slack", exports.slack_zip(tmp_path / "export.zip"), Options(questions=True))
    assert found.rows(*WHO_WHAT, "content_id", "reply_to", "role", "kind") == [
        ("2012-12-13T20:20:00.000100Z", "help", "U2", "share", "F1", None, None, None),
        ("2012-12-13T20:20:01.000100Z", "help", "U2", "post", "C2-1355430001.000100", None, "moderator",
         "talk"),
        ("2012-12-13T20:20:02.000100Z", "help", "U3", "share", "C1-1355517525.000003", None, None, None),
        ("2012-12-14T20:38:43.000001Z", "general", "U1", "join", None, None, "operator", None),
        ("2012-12-14T20:38:44.000002Z", "general", "U3", "join", None, None, None, None),
        ("2012-12-14T20:38:45.000003Z", "general", "U1", "post", "C1-1355517525.000003", None, "operator",
         "question"),
        ("2012-12-14T20:38:46.125999Z", "general", "U3", "post", "C1-1355517526.125999",
         "C1-1355517525.000003", "member", "talk"),
        ("2012-12-14T20:38:50.000100Z", "general", "U3", "leave", None, None, None, None),
    ]  # fmt: skip
    joins = [event for event in found.events if event["action"] == "join"]
    assert [(join["channel"], join.get("inviter_id")) for join in joins] == [
        ("direct", None),
        ("invite", "U1"),
    ]
    assert found.left_out() == {
        "reactions": 2,
        "by a bot or an app": 2,
        "subtype channel_topic": 1,
        "no time (ts)": 1,
        "a direct conversation": 1,
        "in no channel of channels.json": 1,
    }
    assert found.summary.left_out["no time (ts)"].example == "help/2012-12-13.json, message 4"
    assert found.summary.people == {"U1", "U2", "U3"}
    assert found.summary.notes == []


def test_slack_folder_and_zip_packed_again_give_the_same(tmp_path: Path) -> None:
    once = imported("slack", exports.slack_zip(tmp_path / "export.zip"))
    assert once.events
    assert imported("slack", exports.slack_folder(tmp_path / "unpacked")).events == once.events
    assert imported("slack", exports.slack_zip(tmp_path / "b.zip", inside="My Export/")).events == once.events


def test_slack_without_people_says_so(tmp_path: Path) -> None:
    files = {name: content for name, content in exports.SLACK.items() if name != "users.json"}
    found = imported("slack", exports.slack_folder(tmp_path, files))
    assert {event.get("role") for event in found.events if event["action"] == "post"} == {"member"}
    assert "no users.json" in found.summary.notes[0]


def test_discord(tmp_path: Path) -> None:
    file = exports.discord_file(tmp_path / "general.json", exports.discord_messages())
    found = imported("discord", file, Options(moderators=frozenset(["Helpers"]), questions=True))
    assert found.rows(*WHO_WHAT, "content_id", "reply_to", "role", "kind") == [
        ("2021-07-09T13:01:12.345000Z", "general", "88", "join", None, None, None, None),
        ("2021-07-09T13:02:12.345000Z", "general", "88", "post", "2", None, "member", "question"),
        ("2021-07-09T13:03:12.345000Z", "general", "77", "post", "3", "2", "operator", "talk"),
        ("2021-07-09T13:04:12.345000Z", "general", "66", "post", "4", None, "moderator", "talk"),
        ("2021-07-09T13:07:12.345000Z", "general", "88", "share", "42", None, None, None),
        ("2021-07-09T13:08:12.345000Z", "general", "55", "post", "8", None, "moderator", "talk"),
    ]
    assert found.left_out() == {"reactions": 3, "by a bot or an app": 1, "type ChannelPinnedMessage": 1}


def test_discord_folder_has_threads_in_their_channel_and_no_direct_messages(tmp_path: Path) -> None:
    exports.discord_file(tmp_path / "a.json", [exports.discord_message(1)])
    exports.discord_file(
        tmp_path / "b.json", [exports.discord_message(2)],
        id="501", type="GuildPublicThread", categoryId="500", category="general", name="a thread",
    )  # fmt: skip
    exports.discord_file(tmp_path / "c.json", [exports.discord_message(3)], id="502", type="DirectTextChat")
    exports.discord_file(tmp_path / "d.json", [exports.discord_message(1)])  # exported twice
    found = imported("discord", tmp_path)
    assert found.rows("group_id", "content_id") == [("general", "1"), ("general", "2")]
    assert found.left_out() == {"a direct conversation": 1, "a repeat in the export": 1}
    assert found.summary.taken["post"] == 2


def test_telegram(tmp_path: Path) -> None:
    file = exports.telegram_file(tmp_path / "result.json", exports.telegram_chat(exports.TELEGRAM))
    found = imported("telegram", file, Options(questions=True))
    assert found.rows("group_id", "user_id", "action", "channel", "inviter_id", "reason") == [
        ("Runners", "user1", "join", "direct", None, None),
        ("Runners", "user2", "join", "invite", "user1", None),
        ("Runners", "user3", "join", "link", "user1", None),
        ("Runners", "user2", "post", None, None, None),
        ("Runners", "user1", "post", None, None, None),
        ("Runners", "user4", "join", "invite", "user1", None),
        ("Runners", "user4", "post", None, None, None),
        ("Runners", "user4", "leave", None, None, "removed"),
        ("Runners", "user3", "leave", None, None, "left"),
    ]
    posts = [event for event in found.events if event["action"] == "post"]
    assert [(post["content_id"], post.get("reply_to"), post["kind"]) for post in posts] == [
        ("100-3", None, "question"),
        ("100-4", "100-3", "talk"),
        ("100-6", None, "talk"),
    ]
    assert found.left_out() == {
        "reactions": 4,
        "service message pin_message": 1,
        "written by a channel, or by nobody": 1,
        "a member who is named only, and wrote nothing or shares the name": 1,
    }


def test_telegram_all_chats_gives_the_groups_of_it(tmp_path: Path) -> None:
    hello = {
        "id": 1,
        "type": "message",
        "date": "2020-06-01T12:00:00",
        "from": "Ann",
        "from_id": 1,
        "text": "x",
    }
    content = exports.telegram_all(
        exports.telegram_chat([hello], type="saved_messages", id=1),
        exports.telegram_chat(exports.TELEGRAM),
        exports.telegram_chat([hello, hello], type="personal_chat", name="Bob Baker", id=2),
        exports.telegram_chat([hello], name="Swimmers", id=3, type="public_supergroup"),
        left=[exports.telegram_chat([hello], name=None, id=4, type="private_group")],
    )
    file = exports.telegram_file(tmp_path / "result.json", content)
    found = imported("telegram", tmp_path, Options(zone=ZoneInfo("Europe/Berlin")))
    assert found.summary.groups == {"Runners", "Swimmers", "4"}
    assert found.left_out()["in a personal_chat, not a group"] == 2
    assert found.left_out()["in a saved_messages, not a group"] == 1
    # An old export: the number alone as the author, and the computer's local time.
    assert found.rows(*WHO_WHAT)[:2] == [
        ("2020-06-01T10:00:00Z", "Swimmers", "user1", "post"),
        ("2020-06-01T10:00:00Z", "4", "user1", "post"),
    ]
    alone = exports.telegram_file(tmp_path / "one.json", exports.telegram_chat(exports.TELEGRAM))
    same = imported("telegram", alone).events
    assert [event for event in found.events if event["group_id"] == "Runners"] == same
    assert imported("telegram", file, Options(group_ids=True)).summary.groups == {"100", "3", "4"}


def test_telegram_a_name_of_two_people_is_nobody(tmp_path: Path) -> None:
    base = {"type": "message", "date": "2024-01-01T09:00:00", "date_unixtime": "1704099600", "from": "Sam"}
    invited = {
        "id": 3, "type": "service", "date_unixtime": "1704099600", "action": "invite_members",
        "actor": "Ann", "actor_id": "user1", "members": ["Sam"],
    }  # fmt: skip
    one = {**base, "id": 1, "from_id": "user7", "text": ""}
    two = {**base, "id": 2, "from_id": "user8", "text": ""}
    file = tmp_path / "result.json"
    unique = imported("telegram", exports.telegram_file(file, exports.telegram_chat([invited, one])))
    assert [event["user_id"] for event in unique.events if event["action"] == "join"] == ["user7"]
    both = imported("telegram", exports.telegram_file(file, exports.telegram_chat([invited, one, two])))
    assert both.summary.taken == {"post": 2}


@pytest.mark.parametrize("compressed", [False, True])
def test_irc_of_znc(tmp_path: Path, compressed: bool) -> None:
    folder = tmp_path / "libera" / "#Runners"
    folder.mkdir(parents=True)
    file = folder / ("2024-03-31.log.gz" if compressed else "2024-03-31.log")
    file.write_bytes(gzip.compress(exports.ZNC.encode()) if compressed else exports.ZNC.encode())
    (tmp_path / "libera" / "nickserv").mkdir()
    (tmp_path / "libera" / "nickserv" / "2024-03-31.log").write_text("[09:00:00] <NickServ> hello\n")
    found = imported("irc", tmp_path, Options(zone=ZoneInfo("Europe/Berlin"), questions=True))
    assert found.rows(*WHO_WHAT, "role", "kind", "reason") == [
        ("2024-03-31T07:00:00Z", "#runners", "ann", "join", None, None, None),
        ("2024-03-31T07:00:05Z", "#runners", "ann", "post", "member", "question", None),
        ("2024-03-31T07:00:05Z", "#runners", "ann", "post", "member", "question", None),
        ("2024-03-31T07:00:07Z", "#runners", "bob", "post", "moderator", "talk", None),
        ("2024-03-31T07:00:08Z", "#runners", "bob", "post", "moderator", "talk", None),
        ("2024-03-31T07:01:00Z", "#runners", "cy", "leave", None, None, "kick"),
        ("2024-03-31T07:02:00Z", "#runners", "dee", "leave", None, None, "quit"),
        ("2024-03-31T07:03:00Z", "#runners", "ann", "leave", None, None, "part"),
    ]
    assert found.left_out() == {
        "a file of no channel (no # in its name)": 1,
        "a notice": 1,
        "a change of nick": 1,
        "a mode": 1,
        "a topic": 1,
        "not a line of a log": 1,
        "a line of the server or the client": 1,
    }
    alone = imported("irc", file, Options(zone=ZoneInfo("Europe/Berlin"), questions=True))
    assert alone.events == found.events


def test_irc_of_weechat(tmp_path: Path) -> None:
    file = tmp_path / "irc.rizon.#ghetty.weechatlog"
    file.write_text(exports.WEECHAT)
    found = imported("irc", file)
    assert found.rows(*WHO_WHAT, "role", "reason") == [
        ("2016-11-10T11:56:03Z", "#ghetty", "ann", "join", None, None),
        ("2016-11-10T11:56:04Z", "#ghetty", "bob", "post", "moderator", None),
        ("2016-11-10T11:56:05Z", "#ghetty", "ann", "post", "member", None),
        ("2016-11-10T11:56:07Z", "#ghetty", "gnu", "leave", None, "kick"),
        ("2016-11-10T11:56:08Z", "#ghetty", "ann", "leave", None, "part"),
        ("2016-11-10T11:56:09Z", "#ghetty", "dee", "leave", None, "quit"),
    ]
    assert found.left_out() == {"a mode": 1, "a line of the server or the client": 1}


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("#runners_20240331.log", "#runners"),
        ("ann_libera_#runners_20240331.log", "#runners"),
        ("#runners.2024-03-31.txt", "#runners"),
        ("runners/2024-03-31.log", "runners"),
        ("runners-2024-03-31.log", "runners"),
        ("libera/##c.d/2024/03/31.log", "##c.d"),
    ],
)
def test_irc_group_and_day_come_from_the_name(tmp_path: Path, name: str, group: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"[09:00] <ann> gr\xfc\xdfe\n")
    found = imported("irc", tmp_path)
    assert found.rows(*WHO_WHAT) == [("2024-03-31T09:00:00Z", group, "ann", "post")]


def test_irc_of_one_channels_folder(tmp_path: Path) -> None:
    for name in ("#runners", "runners"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "2024-03-31.log").write_text("[09:00:00] <ann> hi\n")
        assert imported("irc", folder).summary.groups == {name}
        assert imported("irc", folder / "2024-03-31.log").summary.groups == {name}


def test_irc_ids_do_not_depend_on_what_came_before(tmp_path: Path) -> None:
    file = tmp_path / "#c.2024-03-31.log"
    file.write_text("[09:00:00] <ann> hi\n[09:00:01] <ann> hi\n[09:00:01] <ann> hi\n")
    whole = imported("irc", file).events
    assert len(whole) == 3
    file.write_text("[09:00:01] <ann> hi\n[09:00:01] <ann> hi\n")
    assert imported("irc", file).events == whole[1:]


def test_csv(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("\ufeff" + exports.CSV + "eve,1969-12-31T22:00:00Z,berlin,\n", "utf-8")
    options = Options(
        columns={"user_id": "author", "occurred_at": "date", "group_id": "room", "kind": "kind of post"},
        constants={"action": "post"},
        zone=ZoneInfo("Europe/Berlin"),
    )
    found = imported("csv", file, options)
    assert found.rows(*WHO_WHAT, "kind") == [
        ("2026-01-30T07:00:00Z", "berlin", "bob", "post", "talk"),
        ("2026-01-31T08:30:00Z", "berlin", "ann", "post", "question"),
        ("2026-01-31T08:30:00Z", "berlin", "ann", "post", "question"),  # a row more is an event more
    ]
    assert found.left_out() == {
        "not in the contract: user_id: String should have at least 1 character": 1,
        "a time that is not ISO 8601 or seconds since 1970 (see --time-format)": 1,
        "before 1970": 1,
        "not in the contract: kind: Input should be 'talk', 'question', 'benefit' or 'ad'": 1,
    }
    assert imported("csv", file, options).events == found.events


def test_csv_with_ids_amounts_and_a_format_of_times(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv.gz"
    text = (
        "event_id;user_id;occurred_at;amount;order_id\n"
        "o1;ann;31.01.2026 09:30;12.50;1\no1;ann;31.01.2026 09:30;12.50;1\no2;bob;01.02.2026 10:00;x;2\n"
    )
    file.write_bytes(gzip.compress(text.encode()))
    constants = {"action": "purchase", "group_id": "shop", "currency": "EUR"}
    options = Options(constants=constants, time_format="%d.%m.%Y %H:%M", delimiter=";")
    found = imported("csv", file, options)
    assert found.rows(*WHO_WHAT, "event_id", "amount", "currency") == [
        ("2026-01-31T09:30:00Z", "shop", "ann", "purchase", "o1", "12.50", "EUR")
    ]
    assert found.left_out()["a repeat in the export"] == 1


def test_options_for_all_sources(tmp_path: Path) -> None:
    export = exports.slack_folder(tmp_path)
    at = datetime(2012, 12, 14, 20, 38, 45, tzinfo=UTC)
    options = Options(
        community="runners", since=at, posts_only=True,
        bots=frozenset(["U1"]), operators=frozenset(["U3"]), group_ids=True,
    )  # fmt: skip
    found = imported("slack", export, options)
    assert found.rows("community_id", "group_id", "user_id", "action", "role") == [
        ("runners", "C1", "U3", "post", "operator")
    ]
    left = found.left_out()
    assert left["a bot (--bot)"] == 2
    assert left["leave, not a post (--posts-only)"] == 1
    assert left["before --since"] == 1  # the post in help; shares and joins fell to --posts-only before


def test_no_texts_and_no_names_of_people_are_in_the_events(tmp_path: Path) -> None:
    slack = imported("slack", exports.slack_folder(tmp_path / "slack"))
    file = exports.telegram_file(tmp_path / "result.json", exports.telegram_chat(exports.TELEGRAM))
    discord = exports.discord_file(tmp_path / "d.json", [exports.discord_message(1)])
    everything = json.dumps(
        [*slack.events, *imported("telegram", file).events, *imported("discord", discord).events]
    )
    for word in ("Archer", "Baker", "Cole", "Dale", "hello", "Hello", "secret", "map.png"):
        assert word not in everything
