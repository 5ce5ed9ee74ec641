"""The topics of groupbeat, made on purpose: names, partitions and settings stand here and nowhere else.

`init` creates what is missing. It never alters what exists: what differs is reported, for a person to decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kafka import KafkaAdminClient
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType

from schemas.actions import ROUTES
from streams.connection import (
    KafkaError,
    KafkaUnavailable,
    aiokafka_config,
    connected_admin,
    explain,
    faust_credentials,
    kafka_python_config,
)
from streams.settings import Settings

__all__ = [
    "Difference",
    "KafkaError",
    "KafkaUnavailable",
    "TopicReport",
    "TopicSpec",
    "aiokafka_config",
    "changelog_topic",
    "faust_credentials",
    "init",
    "kafka_python_config",
    "log_identity",
    "topic_specs",
]

MINUTE_MS = 60_000
DAY_MS = 86_400_000
MIB = 1024 * 1024

PACKED_BYTES = 16 * MIB
"""The largest packed message between stages, and the largest block of a checkpoint."""

ROUTED = tuple(route.topic.removeprefix("actions-by-") for route in ROUTES)
"""What intake routes actions by, each to its topic ``actions-by-...``."""

CHECKPOINTED = ("intake", *(route.stage for route in ROUTES))
"""The stages that keep state."""


@dataclass(frozen=True)
class TopicSpec:
    """A topic as we want it: full name, partitions, settings as Kafka spells them, and what it is for."""

    name: str
    partitions: int
    config: Mapping[str, str]
    doc: str


@dataclass(frozen=True)
class Difference:
    """A setting of an existing topic that is not ours. `found` is what it is."""

    setting: str
    found: str
    ours: str


@dataclass(frozen=True)
class TopicReport:
    """What `init` found or did for one topic."""

    name: str
    outcome: Literal["created", "present", "differs"]
    differences: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        told = ", ".join(f"{each.setting} is {each.found}, ours {each.ours}" for each in self.differences)
        return f"{self.name}: {self.outcome}" + (f" ({told})" if told else "")


def changelog_topic(settings: Settings, stage: str) -> str:
    """The full name of the topic that keeps a stage's checkpoints."""
    return settings.topic(f"{stage}-checkpoints-changelog")


def topic_specs(
    settings: Settings, *, routed: tuple[str, ...] = ROUTED, checkpointed: tuple[str, ...] = CHECKPOINTED
) -> list[TopicSpec]:
    """Every topic of ours for these settings."""
    durable = {"min.insync.replicas": "2"} if settings.replication >= 3 else {}

    def spec(name: str, doc: str, **config: int | str) -> TopicSpec:
        spelled = {key.replace("_", "."): str(value) for key, value in config.items()}
        return TopicSpec(name, settings.partitions, spelled | durable, doc)

    def log(name: str, doc: str, days: int, message_bytes: int) -> TopicSpec:
        # LogAppendTime: what is late or from the future is judged by the broker's clock, not by the app's.
        return spec(
            settings.topic(name),
            doc,
            cleanup_policy="delete",
            message_timestamp_type="LogAppendTime",
            retention_ms=days * DAY_MS,
            max_message_bytes=message_bytes,
        )

    def changelog(stage: str) -> TopicSpec:
        # Small segments that close soon: only closed ones are compacted, and a restart reads what is left.
        return spec(
            changelog_topic(settings, stage),
            f"Checkpoints of the stage {stage}, compacted; recovery reads them",
            cleanup_policy="compact",
            segment_bytes=PACKED_BYTES,
            segment_ms=MINUTE_MS,
            min_cleanable_dirty_ratio="0.1",
            max_compaction_lag_ms=5 * MINUTE_MS,
            delete_retention_ms=10 * MINUTE_MS,
            max_message_bytes=PACKED_BYTES,
        )

    return [
        log("events", "What the apps send: one JSON event a message, key user_id", 7, MIB),
        *(
            log(f"actions-by-{entity}", f"Accepted events, packed, routed by {entity}", 3, PACKED_BYTES)
            for entity in routed
        ),
        log("rows", "Rows on their way to ClickHouse, packed", 3, PACKED_BYTES),
        *(changelog(stage) for stage in checkpointed),
    ]


def init(
    settings: Settings, *, routed: tuple[str, ...] = ROUTED, checkpointed: tuple[str, ...] = CHECKPOINTED
) -> list[TopicReport]:
    """Create the topics that are missing, and say what is not as we want it. Existing ones stay as they are.

    Raises `KafkaUnavailable`, or `KafkaError` when the broker refuses a topic.
    """
    specs = topic_specs(settings, routed=routed, checkpointed=checkpointed)
    with connected_admin(settings) as admin:
        missing = _missing(admin, specs)
        created = _create(admin, settings, missing) if missing else set()
        present = [spec for spec in specs if spec.name not in created]
        differences = _differences(admin, present) if present else {}
    return [
        TopicReport(spec.name, "created")
        if spec.name in created
        else TopicReport(
            spec.name, "differs" if differences[spec.name] else "present", differences[spec.name]
        )
        for spec in specs
    ]


def log_identity(settings: Settings) -> dict[str, str]:
    """Kafka's ids of the cluster (``cluster``) and of the topics ``events`` and ``rows``.

    A topic that was deleted and created again has a new id: offsets kept for the old one mean nothing in it.
    Raises `KafkaUnavailable`, or `KafkaError` when a topic is missing.
    """
    names = {name: settings.topic(name) for name in ("events", "rows")}
    with connected_admin(settings) as admin:
        found = _described(admin, list(names.values()))
        cluster = str(admin.describe_cluster()["cluster_id"])
    for full in names.values():
        if full not in found:
            raise KafkaError(f"Kafka at {settings.broker} has no topic {full}: run `groupbeat init`")
    return {"cluster": cluster, **{name: str(found[full]["topic_id"]) for name, full in names.items()}}


def _described(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, Any]]:
    """What Kafka knows of the topics that exist, by name."""
    found = {}
    for topic in admin.describe_topics(names):
        error = kafka_errors.for_code(topic["error_code"])
        if error is kafka_errors.UnknownTopicOrPartitionError:
            continue
        if error is not kafka_errors.NoError:
            raise error(topic["name"])
        found[topic["name"]] = topic
    return found


def _missing(admin: KafkaAdminClient, specs: list[TopicSpec]) -> list[TopicSpec]:
    found = _described(admin, [spec.name for spec in specs])
    return [spec for spec in specs if spec.name not in found]


def _create(admin: KafkaAdminClient, settings: Settings, specs: list[TopicSpec]) -> set[str]:
    """Create these topics; the names of those that we created, not somebody else at the same moment."""
    wanted = {
        spec.name: {
            "num_partitions": spec.partitions,
            "replication_factor": settings.replication,
            "configs": dict(spec.config),
        }
        for spec in specs
    }
    created = set()
    for topic in admin.create_topics(wanted, raise_errors=False)["topics"]:
        error = kafka_errors.for_code(topic["error_code"])
        if error is kafka_errors.NoError:
            created.add(topic["name"])
        elif error is not kafka_errors.TopicAlreadyExistsError:
            reason = topic.get("error_message") or error.__name__
            raised = error(f"topic {topic['name']} was not created: {reason}")
            raise explain(raised, settings.broker, kafka_python_config(settings))
    admin.wait_for_topics([spec.name for spec in specs])
    return created


def _differences(admin: KafkaAdminClient, specs: list[TopicSpec]) -> dict[str, tuple[Difference, ...]]:
    """Of each topic, what is not as in its spec."""
    found = _described(admin, [spec.name for spec in specs])
    resources = [ConfigResource(ConfigResourceType.TOPIC, spec.name, list(spec.config)) for spec in specs]
    configs = admin.describe_configs(resources, config_filter="all").get("topic", {})
    if gone := [spec.name for spec in specs if spec.name not in found or not configs.get(spec.name)]:
        raise KafkaError(f"topics vanished while we looked ({', '.join(gone)}): run it again")
    return {
        spec.name: tuple(_compare(spec, len(found[spec.name]["partitions"]), configs[spec.name]))
        for spec in specs
    }


def _compare(spec: TopicSpec, partitions: int, config: Mapping[str, Mapping[str, Any]]) -> list[Difference]:
    ours = {"partitions": str(spec.partitions), **spec.config}
    found = {"partitions": str(partitions), **{name: str(value["value"]) for name, value in config.items()}}
    return [
        Difference(name, found.get(name, "unknown"), value)
        for name, value in ours.items()
        if found.get(name) != value
    ]
