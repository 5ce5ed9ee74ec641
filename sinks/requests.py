"""What a request to the ClickHouse HTTP interface asks for, read the way a server reads it."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import lz4.frame

RESERVED = frozenset(
    [
        "user",
        "password",
        "query",
        "database",
        "default_format",
        "query_id",
        "quota_key",
        "session_id",
        "session_timeout",
        "session_check",
        "compress",
        "decompress",
        "wait_end_of_query",
        "buffer_size",
        "client_protocol_version",
        "role",
        "stacktrace",
        "http_method",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "enable_http_compression",
        "close_session",
        "http_zlib_compression_level",
    ]
)
"""URL parameters that are not settings. What they ask of a session or the transport doesn't apply here."""

# Where the data of an INSERT may start; quoted text and comments are stepped over.
_KEYWORD = re.compile(
    rb"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|\"(?:[^\"\\]|\\.|\"\")*\"|--[^\n]*|/\*.*?\*/"
    rb"|\b(?P<word>FORMAT|VALUES|SELECT|WITH|FROM)\b",
    re.IGNORECASE | re.DOTALL,
)
_INSERT = re.compile(rb"\A(?:\s|--[^\n]*\n|/\*.*?\*/)*INSERT\b", re.IGNORECASE | re.DOTALL)
_FORMAT_NAME = re.compile(rb"\s+(\w+)[ \t]*;?(?:\r?\n|[ \t]|\Z)")


class BadRequest(Exception):
    """A request that can't be read: ClickHouse error code, HTTP status, reason."""

    def __init__(self, code: int, status: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status


@dataclass(slots=True)
class Statement:
    """One statement to run; `data` and `data_format` for an INSERT that brings its rows."""

    sql: str
    data: bytes | None = None
    data_format: str = ""
    database: str | None = None
    output_format: str | None = None
    query_id: str | None = None
    protocol_version: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)


def credentials(headers: Mapping[str, str], query: Mapping[str, str]) -> tuple[str, str]:
    """User and password of a request: ClickHouse's own headers, basic auth, else the URL."""
    if "X-ClickHouse-User" in headers:
        return headers["X-ClickHouse-User"], headers.get("X-ClickHouse-Key", "")
    kind, _, value = headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password
    return query.get("user", "default"), query.get("password", "")


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """A body without its Content-Encoding (the web server undoes gzip and deflate). Raises `BadRequest`."""
    if encoding in ("", "identity", "gzip", "deflate"):
        return body
    if encoding != "lz4":
        raise BadRequest(48, 501, f"Content-Encoding {encoding!r} is not supported, use lz4 or gzip")
    try:
        with lz4.frame.LZ4FrameFile(io.BytesIO(body)) as frames:
            plain = frames.read(limit + 1)
    except (RuntimeError, EOFError, OSError) as error:
        raise BadRequest(271, 400, f"can't undo lz4: {error}") from error
    if len(plain) > limit:
        raise BadRequest(307, 413, f"the body has more than {limit} bytes")
    return bytes(plain)


def statement(
    fields: Mapping[str, str], headers: Mapping[str, str], body: bytes, default_database: str
) -> Statement:
    """What to run: `fields` are the URL's parameters (and a form's), `body` the rest. Raises `BadRequest`."""
    url_query = fields.get("query", "").encode()
    found = _split(url_query, body)
    found.database = fields.get("database") or headers.get("X-ClickHouse-Database") or default_database
    found.output_format = headers.get("X-ClickHouse-Format") or fields.get("default_format")
    found.query_id = fields.get("query_id")
    version = fields.get("client_protocol_version", "")
    found.protocol_version = int(version) if re.fullmatch("[0-9]{1,9}", version) else 0
    for name, value in fields.items():
        if name.startswith("param_"):
            found.parameters[name[len("param_") :]] = value
        elif name not in RESERVED:
            found.settings[name] = value
    return found


def _split(url_query: bytes, body: bytes) -> Statement:
    text = url_query + b"\n" + body if url_query and body else url_query or body
    if _INSERT.match(text):
        for match in _KEYWORD.finditer(text):
            word = (match.group("word") or b"").upper()
            if word in (b"SELECT", b"WITH"):
                break
            if word == b"VALUES":
                return Statement(_text(text[: match.start()]), text[match.end() :], "Values")
            if word == b"FORMAT" and (name := _FORMAT_NAME.match(text, match.end())):
                return Statement(_text(text[: match.start()]), text[name.end() :], name.group(1).decode())
    return Statement(_text(text))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(62, 400, "the statement is not UTF-8") from error
