"""Settings: flags, then the environment (``GROUPBEAT_...``), then the file ``.env``, then these defaults.

Secrets come from the environment or ``.env`` only, and print as ``**********``.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be set, validated at start."""

    model_config = SettingsConfigDict(
        env_prefix="GROUPBEAT_",
        env_file=".env",
        extra="ignore",
        validate_default=True,
        hide_input_in_errors=True,
    )

    # Kafka
    broker: str = Field("127.0.0.1:9092", description="Bootstrap servers, host:port, comma-separated")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How to log in to the brokers"
    )
    sasl_username: str | None = Field(None, description="User of the brokers")
    sasl_password: SecretStr | None = Field(None, description="Their password")
    ssl_cafile: Path | None = Field(None, description="Certificate authority of the broker, PEM")
    ssl_certfile: Path | None = Field(None, description="Our certificate, for mutual TLS, PEM")
    ssl_keyfile: Path | None = Field(None, description="Its key, PEM")
    topic_prefix: str = Field(
        "groupbeat-", pattern=r"^[a-zA-Z0-9._-]*$", description="Before every topic's name"
    )
    partitions: int = Field(4, ge=1, le=256, description="Of each topic, when `init` creates it")
    replication: int = Field(1, ge=1, le=9, description="Of each topic, when `init` creates it")

    # The worker
    worker_id: str | None = Field(
        None, description="Stable name of this worker in its group (static membership)"
    )
    max_event_bytes: int = Field(65_536, ge=256, le=1_000_000, description="Larger messages are refused")
    checkpoint_s: float = Field(10.0, gt=0, le=600, description="Seconds between checkpoints")
    flush_s: float = Field(1.0, gt=0, le=60, description="Least seconds between two snapshots of an entity")
    stall_s: float = Field(
        60.0, gt=0, description="Health fails when nothing was committed for so long under load"
    )
    rules: Path | None = Field(None, description="A rules.toml that overrides thresholds")
    alerts_shown: int = Field(
        1000, ge=1, le=1_000_000, description="Open alerts of one rule that a worker shows in its metrics"
    )

    # ClickHouse
    clickhouse: str | None = Field(None, description="URL of a server; without one the engine is embedded")
    clickhouse_user: str = Field("default", description="User of the server")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="Their password")
    database: str = Field("groupbeat", pattern=r"^[a-z_][a-z0-9_]*$", description="The database of ours")
    path: Path = Field(Path("var/clickhouse"), description="Folder of the embedded engine")
    insert_rows: int = Field(100_000, ge=1, le=1_000_000, description="Rows that make an insert at once")
    insert_s: float = Field(1.0, gt=0, le=60, description="Seconds after which fewer rows are inserted")

    # What we answer on
    host: str = Field("127.0.0.1", description="Bind address; localhost unless told otherwise")
    http_port: int = Field(
        8123, ge=0, le=65535, description="ClickHouse HTTP interface of the embedded engine"
    )
    http_password: SecretStr | None = Field(
        None, description="Of the read-only user `reader`; made up if not set"
    )
    worker_port: int = Field(9101, ge=0, le=65535, description="/metrics and /health of the worker")
    sink_port: int = Field(9102, ge=0, le=65535, description="/metrics and /health of the sink")

    @field_validator("broker")
    @classmethod
    def _host_port(cls, value: str) -> str:
        for server in value.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"{server!r} is not host:port")
        return value

    @model_validator(mode="after")
    def _credentials(self) -> Settings:
        if self.security_protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password):
            raise ValueError(
                f"security_protocol={self.security_protocol} needs GROUPBEAT_SASL_USERNAME and "
                "GROUPBEAT_SASL_PASSWORD"
            )
        return self

    @property
    def servers(self) -> list[str]:
        """The bootstrap servers, one host:port each."""
        return [server.strip() for server in self.broker.split(",")]

    @property
    def instance_id(self) -> str:
        """This worker's name in its consumer group."""
        return self.worker_id or f"{socket.gethostname()}-{self.worker_port}"

    def topic(self, name: str) -> str:
        """The full name of a topic of ours."""
        return f"{self.topic_prefix}{name}"

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS settings, or None for a protocol without TLS."""
        if not self.security_protocol.endswith("SSL"):
            return None
        context = ssl.create_default_context(cafile=str(self.ssl_cafile) if self.ssl_cafile else None)
        if self.ssl_certfile:
            context.load_cert_chain(
                str(self.ssl_certfile), str(self.ssl_keyfile) if self.ssl_keyfile else None
            )
        return context
