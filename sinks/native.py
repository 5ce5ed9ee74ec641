"""Answers in the format Native, as a client of a newer protocol version reads them.

The embedded engine writes Native for a client of no version. A server asked with ``client_protocol_version``,
as clickhouse-go does from 2.40 on and with it Grafana's plugin, writes more: what kind of block it is, before
each, and for each column whether its serialisation is out of the ordinary. Data itself is the same, so this
puts those words between; to find the ends of columns it reads them as clickhouse-driver does.
Source: ``NativeWriter::write`` and ``BlockInfo::write`` of ClickHouse.
"""

from __future__ import annotations

import io

from clickhouse_driver.bufferedreader import BufferedSocketReader
from clickhouse_driver.columns.service import read_column
from clickhouse_driver.connection import ServerInfo
from clickhouse_driver.context import Context
from clickhouse_driver.errors import Error
from clickhouse_driver.reader import read_binary_bytes
from clickhouse_driver.varint import read_varint

WITH_SERIALIZATION = 54454
"""The first version that says of each column how it is serialised. clickhouse-connect asks for one before it,
and does without."""

# Field 1, overflows: no. Field 2, bucket: none (-1). The end.
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_ORDINARY = b"\x00"


class _Socket:
    """Gives a whole answer at once: the place of who reads is then its place in the answer."""

    def __init__(self, body: bytes) -> None:
        self._body = io.BytesIO(body)

    def recv_into(self, buffer: bytearray) -> int:
        return self._body.readinto(buffer)


def for_protocol(body: bytes, version: int) -> bytes:
    """An answer in Native as a server gives it to a client of that version.

    Raises `ValueError` for a type that can't be read, such as JSON.
    """
    if version < WITH_SERIALIZATION or not body:
        return body
    reader = BufferedSocketReader(_Socket(body), len(body))
    context = Context()
    context.settings = {}
    context.client_settings = {"strings_as_bytes": True, "use_numpy": False, "namedtuple_as_json": False}
    context.server_info = ServerInfo("", 0, 0, 0, 0, "UTC", "", 0)
    written = bytearray()
    done = 0
    while done < len(body):
        written += _BLOCK_INFO
        columns, rows = read_varint(reader), read_varint(reader)
        for _ in range(columns):
            read_binary_bytes(reader)
            kind = read_binary_bytes(reader).decode()
            written += body[done : reader.position] + _ORDINARY
            done = reader.position
            if rows:
                try:
                    read_column(context, kind, rows, reader)
                except Error as error:
                    raise ValueError(f"no {kind} in Native of protocol version {version}: {error}") from error
        written += body[done : reader.position]
        done = reader.position
    return bytes(written)
