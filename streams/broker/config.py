"""The broker's settings: one node that is broker and controller, with limits fit for demos and tests."""

from __future__ import annotations

import base64
import socket
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

HOST = "127.0.0.1"
INTERNAL = "PLAINTEXT"
CONTROLLER = "CONTROLLER"

MESSAGE_BYTES = 16 * 1024 * 1024
"""The largest message of any topic of ours."""

LIMITS: dict[str, str] = {
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(MESSAGE_BYTES),
    # one node: nothing to replicate to
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    # consumers start and come back at once
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # after a SIGKILL the node waits for its own old session to end before it is let back in
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # compaction and retention run soon enough to be seen in a test
    "log.initial.task.delay.ms": "1000",
    "log.cleaner.backoff.ms": "1000",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    "log.retention.check.interval.ms": "5000",
    "log.segment.delete.delay.ms": "1000",
    # few threads: it shares the machine with what is tested
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.threads": "1",
}


def new_cluster_id() -> str:
    """A Kafka cluster id: a random UUID in URL-safe base64, not like a flag of a command line."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


def free_ports(count: int) -> list[int]:
    """Free TCP ports of localhost, all different. Another process may take one before it is used."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in sockets]


def is_free(port: int) -> bool:
    """Whether a listener can take this port of localhost now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the JVM does: it may have just left
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def server_properties(
    logs: Path,
    ports: Mapping[str, int],
    protocols: Mapping[str, str],
    extra: Mapping[str, str],
) -> str:
    """The text of server.properties.

    `ports` has a port for each listener, `CONTROLLER` among them; `protocols` the security protocol of each
    listener besides `PLAINTEXT` and `CONTROLLER`. `extra` overrides everything.
    """
    spoken = {INTERNAL: "PLAINTEXT", CONTROLLER: "PLAINTEXT", **protocols}
    bound = {name: f"{name}://{HOST}:{port}" for name, port in ports.items()}
    values = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{ports[CONTROLLER]}",
        "listeners": ",".join(bound.values()),
        "advertised.listeners": ",".join(at for name, at in bound.items() if name != CONTROLLER),
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in spoken.items()),
        "inter.broker.listener.name": INTERNAL,
        "controller.listener.names": CONTROLLER,
        "log.dirs": str(logs),
        **LIMITS,
        **extra,
    }
    return "".join(f"{name}={_escaped(value)}\n" for name, value in values.items())


def _escaped(value: str) -> str:
    """A value as java.util.Properties reads it back."""
    return value.replace("\\", "\\\\").replace("\n", "\\n")
