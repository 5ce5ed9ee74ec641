"""Which errors are retried, which stop us, and what they say."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)

from sinks.clickhouse import connect
from sinks.embedded import connection_string, open_handle
from sinks.errors import RETRY, STOP, SinkError, classify, explain, kind_of
from sinks.query import query
from streams.settings import Settings

REPO = Path(__file__).parent.parent
PASSWORD = "not-to-be-told"


def test_codes_have_the_names_that_the_engine_gives_them() -> None:
    assert not set(RETRY) & set(STOP)
    engine = open_handle(":memory:")
    try:
        for code, name in {**RETRY, **STOP}.items():
            assert engine.query(f"SELECT errorCodeToName({code})", "RawBLOB").bytes().decode() == name
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("error", "verdict", "kind"),
    [
        (DatabaseError("x", code=252), "retry", "too_many_parts"),
        (DatabaseError("x", code=241), "retry", "memory_limit_exceeded"),
        (DatabaseError("x", code=242), "retry", "table_is_read_only"),
        (DatabaseError("x", code=999), "retry", "keeper_exception"),
        (DatabaseError("x", code=202), "retry", "too_many_simultaneous_queries"),
        (DatabaseError("x", code=31337), "retry", "code_31337"),
        (DatabaseError("Code: 252. DB::Exception: Too many parts"), "retry", "too_many_parts"),
        (OperationalError("Connection refused"), "retry", "network"),
        (DatabaseError("HTTP driver received HTTP status 502"), "retry", "network"),
        (InterfaceError("x"), "retry", "network"),
        (TimeoutError("x"), "retry", "network"),
        (ConnectionResetError("x"), "retry", "network"),
        (DatabaseError("x", code=60), "stop", "unknown_table"),
        (DatabaseError("x", code=16), "stop", "no_such_column_in_table"),
        (DatabaseError("x", code=53), "stop", "type_mismatch"),
        (DatabaseError("x", code=516), "stop", "authentication_failed"),
        (DatabaseError("x", code=497), "stop", "access_denied"),
        (DatabaseError("x", code=164), "stop", "readonly"),
        (DatabaseError("HTTP driver received HTTP status 404"), "stop", "network"),
        (OperationalError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), "stop", "network"),
        (ProgrammingError("The client has been closed"), "stop", "network"),
        (KeyError("a bug of ours"), "stop", "network"),
        (SinkError("x"), "stop", "network"),
    ],
)
def test_classification(error: Exception, verdict: str, kind: str) -> None:
    assert (classify(error), kind_of(error)) == (verdict, kind)


def test_a_stop_says_what_where_and_how_to_mend_it() -> None:
    told = str(explain(DatabaseError("Code: 516. Authentication failed", code=516), "inserting into events"))
    assert told.startswith("inserting into events: Code: 516")
    assert "GROUPBEAT_CLICKHOUSE_PASSWORD" in told


def settings_for(port: int) -> Settings:
    return Settings(
        clickhouse=f"http://127.0.0.1:{port}",
        clickhouse_user="me",
        clickhouse_password=PASSWORD,
    )


def test_a_server_that_is_not_there_can_come(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(OperationalError) as raised:
        connect(settings_for(port))
    assert classify(raised.value) == "retry"
    with pytest.raises(SinkError, match="no answer from ClickHouse"):
        query(settings_for(port), "SELECT 1")


def test_a_wrong_password_stops_and_is_not_told() -> None:
    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b"Code: 516. DB::Exception: me: Authentication failed. (AUTHENTICATION_FAILED)"
            self.send_response(403)
            self.send_header("X-ClickHouse-Exception-Code", "516")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(SinkError) as raised:
                connect(settings_for(server.server_address[1]))
        finally:
            server.shutdown()
            thread.join()
    assert "GROUPBEAT_CLICKHOUSE_PASSWORD" in str(raised.value)
    assert PASSWORD not in str(raised.value) and PASSWORD not in str(raised.value.__cause__)


def test_a_url_that_is_none() -> None:
    with pytest.raises(SinkError, match="must be http://host:port"):
        connect(Settings(clickhouse="localhost:8123"))


def test_one_process_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "clickhouse"
    client = connect(Settings(path=path))
    code = "import sys\nfrom pathlib import Path\nfrom streams.settings import Settings\n"
    code += "from sinks.clickhouse import connect\n"
    code += "connect(Settings(path=Path(sys.argv[1])))"
    try:
        second = subprocess.run(
            [sys.executable, "-c", code, str(path)], cwd=REPO, capture_output=True, text=True
        )
    finally:
        client.close()
    assert "in use by another process" in second.stderr


@pytest.mark.parametrize("name", ["a?b", "a&b", "a=b", "a%20b"])
def test_folders_that_the_engine_would_misread(tmp_path: Path, name: str) -> None:
    with pytest.raises(SinkError, match="in its path"):
        connection_string(tmp_path / name, "groupbeat")


def test_asking_before_there_is_a_database(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="no database yet"):
        query(Settings(path=tmp_path / "clickhouse"), "SELECT 1")


def test_asking_a_folder_reads_only(tmp_path: Path) -> None:
    settings = Settings(path=tmp_path / "clickhouse")
    connect(settings).close()
    assert query(settings, "SELECT 1 AS a, 'x' AS b") == (["a", "b"], [(1, "x")])
    for sql in (
        "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a",
        "SELECT file('/etc/hosts')",
        "SET readonly = 0",
    ):
        with pytest.raises(SinkError, match=r"only reading is allowed|READ ON FILE"):
            query(settings, sql)
    with pytest.raises(SinkError, match="SHOW TABLES"):
        query(settings, "SELECT * FROM nowhere")
