"""Databases to rebuild, and what is in them: for the tests of the rebuild."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from schemas.actions import BY_USER
from schemas.rules import Rules, load_rules
from sinks.clickhouse import connect
from sinks.migrate import create_views, identity_check, migrate
from sinks.writer import Writer
from streams.flow import Context
from streams.local import LocalLog, partition_of, replay
from streams.packing import Record
from streams.rebuild.run import Rebuilt, rebuild
from streams.settings import Settings
from tests.generate import community, key_of
from tests.kafka_log import table
from tests.oracle import LogRecord

PARTITIONS = 4
START_MS = 1_700_000_000_000
NOW_MS = 1_790_000_000_000
OTHER_RULES = """
[lifecycle]
new_days = 3
silent_days = 4
lost_days = 12
core_enter_days = 5
core_enter_score = 6
core_keep_days = 3
core_keep_score = 4

[pyramid]
stayed_days = 3
organiser_invited = 1
valuable_days = 20

[intent]
half_life_days = 5
strong_score = 5
intent_score = 2
hunter_benefits = 2

[closeness]
like_own = 2
rely_days = 5

[points]
post = 9
invite = 35

[level]
base = 30
decay_days = 10

[medals]
streak_days = 3
posts = 5
invites = 1

[communities.community-1]
time_zone = "Asia/Kathmandu"

[communities.community-1.lifecycle]
silent_days = 6
"""
"""Of every ladder something, and not for all the same; nothing that intake decides by."""

TABLES_OF_PEOPLE = ("users", "segment_transitions", "medals")
BY_INVITES = ("pyramid", "level", "medals", "title")
"""Beginnings of the names of what may stand elsewhere when a note of an invitation comes at another time."""
Row = dict[str, Any]


def other_rules(folder: Path) -> Rules:
    """`OTHER_RULES`, read from a file in a folder."""
    file = folder / "rules.toml"
    file.write_text(OTHER_RULES)
    return load_rules(file)


def lives(seed: int, events: int = 2_500) -> list[bytes]:
    """A community's messages."""
    return community(seed, events, 150, 200, start_ms=START_MS)


def log_of(values: Sequence[bytes]) -> list[LogRecord]:
    """Messages as `fill` puts them into the topic of events."""
    ends = [0] * PARTITIONS
    found = []
    for value in values:
        partition = partition_of(key_of(value), PARTITIONS)
        found.append(LogRecord(partition, ends[partition], NOW_MS, value, key_of(value)))
        ends[partition] += 1
    return found


def fill(settings: Settings, values: Sequence[bytes], rules: Rules) -> None:
    """Replay messages into a new database."""
    client = connect(settings)
    try:
        migrate(client)
        create_views(client)
        identity_check(client, {"cluster": "replay", "events": str(uuid.uuid4()), "rows": "replay"})
        asyncio.run(
            replay(
                ((key_of(value), value) for value in values),
                Context(rules, lambda _: PARTITIONS),
                Writer(client, epoch=uuid.uuid4().hex).write,
                wall_ms=lambda: NOW_MS,
                chunk=1_000,
            )
        )
    finally:
        client.close()


def rebuilt(settings: Settings, rules: Rules) -> Rebuilt:
    """Rebuild, with the folder to itself."""
    client = connect(settings)
    try:
        return rebuild(settings, client, rules)
    finally:
        client.close()


def everything(settings: Settings) -> dict[str, list[Row]]:
    """Every row of the people stage, in some order that is always the same."""
    return {name: sorted(table(settings, name), key=repr) for name in TABLES_OF_PEOPLE}


def plain(found: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Without what hangs on when which row was written, or a note was taken in."""
    people = [
        {name: value for name, value in row.items() if not name.startswith(BY_INVITES)}
        for row in found["users"]
    ]
    moves = [
        {name: value for name, value in row.items() if not name.startswith("_")}
        for row in found["segment_transitions"]
        if not row["ladder"].startswith(BY_INVITES)
    ]
    return {"users": sorted(people, key=repr), "segment_transitions": sorted(moves, key=repr)}


class KeptLog(LocalLog):
    """A log of which the actions stay, for the batch recompute to read."""

    made: ClassVar[list[KeptLog]] = []

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.made.append(self)

    def trim(self, topic: str, partition: int, before: int) -> None:
        if topic != BY_USER.topic:
            super().trim(topic, partition, before)

    def actions(self) -> dict[int, Sequence[Record]]:
        """All records of the people stage's input, by partition."""
        topic = BY_USER.topic
        count = self.partitions(topic)
        return {number: self.read(topic, number, 0, self.end(topic, number)) for number in range(count)}
