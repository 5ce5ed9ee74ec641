"""Ask the database, read-only, wherever it is: the running sink, the folder of a stopped one, or a server."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from sinks import guard
from sinks.access import Access, read_access
from sinks.clickhouse import connect, place
from sinks.errors import SinkError, error_code
from streams.settings import Settings

A_PARAMETER = "ask a view with a parameter as segments_on(day = '2026-01-31')"
HELP = {
    51: A_PARAMETER,
    456: A_PARAMETER,
    60: "see the tables with SHOW TABLES",
    62: "the statement is not SQL that ClickHouse reads",
    81: "no data yet: start `groupbeat sink`, or `groupbeat demo`",
    497: "only reading is allowed here",
    164: "only reading is allowed here",
}


def query(
    settings: Settings, sql: str, parameters: Mapping[str, Any] | None = None
) -> tuple[list[str], Sequence[Sequence[Any]]]:
    """Column names and rows of a read-only statement. Raises `SinkError` with what to do.

    `parameters` are the values of each ``{name:Type}`` in it. ClickHouse binds them: they never become part
    of the text.
    """
    bound = dict(parameters or {})
    if missing := [name for name in bound if not re.search(rf"\{{{re.escape(name)}:\w", sql)]:
        raise ValueError(f"the statement has no {{{missing[0]}:Type}}")  # the client would paste it in
    client = _client(settings)
    try:
        if not settings.clickhouse:
            sql = _judged(client, sql, bound)
        answer = client.query(sql, parameters=bound)
        return list(answer.column_names), answer.result_rows
    except guard.Refused as error:
        raise SinkError(f"only reading is allowed here: {error}") from error
    except ClickHouseError as error:
        hint = HELP.get(error_code(error) or 0)
        text = str(error).replace("Received ClickHouse exception, ", "")
        raise SinkError(f"{text}{f' -- {hint}' if hint else ''}") from error
    finally:
        client.close()


def _judged(client: Client, sql: str, parameters: Mapping[str, Any]) -> str:
    """The same rules for an opened folder as for a running sink."""
    canonical = str(client.query("SELECT formatQuery({q:String})", parameters={"q": sql}).result_rows[0][0])
    functions = [row[0] for row in client.query("SELECT name FROM system.table_functions").result_rows]
    guard.check(
        canonical,
        may_write=False,
        table_functions=functions,
        parameters={name: str(value) for name, value in parameters.items()},
    )
    return canonical


def _client(settings: Settings) -> Client:
    if settings.clickhouse is None:
        access = read_access(settings.path)
        if access and _answers(access):
            return _over_http(access)
        if not (settings.path / "metadata").is_dir():
            raise SinkError(
                f"no database yet in {settings.path}: start `groupbeat sink` (or `groupbeat demo`), or set "
                "GROUPBEAT_PATH to the folder that has one"
            )
    try:
        client = connect(settings)
    except ClickHouseError as error:
        raise SinkError(f"no answer from ClickHouse at {place(settings)}: {error}") from error
    # A user of a server who may only read can't set this, and needs it not.
    with contextlib.suppress(ClickHouseError):
        client.set_client_setting("readonly", 2 if settings.clickhouse else 1)
    return client


def _over_http(access: Access) -> Client:
    try:
        return clickhouse_connect.get_client(
            host=access.host,
            port=access.port,
            username=access.user,
            password=access.password,
            database=access.database,
            autogenerate_session_id=False,
        )
    except ClickHouseError as error:
        raise SinkError(
            f"the running sink at {access.host}:{access.port} does not answer as it should: {error}"
        ) from error


def _answers(access: Access) -> bool:
    try:
        with socket.create_connection((access.host, access.port), timeout=1):
            return True
    except OSError:
        return False
