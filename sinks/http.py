"""ClickHouse's HTTP interface over the embedded engine, for clients of this machine.

The engine's folder belongs to one process, the sink; this is how everyone else asks it. Each request has a
handle of its own, so that USE, SET and readonly never leak into another's. Not here, unlike on a server:
sessions, temporary tables, streaming results, compressed answers, TLS. `reader` may ask; `writer` may also
insert and define tables in the database. Neither reaches files or the network: see `sinks.guard`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb
from aiohttp import web

from sinks import guard, native
from sinks.embedded import connection_string, open_handle
from sinks.errors import error_code
from sinks.requests import BadRequest, Statement, credentials, decoded, statement

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 512 << 20
THREADS = 6
READER_LIMITS = {
    "max_execution_time": "60",
    "max_memory_usage": str(4 << 30),
    "max_result_bytes": str(1 << 30),
}
"""For strangers: seconds, bytes, bytes (a result stands whole in memory)."""
OF_INSERTS = frozenset({"async_insert", "wait_for_async_insert"})
"""Settings that drivers send with whatever they ask. Nothing of a reader's depends on them."""

_HTTP_STATUS = {
    48: 501,
    516: 403,
    497: 403,
    193: 403,
    192: 403,
    194: 401,
    164: 403,
    241: 503,
    252: 503,
    159: 408,
    307: 413,
}
_NOT_FOUND = frozenset({36, 46, 47, 50, 56, 60, 73, 81, 115})
_BAD = frozenset({6, 10, 16, 26, 27, 38, 41, 42, 43, 44, 53, 62, 70, 72, 117, 457})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave: its bytes, their format (None for what gives no rows), the work done."""

    body: bytes
    format: str | None
    summary: dict[str, str]


class EngineError(Exception):
    """An error as the engine words it: ``Code: 60. DB::Exception: ... (UNKNOWN_TABLE)``."""


class Engine:
    """The embedded engine for requests: runs statements in the calling thread, each on a fresh handle."""

    def __init__(self, path: Path, database: str) -> None:
        self._connection = connection_string(path, database)
        self.database = database
        # Kept open: the engine would close with its last handle, and open again for each request.
        self._anchor = open_handle(self._connection)
        self._anchor.query(f"CREATE DATABASE IF NOT EXISTS {database}")
        self._table_functions = self._column("SELECT name FROM system.table_functions")
        self.timezone = self._column("SELECT timezone()")[0]

    def close(self) -> None:
        """Let go of the engine."""
        self._anchor.close()

    def run(self, asked: Statement, *, may_write: bool, changes_nothing: bool) -> Answer:
        """Run one statement. Raises `EngineError`, and `guard.Refused` for what it may not do."""
        if may_write:
            guard.check_settings(asked.settings)
        handle = open_handle(self._connection)
        try:
            return self._on(handle, asked, may_write, changes_nothing)
        except (RuntimeError, chdb.ChdbError) as error:
            raise EngineError(str(error)) from error
        finally:
            handle.close()

    def _on(self, handle: Any, asked: Statement, may_write: bool, changes_nothing: bool) -> Answer:
        for name in ("implicit_select", "allow_introspection_functions"):
            handle.query(f"SET {name} = 0")
        if asked.database:
            name = asked.database.replace("\\", "\\\\").replace("`", "\\`")
            handle.query(f"USE `{name}`")
        inserts = asked.data is not None
        sql = asked.sql + (f" FORMAT {asked.data_format}" if inserts else "")
        canonical = (
            _ask(handle, "SELECT formatQuery({q:String})", "RawBLOB", {"q": _as_parameter(sql)})
            .bytes()
            .decode("utf-8", "backslashreplace")  # bytes that are no text stand in quotes: '\xff' again
        )
        plain = guard.check(
            canonical, may_write=may_write, table_functions=self._table_functions, parameters=asked.parameters
        )
        for name, value in (asked.settings if may_write else _of_reader(asked.settings)).items():
            _set(handle, name, value)
        if may_write and changes_nothing:
            _set(handle, "readonly", "2")
        if inserts:
            return self._insert(handle, asked, canonical)
        format_name = guard.output_format(plain) or asked.output_format or "TabSeparated"
        result = _ask(handle, canonical, format_name, asked.parameters)
        gives_rows = plain.lstrip("( \n").upper().startswith(guard.READS)
        body = result.bytes() or b""
        if gives_rows and format_name == "Native":
            try:
                body = native.for_protocol(body, asked.protocol_version)
            except ValueError as error:
                raise EngineError(f"Code: 48. DB::Exception: {error}. (NOT_IMPLEMENTED)") from error
        return Answer(body, format_name if gives_rows else None, _read_summary(result))

    @staticmethod
    def _insert(handle: Any, asked: Statement, canonical: str) -> Answer:
        head = re.sub(r"\s+FORMAT\s+`?\w+`?\s*\Z", "", canonical)
        data = asked.data or b""
        if asked.data_format.lower() == "values":
            guard.check_values(data)
        stream = handle.send_insert(head, asked.data_format)
        with stream:
            if data:
                stream.append(data)
            done = stream.finish()
        return Answer(
            b"",
            None,
            {
                "written_rows": str(done.rows_written),
                "written_bytes": str(done.bytes_written),
                "elapsed_ns": str(int(done.elapsed * 1e9)),
            },
        )

    def _column(self, sql: str) -> list[str]:
        return self._anchor.query(sql, "TabSeparatedRaw").bytes().decode().split("\n")[:-1]  # type: ignore[no-any-return]


def _ask(handle: Any, sql: str, format_name: str, parameters: dict[str, str]) -> Any:
    return handle.query(sql, format_name, params=parameters)


def _as_parameter(text: str) -> str:
    """A text as the value of a parameter, which the engine (like a server) reads as a field of TSV."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _set(handle: Any, name: str, value: str) -> None:
    if not re.fullmatch(r"\w+", name, re.ASCII):
        raise guard.Refused(f"{name!r} is no name of a setting")
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    handle.query(f"SET {name} = '{quoted}'")


def _of_reader(asked: dict[str, str]) -> dict[str, str]:
    """Settings of a request that may only read: limits, lowered where it asks, and what else can be set."""
    limits = dict(READER_LIMITS)
    for name, limit in READER_LIMITS.items():
        value = asked.get(name, "")
        if re.fullmatch("[0-9]{1,18}", value) and 0 < int(value) < int(limit):
            limits[name] = value
    others = {name: value for name, value in asked.items() if name not in limits and name not in OF_INSERTS}
    return {**limits, "readonly": "1", **others}


def _read_summary(result: Any) -> dict[str, str]:
    # Of the result a server knows nothing yet either when it sends this, but names it.
    return {
        "read_rows": str(result.rows_read()),
        "read_bytes": str(result.bytes_read()),
        **dict.fromkeys(
            ("written_rows", "written_bytes", "total_rows_to_read", "result_rows", "result_bytes"), "0"
        ),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }


class Interface:
    """The handlers of the application, and the users it knows."""

    def __init__(self, engine: Engine, passwords: dict[str, str]) -> None:
        self._engine = engine
        self._passwords = passwords
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="clickhouse-http")

    async def ping(self, _: web.Request) -> web.Response:
        """What load balancers and clients ask first."""
        return web.Response(text="Ok.\n")

    async def query(self, request: web.Request) -> web.Response:
        """Answer one statement as a server does."""
        if request.method == "GET" and not request.query:
            return web.Response(text="Ok.\n")
        user, password = credentials(request.headers, request.query)
        if not self._knows(user, password):
            await asyncio.sleep(0.2)
            return _failure(
                516,
                f"{user}: Authentication failed: password is incorrect, or there is no user with such name",
                401,
            )
        try:
            asked = await self._statement(request)
            answer = await asyncio.get_running_loop().run_in_executor(
                self._threads,
                lambda: self._engine.run(
                    asked, may_write=user == "writer", changes_nothing=request.method in ("GET", "HEAD")
                ),
            )
        except BadRequest as error:
            return _failure(error.code, str(error), error.status)
        except guard.Refused as error:
            return _failure(497, f"{user}: Not enough privileges: refused {error}", 403)
        except EngineError as error:
            return _engine_failure(error)
        headers = {
            "X-ClickHouse-Summary": json.dumps(answer.summary),
            "X-ClickHouse-Query-Id": asked.query_id or str(uuid.uuid4()),
            "X-ClickHouse-Timezone": self._engine.timezone,
        }
        if answer.format:
            headers["X-ClickHouse-Format"] = answer.format
        return web.Response(body=answer.body, headers=headers, content_type="application/octet-stream")

    def close(self) -> None:
        """Wait for what is running, then let go of the engine."""
        self._threads.shutdown(wait=True)
        self._engine.close()

    def _knows(self, user: str, password: str) -> bool:
        expected = self._passwords.get(user)
        given = password.encode("utf-8", "surrogateescape")
        return hmac.compare_digest(given, (expected or "").encode()) and bool(expected)

    async def _statement(self, request: web.Request) -> Statement:
        fields = dict(request.query)
        if request.content_type == "multipart/form-data":
            form = await request.post()
            if any(not isinstance(value, str) for value in form.values()):
                raise BadRequest(48, 501, "external data is not supported by the embedded engine")
            fields.update({name: str(value) for name, value in form.items()})
            body = b""
        else:
            encoding = request.headers.get("Content-Encoding", "").lower()
            body = decoded(await request.read(), encoding, MAX_BODY_BYTES)
        return statement(fields, request.headers, body, self._engine.database)


def _failure(code: int, text: str, status: int) -> web.Response:
    name = {
        516: "AUTHENTICATION_FAILED",
        497: "ACCESS_DENIED",
        48: "NOT_IMPLEMENTED",
        62: "SYNTAX_ERROR",
    }.get(code, "BAD_ARGUMENTS")
    headers = {"X-ClickHouse-Exception-Code": str(code)}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
    return web.Response(
        status=status, text=f"Code: {code}. DB::Exception: {text}. ({name})\n", headers=headers
    )


def _engine_failure(error: EngineError) -> web.Response:
    text = str(error)
    code = error_code(error) or 1002
    status = _HTTP_STATUS.get(code) or (404 if code in _NOT_FOUND else 400 if code in _BAD else 500)
    found = text.find("Code: ")
    return web.Response(
        status=status,
        text=text[max(found, 0) :].strip() + "\n",
        headers={"X-ClickHouse-Exception-Code": str(code)},
    )


def make_app(engine_path: Path, database: str, reader_password: str, writer_password: str) -> web.Application:
    """The application; serve it with `serve`. Opens the engine, and closes it on cleanup."""
    interface = Interface(
        Engine(engine_path, database), {"reader": reader_password, "writer": writer_password}
    )
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app.router.add_get("/ping", interface.ping)
    app.router.add_get("/replicas_status", interface.ping)
    app.router.add_route("*", "/", interface.query)

    async def close(_: web.Application) -> None:
        await asyncio.to_thread(interface.close)

    app.on_cleanup.append(close)
    return app


async def serve(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Answer on host:port (0: any free one) until the runner's `cleanup`; give the runner and the port.

    There is no log of requests: a URL may carry a password.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])
