"""Answers in Native for a protocol version, read by a driver that has its own reader of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_driver.bufferedreader import BufferedSocketReader
from clickhouse_driver.connection import ServerInfo
from clickhouse_driver.context import Context
from clickhouse_driver.streams.native import BlockInputStream

from sinks.native import WITH_SERIALIZATION, for_protocol
from tests.sink_server import Server
from tests.test_http import ask

VERSION = 54_460
"""That of clickhouse-go 2.40."""

EVERYTHING = """
    SELECT
        number AS n, toString(number) AS text, CAST(number % 3, 'LowCardinality(String)') AS word,
        if(number % 2, NULL, number) AS maybe,
        CAST(if(number % 2, NULL, 'x'), 'LowCardinality(Nullable(String))') AS maybe_word,
        range(number % 4) AS list, [map('a', number)] AS maps, (number, 'b', [number % 2 = 0]) AS pair,
        toDecimal128(number, 6) / 3 AS money, toDateTime64(number, 3, 'UTC') AS at, toDate(number) AS day,
        CAST('on', 'Enum8(\\'on\\' = 1, \\'off\\' = 2)') AS state, toFixedString('ab', 2) AS fixed,
        -1.5 AS part, toDateTime(number) AS second, toIPv4('127.0.0.1') AS place,
        toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS id, number % 2 = 0 AS even
    FROM numbers({rows})
"""


class Socket:
    """A socket that an answer comes from."""

    def __init__(self, body: bytes) -> None:
        self._body = io.BytesIO(body)

    def recv_into(self, buffer: Any) -> int:
        return self._body.readinto(buffer)


def blocks(body: bytes, version: int) -> Iterator[Any]:
    """What clickhouse-driver reads from an answer, a block after the other, to the very end."""
    context = Context()
    context.server_info = ServerInfo("ClickHouse", 26, 9, 0, version, "UTC", "here", version)
    context.settings = {}
    context.client_settings = {"strings_as_bytes": False, "use_numpy": False, "namedtuple_as_json": True}
    stream = BlockInputStream(BufferedSocketReader(Socket(body), 1 << 16), context)
    while True:
        try:
            yield stream.read()
        except EOFError:
            return


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("native") / "clickhouse") as running:
        yield running


def native(server: Server, sql: str, version: int = 0) -> bytes:
    status, body, _ = ask(server, sql, default_format="Native", client_protocol_version=str(version))
    assert status == 200, body
    return body


@pytest.mark.parametrize("rows", [0, 1, 7, 100_000])
def test_every_type_is_read_as_it_was(server: Server, rows: int) -> None:
    sql = EVERYTHING.format(rows=rows)
    found = list(blocks(native(server, sql, VERSION), VERSION))
    plain = list(blocks(native(server, sql), 0))
    assert [block.get_rows() for block in found] == [block.get_rows() for block in plain]
    assert [block.columns_with_types for block in found] == [block.columns_with_types for block in plain]
    values = [row for block in found for row in block.get_rows()]
    assert len(values) == rows
    if rows > 5:
        assert values[5][:6] == (5, "5", "2", None, None, [0])
        assert values[4][5:10] == (
            [], [{"a": 4}], (4, "b", [1]), Decimal("1.333333"), datetime(1970, 1, 1, 0, 0, 4, tzinfo=UTC),
        )  # fmt: skip
    assert rows < 100_000 or len(found) > 1


def test_what_can_not_be_read_is_refused(server: Server) -> None:
    status, body, headers = ask(
        server, "SELECT [(1, CAST(1, 'Variant(UInt8, String)'))] AS v", default_format="Native",
        client_protocol_version=str(VERSION),
    )  # fmt: skip
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (501, "48")
    assert b"Variant" in body and b"54460" in body


def test_what_a_driver_asks_first(server: Server) -> None:
    asked = "SELECT displayName() != '' AS name, version() AS v, revision() AS r, timezone() AS zone"
    (block,) = blocks(native(server, asked, VERSION), VERSION)
    ((name, _, revision, _),) = block.get_rows()
    assert (name, revision >= VERSION) == (1, True)


def test_who_asks_for_an_older_version_or_another_format_gets_what_it_had(server: Server) -> None:
    asked = "SELECT 1 AS a, 'b' AS b"
    plain = native(server, asked)
    assert native(server, asked, WITH_SERIALIZATION - 1) == plain
    assert ask(server, asked, default_format="Native", client_protocol_version="x")[1] == plain
    assert ask(server, asked, default_format="CSV", client_protocol_version=str(VERSION))[1] == b'1,"b"\n'
    assert for_protocol(b"", VERSION) == b""
