"""The way to ClickHouse: a server by URL, or the engine embedded in this process; one client for both."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from sinks.embedded import open_options
from sinks.errors import ACCESS_DENIED, SinkError, classify, error_code, explain
from streams.settings import Settings

__all__ = ["SinkError", "classify", "connect"]

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 120
"""An insert that takes longer has an unknown answer: the sink asks what became of it."""


def connect(settings: Settings) -> Client:
    """A client that uses the database `settings.database`, created if missing.

    Raises `SinkError` for what a person has to mend (a locked folder, a wrong password), and the client's own
    errors for what can pass by itself (a server that is not up yet); see `classify`.
    """
    try:
        client = _server(settings) if settings.clickhouse else _embedded(settings)
    except ClickHouseError as error:
        if classify(error) == "stop":
            raise explain(error, f"can't open ClickHouse at {place(settings)}") from error
        raise
    try:
        _use_database(client, settings.database)
    except BaseException:
        client.close()
        raise
    return client


def place(settings: Settings) -> str:
    """Where ClickHouse is, without credentials, for messages."""
    if settings.clickhouse is None:
        return f"{settings.path} (embedded)"
    parts = urlsplit(settings.clickhouse)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _default_port(parts.scheme)}"


def _embedded(settings: Settings) -> Client:
    options = open_options(settings.path, settings.database)
    try:
        return clickhouse_connect.get_client(interface="chdb", path=str(settings.path), chdb_options=options)
    except ClickHouseError as error:
        raise SinkError(_why_not_open(settings.path, error)) from error


def _why_not_open(path: Path, error: Exception) -> str:
    text = str(error)
    if "EmbeddedServer" in text:
        return (
            f"the engine's folder {path} is in use by another process, most likely a running sink: one "
            "process a folder. Ask that sink (`groupbeat sql` does), stop it, or set "
            "GROUPBEAT_PATH to another folder"
        )
    if "already initialized" in text or "different path" in text:
        return f"this process has another engine folder open: {text[:300]}"
    return f"can't open the embedded engine in {path}: {text[:500]}"


def _server(settings: Settings) -> Client:
    parts = urlsplit(settings.clickhouse or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SinkError("GROUPBEAT_CLICKHOUSE must be http://host:port or https://host:port")
    password = settings.clickhouse_password.get_secret_value() or unquote(parts.password or "")
    return clickhouse_connect.get_client(
        interface=parts.scheme,
        host=parts.hostname,
        port=parts.port or _default_port(parts.scheme),
        proxy_path=parts.path.strip("/"),
        username=unquote(parts.username or "") or settings.clickhouse_user,
        password=password,
        # A session serialises the requests of a client, and we keep nothing in one.
        autogenerate_session_id=False,
        connect_timeout=CONNECT_TIMEOUT_S,
        send_receive_timeout=ANSWER_TIMEOUT_S,
    )


def _default_port(scheme: str) -> int:
    return 8443 if scheme == "https" else 8123


def _use_database(client: Client, database: str) -> None:
    try:
        client.command(f"CREATE DATABASE IF NOT EXISTS {database}", use_database=False)
    except ClickHouseError as error:
        # A careful administrator makes the database and grants no more than what is in it.
        if (
            error_code(error) != ACCESS_DENIED
            or not client.query(
                "SELECT 1 FROM system.databases WHERE name = {name:String}", parameters={"name": database}
            ).result_rows
        ):
            if classify(error) == "stop":
                raise explain(error, f"can't create the database {database}") from error
            raise
    client.database = database
