"""What Kafka says before a rebuild: nobody is at work, all rows are in ClickHouse, and where the logs end."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from schemas.actions import BY_USER
from streams.connection import KafkaError, connected_admin
from streams.flow import STAGES
from streams.partition_counts import partition_counts
from streams.settings import Settings

SINK = "sink"
ROWS = "rows"
LEAVE_S = 15.0
"""A static member that ended is in its group until its session runs out, after 10 s."""
POLL_S = 0.5


@dataclass(frozen=True)
class Ends:
    """Partitions of the topic of events, and the end of each partition of the people stage's input."""

    sources: int
    next_offsets: dict[int, int]


def stopped(settings: Settings, *, leave_s: float = LEAVE_S) -> Ends:
    """Raises `KafkaError` when a worker or a sink is running, or when rows wait for the sink."""
    counts = partition_counts(settings, ("events", BY_USER.topic, ROWS))
    with connected_admin(settings) as admin:
        _wait_until_gone(admin, settings, leave_s)
        rows = _ends(admin, settings.topic(ROWS), counts[ROWS])
        waiting = _waiting(admin, settings, rows)
        if waiting:
            raise KafkaError(
                f"{waiting:,} messages of {settings.topic(ROWS)} are not in ClickHouse yet: start the sink, "
                "wait until its lag is 0, stop it, and run this again"
            )
        actions = _ends(admin, settings.topic(BY_USER.topic), counts[BY_USER.topic])
    return Ends(counts["events"], {where.partition: end for where, end in actions.items()})


def _wait_until_gone(admin: KafkaAdminClient, settings: Settings, leave_s: float) -> None:
    groups = [settings.topic(name) for name in (*(stage.name for stage in STAGES), SINK)]
    deadline = time.monotonic() + leave_s
    while members := list(_members(admin, groups)):
        if time.monotonic() >= deadline:
            raise KafkaError(
                f"still at work: {', '.join(members)}. Stop all workers, then the sink, and run this again"
            )
        time.sleep(POLL_S)


def _members(admin: KafkaAdminClient, groups: list[str]) -> Iterable[str]:
    for group, found in admin.describe_groups(groups).items():
        for member in found["members"]:
            name = member.get("group_instance_id") or member["member_id"]
            yield f"{name} on {member['client_host'].lstrip('/')} (group {group})"


def _ends(admin: KafkaAdminClient, topic: str, partitions: int) -> dict[TopicPartition, int]:
    wanted = {TopicPartition(topic, number): OffsetSpec.LATEST for number in range(partitions)}
    return {where: found.offset for where, found in admin.list_partition_offsets(wanted).items()}


def _waiting(admin: KafkaAdminClient, settings: Settings, ends: dict[TopicPartition, int]) -> int:
    """How many messages the sink has not committed."""
    group = settings.topic(SINK)
    committed = admin.list_group_offsets({group: list(ends)})[group]
    return sum(
        end - max(0, committed[where].offset if where in committed else 0) for where, end in ends.items()
    )
