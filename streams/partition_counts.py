"""How many partitions the topics really have: what actions and rows are routed by."""

from __future__ import annotations

from collections.abc import Sequence

from kafka import errors as kafka_errors

from streams.connection import KafkaError, connected_admin
from streams.settings import Settings


def partition_counts(settings: Settings, topics: Sequence[str]) -> dict[str, int]:
    """The number of partitions of each topic (names without the prefix).

    Raises `KafkaUnavailable`, or `KafkaError` for a topic that does not exist.
    """
    by_name = {settings.topic(topic): topic for topic in topics}
    counts: dict[str, int] = {}
    with connected_admin(settings) as admin:
        for found in admin.describe_topics(list(by_name)):
            if kafka_errors.for_code(found["error_code"]) is kafka_errors.NoError:
                counts[by_name[found["name"]]] = len(found["partitions"])
    if missing := [topic for topic in topics if topic not in counts]:
        name = settings.topic(missing[0])
        raise KafkaError(f"Kafka at {settings.broker} has no topic {name}: run `groupbeat init` first")
    return counts
