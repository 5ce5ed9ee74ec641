"""The HTTP interface answers as a server does, and no statement gets at files, network or other databases."""

from __future__ import annotations

import asyncio
import base64
import gzip
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import clickhouse_connect
import lz4.frame
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.sink_server import READER, WRITER, Server

SECRET = "the-secret-that-no-answer-may-hold"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the bait lies, and nothing may appear."""
    path = tmp_path_factory.mktemp("bait")
    (path / "secret.txt").write_text(f"{SECRET}\n")
    (path / "schema.proto").write_text(
        f'syntax = "proto3"; message {SECRET.replace("-", "_")} {{ string a = 1; }}'
    )
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("http") / "clickhouse") as running:
        client = get_client(running, "writer", WRITER)
        client.command("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
        client.command("INSERT INTO t VALUES (1, 'one'), (2, 'it''s')")
        client.close()
        yield running


def get_client(server: Server, user: str, password: str) -> Client:
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username=user, password=password, database="groupbeat"
    )


@pytest.fixture
def reader(server: Server) -> Iterator[Client]:
    client = get_client(server, "reader", READER)
    yield client
    client.close()


@pytest.fixture
def author(server: Server) -> Iterator[Client]:
    client = get_client(server, "writer", WRITER)
    yield client
    client.close()


def ask(
    server: Server,
    body: bytes | str = b"",
    *,
    user: str = "reader",
    method: str = "POST",
    headers: dict[str, str] | None = None,
    **parameters: str,
) -> tuple[int, bytes, dict[str, str]]:
    """A request as curl makes it: status, body, headers."""
    known = {"reader": READER, "writer": WRITER}
    authority = {"X-ClickHouse-User": user, "X-ClickHouse-Key": known[user]} if user else {}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request(
            method,
            "/?" + urlencode(parameters, quote_via=quote),
            body=body,
            headers={**authority, **(headers or {})},
        )
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.headers)
    finally:
        connection.close()


TRICKS = [
    # the table of locks: what each lock alone left open
    "SELECT * FROM file('{f}', 'LineAsString')",
    "SELECT * FROM file('{f}', 'LineAsString', 'a String')",
    "SELECT * FROM `{f}`",
    "SELECT * FROM default.`{f}`",
    "SELECT * FROM filesystem('{d}')",
    "SELECT file('{f}')",
    "SELECT 1 INTO OUTFILE '{d}/out.txt'",
    "SELECT 1 INTO OUTFILE '{d}/out.txt' TRUNCATE FORMAT TSV",
    "INSERT INTO FUNCTION file('{d}/out.txt', 'TSV', 'a UInt8') SELECT 1",
    "INSERT INTO groupbeat.t (b) FROM INFILE '{f}' FORMAT LineAsString",
    "SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1:1', system.one)",
    "SELECT * FROM remoteSecure('127.0.0.1:1', system.one)",
    "SELECT * FROM s3('http://bucket.127.0.0.1:1/x', 'TSV', 'a String')",
    "SELECT * FROM icebergLocal('{d}')",
    "SELECT * FROM deltaLakeLocal('{d}')",
    "SELECT * FROM sqlite('{d}/secret.txt', 't')",
    "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM postgresql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    "SELECT * FROM executable('cat', TSV, 'a String')",
    "SELECT * FROM Python(SECRET)",
    "SELECT * FROM python('SECRET')",
    "SELECT * FROM eval('SELECT file(''{f}'')')",
    "SELECT * FROM eval(concat('SELECT fi', 'le(''{f}'')'))",
    "SELECT * FROM system.one SETTINGS allow_experimental_eval_table_function = 1",
    "CREATE TABLE groupbeat.stolen (a String) ENGINE = File(LineAsString, '{f}')",
    "CREATE TABLE groupbeat.stolen (a String) ENGINE = URL('http://127.0.0.1:1/', 'TSV')",
    "CREATE TABLE groupbeat.stolen (a String) ENGINE = Executable('cat', 'TSV')",
    "CREATE TABLE groupbeat.stolen (a String) ENGINE = EmbeddedRocksDB(0, '{d}/rocks') PRIMARY KEY a",
    "CREATE TABLE groupbeat.stolen (a String) ENGINE = MergeTree ORDER BY a "
    "SETTINGS disk = disk(type=local, path='{d}/disk/')",
    "CREATE TABLE groupbeat.stolen (a String DEFAULT file('{f}')) ENGINE = MergeTree ORDER BY tuple()",
    "CREATE VIEW groupbeat.stolen AS SELECT file('{f}')",
    "CREATE DICTIONARY groupbeat.stolen (a UInt64, b String) PRIMARY KEY a "
    "SOURCE(FILE(PATH '{f}' FORMAT 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
    "CREATE FUNCTION stolen AS (x) -> file(x)",
    "CREATE DATABASE stolen",
    "CREATE DATABASE stolen ENGINE = Filesystem('{d}')",
    "CREATE USER stolen",
    "CREATE NAMED COLLECTION stolen AS a = 'b'",
    "GRANT ALL ON *.* TO default",
    "EXECUTE AS default SELECT 1",
    "BACKUP TABLE groupbeat.t TO File('{d}/backup')",
    "RESTORE TABLE groupbeat.t FROM File('{d}/backup')",
    "ATTACH TABLE groupbeat.stolen FROM '{d}' (a String) ENGINE = MergeTree ORDER BY a",
    "SYSTEM SHUTDOWN",
    "KILL QUERY WHERE 1",
    "SET readonly = 0",
    "USE default",
    # quoting, comments, escapes
    "SELECT `file`('{f}')",
    "SELECT \"file\"('{f}')",
    "SELECT `fi\\x6ce`('{f}')",
    "SELECT FILE('{f}'), File('{f}'), file('{f}')",
    "SELECT/**/file/**/('{f}')",
    "SELECT file -- )\n('{f}')",
    "SELECT '/*', file('{f}'), '*/'",
    "SELECT 'a\\'', file('{f}'), 'b'",
    "SELECT 'a''', file('{f}'), 'b'",
    "SELECT 1 AS `a'b`, file('{f}') AS `c'd`",
    "SELECT 1 AS \"a'b\", file('{f}') AS \"c'd\"",
    "SELECT 1 AS `x``'y`, file('{f}') AS `'`",
    "SELECT $$'$$, file('{f}'), $$'$$",
    "SELECT $a$ '$a$, file($b${f}$b$)",
    "SELECT file(unhex('{x}'))",
    "SELECT file(x'{x}')",
    "SELECT file(concat('{d}', '/', 'secret.txt'))",
    # called without being called
    "SELECT * APPLY(file) FROM (SELECT '{f}')",
    "SELECT * APPLY file FROM (SELECT '{f}')",
    "SELECT * APPLY(x -> file(x)) FROM (SELECT '{f}')",
    "SELECT COLUMNS('a') APPLY(file) FROM (SELECT '{f}' AS a)",
    "SELECT arrayMap(file, ['{f}'])",
    "SELECT arrayMap(`file`, ['{f}'])",
    "SELECT arrayFold((a, x) -> file(x), ['{f}'], '')",
    "WITH x -> file(x) AS g SELECT g('{f}')",
    # inside of something
    "SELECT (SELECT file('{f}'))",
    "SELECT 1 WHERE 'x' IN (SELECT file('{f}'))",
    "SELECT 1 FROM system.one WHERE 'x' IN `{f}`",
    "WITH t AS (SELECT file('{f}') AS a) SELECT a FROM t",
    "SELECT * FROM view(SELECT file('{f}'))",
    "SELECT * FROM viewIfPermitted(SELECT file('{f}') AS a ELSE null('a String'))",
    "SELECT 1 UNION ALL SELECT length(file('{f}'))",
    "(SELECT file('{f}'))",
    "FROM file('{f}', 'LineAsString') SELECT *",
    "EXPLAIN SELECT * FROM file('{f}', 'LineAsString')",
    "EXPLAIN SYNTAX SELECT * FROM `{f}`",
    "EXPLAIN PIPELINE INSERT INTO FUNCTION file('{d}/out.txt') SELECT 1",
    "EXPLAIN ESTIMATE SELECT file('{f}')",
    "DESCRIBE TABLE file('{f}')",
    "DESCRIBE (SELECT file('{f}'))",
    "DESCRIBE `{f}`",
    "EXISTS TABLE `{f}`",
    "SHOW CREATE TABLE `{f}`",
    "SELECT joinGet('{f}', 'a', 1)",
    "SELECT dictGet('{f}', 'a', 1)",
    "SELECT * FROM merge('default', '.*')",
    "SELECT * FROM loop(file('{f}'))",
    "SELECT * FROM cluster('default', file('{f}'))",
    "SELECT * FROM urlCluster('default', 'http://127.0.0.1:1/')",
    "SELECT aiGenerate('x', 'y')",
    "SELECT * FROM system.stack_trace",
    # as a parameterised view
    "CREATE VIEW groupbeat.stolen AS SELECT arrayMap({g:Identifier}, ['{f}'])",
    "CREATE OR REPLACE VIEW groupbeat.stolen AS SELECT {g : Identifier}('{f}')",
    "CREATE MATERIALIZED VIEW groupbeat.stolen ENGINE = MergeTree ORDER BY x "
    "AS SELECT arrayMap({`g`:identifier}, ['{f}']) AS x FROM groupbeat.t",
    "ALTER TABLE groupbeat.t ADD COLUMN x Array(String) DEFAULT arrayMap({g:Identifier}, ['{f}'])",
    "INSERT INTO groupbeat.t (b) SELECT {g:Identifier}('{f}')",
    "SELECT * FROM `{f}`(day = '2026-01-31')",
    "SELECT * FROM default.`{f}`(day = '2026-01-31')",
    "SELECT * FROM file(path = '{f}')",
    "SELECT * FROM t(day = file('{f}'))",
    # chains
    "SELECT 1; SELECT file('{f}')",
    "SELECT 1;;SELECT file('{f}');",
    "SET readonly = 0; SELECT file('{f}')",
    "SELECT 1 PARALLEL WITH SELECT file('{f}')",
    # settings in the statement
    "SELECT * FROM file('{f}') SETTINGS readonly = 0",
    "SELECT a FROM t SETTINGS format_schema = '{d}/schema.proto:M', readonly = 0 FORMAT Protobuf",
    "SELECT a FROM t FORMAT Template SETTINGS format_template_row = '{f}'",
    "SELECT a FROM t FORMAT Template SETTINGS format_template_resultset = '{f}'",
    "SELECT a FROM t FORMAT CapnProto SETTINGS format_schema = '{d}/schema.proto:M'",
    "SELECT a FROM t FORMAT Protobuf SETTINGS output_format_schema = '{d}/out.proto', "
    "format_protobuf_use_autogenerated_schema = 1",
    "SELECT a FROM t SETTINGS dialect = 'kusto'",
    "INSERT INTO groupbeat.t (b) SETTINGS input_format_record_errors_file_path = '{d}/errors' FORMAT CSV\n",
    # what is written with the rows
    "INSERT INTO groupbeat.t (b) VALUES (file('{f}'))",
    "INSERT INTO groupbeat.t (b) VALUES (`fi\\x6ce`('{f}'))",
    "INSERT INTO groupbeat.t (b) VALUES (/*'*/ file('{f}') /*'*/)",
    "INSERT INTO groupbeat.t (b) VALUES ('a'), ($$'$$ || file('{f}') || $$'$$)",
    "INSERT INTO groupbeat.t (b) SELECT file('{f}')",
    "INSERT INTO FUNCTION remote('127.0.0.1:1', system.one) VALUES (1)",
    "INSERT INTO FUNCTION s3('http://bucket.127.0.0.1:1/x', 'TSV', 'a UInt8') SELECT 1",
    "INSERT INTO `{f}` VALUES (1)",
]


def fill(trick: str, folder: Path) -> str:
    file = f"{folder}/secret.txt"
    return trick.replace("{f}", file).replace("{d}", str(folder)).replace("{x}", file.encode().hex())


def assert_nothing_happened(folder: Path, server: Server, answer: bytes) -> None:
    assert SECRET.encode() not in answer and SECRET.replace("-", "_").encode() not in answer
    assert sorted(path.name for path in folder.iterdir()) == ["schema.proto", "secret.txt"]
    assert (folder / "secret.txt").read_text() == f"{SECRET}\n"
    status, rows, _ = ask(server, "SELECT count(), countIf(position(b, 'secret') > 0) FROM groupbeat.t")
    assert (status, rows) == (200, b"2\t0\n")
    _, tables, _ = ask(server, "SHOW TABLES FROM groupbeat")
    assert tables == b"t\n"
    _, databases, _ = ask(server, "SHOW DATABASES")
    assert databases == b"groupbeat\nsystem\n"


# These give nothing away and change nothing, so it is no fault that they are answered.
ANSWERED = ("EXISTS TABLE", "EXPLAIN SYNTAX", "SELECT * FROM merge(")


@pytest.mark.parametrize("user", ["reader", "writer"])
@pytest.mark.parametrize("trick", TRICKS)
def test_no_statement_gets_out(server: Server, folder: Path, user: str, trick: str) -> None:
    sql = fill(trick, folder)
    status, answer, headers = ask(server, sql, user=user, database="groupbeat")
    assert_nothing_happened(folder, server, answer)
    if not trick.startswith(ANSWERED) and not (user == "writer" and "allow_experimental_eval" in trick):
        assert status >= 400 and "X-ClickHouse-Exception-Code" in headers, answer[:200]


@pytest.mark.parametrize("user", ["reader", "writer"])
@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT arrayMap({f:Identifier}, ['{path}'])", {"param_f": "file"}),
        ("SELECT arrayMap({f:Identifier}, ['{path}'])", {"param_f": "fi\\x6ce"}),
        ("SELECT arrayMap({`f`:Identifier}, ['{path}'])", {"param_f": "FILE"}),
        ("SELECT {f:Identifier}('{path}')", {"param_f": "file"}),
        ("SELECT * FROM {t:Identifier}", {"param_t": "{path}"}),
        ("SELECT * FROM {d:Identifier}.{t:Identifier}", {"param_t": "{path}", "param_d": "default"}),
        ("CREATE VIEW stolen AS SELECT arrayMap({f:Identifier}, ['{path}'])", {"param_f": "length"}),
        ("CREATE VIEW stolen AS SELECT * FROM {t:Identifier}", {"param_t": "t"}),
        ("SELECT file({p:String})", {"param_p": "{path}"}),
        ("SELECT * FROM file({p:String})", {"param_p": "{path}"}),
        ("SELECT a FROM t FORMAT Template", {"format_template_row": "{path}"}),
        ("SELECT a FROM t FORMAT Protobuf", {"format_schema": "{folder}/schema.proto:M", "readonly": "0"}),
        ("SELECT file('{path}')", {"readonly": "0"}),
        ("SELECT file('{path}')", {"database": "default"}),
        ("SELECT * FROM `{path}`", {"database": "default"}),
        ("SELECT * FROM secret", {"database": "{folder}"}),
        ("SELECT * FROM secret", {"database": "default`; SELECT file('{path}') --"}),
        ("SELECT 1", {"default_format": "TSV INTO OUTFILE '{folder}/out.txt'"}),
        ("SELECT 1", {"max_threads = 1, readonly": "0"}),
        ("SELECT 1", {"dialect": "kusto"}),
        ("SELECT * FROM eval('SELECT 1')", {"allow_experimental_eval_table_function": "1"}),
        ("", {"query": "SELECT file('{path}')"}),
        ("('{path}')", {"query": "SELECT file"}),
    ],
)  # fmt: skip
def test_no_parameter_or_setting_gets_out(
    server: Server, folder: Path, user: str, sql: str, parameters: dict[str, str]
) -> None:
    def full(text: str) -> str:
        return text.replace("{path}", f"{folder}/secret.txt").replace("{folder}", str(folder))

    filled = {"database": "groupbeat", **{name: full(value) for name, value in parameters.items()}}
    status, answer, _ = ask(server, full(sql), user=user, **filled)  # type: ignore[arg-type]
    assert_nothing_happened(folder, server, answer)
    assert status >= 400, answer[:200]


def test_a_reader_may_lower_limits_as_drivers_do(server: Server) -> None:

    def told(**settings: str) -> bytes:
        asked = "SELECT getSetting('max_execution_time'), getSetting('readonly')"
        return ask(server, asked, headers={"X-ClickHouse-Format": "CSV"}, **settings)[1]

    assert told() == b"60,1\n"
    assert told(max_execution_time="7") == b"7,1\n"
    for value in ("3600", "0", "-1", "x"):
        assert told(max_execution_time=value) == told()
    assert told(async_insert="1", wait_for_async_insert="1") == told()
    assert ask(server, "SELECT 1", max_threads="64")[2]["X-ClickHouse-Exception-Code"] == "164"


@pytest.fixture
def up_to(author: Client) -> Iterator[None]:
    """A parameterised view."""
    author.command("CREATE VIEW up_to AS SELECT a, {text:String} AS said FROM t WHERE a <= {highest:UInt64}")
    yield
    author.command("DROP VIEW up_to")


def test_a_reader_may_call_a_parameterised_view(server: Server, reader: Client, up_to: None) -> None:
    sql = "SELECT * FROM up_to(highest = 1, text = 'it''s')"
    assert ask(server, sql, database="groupbeat")[:2] == (200, b"1\tit\\'s\n")
    assert ask(server, sql.replace("up_to", "groupbeat.`up_to`"))[:2] == (200, b"1\tit\\'s\n")
    sql = "SELECT * FROM up_to(highest = {h:UInt64}, text = {t:String}) ORDER BY a"
    text = "') UNION ALL SELECT file('/etc/passwd') --"
    assert reader.query(sql, parameters={"h": 9, "t": text}).result_rows == [(1, text), (2, text)]
    for sql, code in (
        ("SELECT * FROM up_to", b"51"),
        ("SELECT * FROM up_to(highest = '1 OR 1', text = '')", b"457"),
        ("SELECT * FROM up_to(highest = 1, text = '') INTO OUTFILE 'x'", b"497"),
        ("SELECT * FROM up_to(highest = 1, text = file('x'))", b"497"),
        ("SELECT * FROM elsewhere(highest = 1)", b"46"),
        ("SELECT * FROM url(highest = 1)", b"497"),
    ):
        status, answer, _ = ask(server, sql, database="groupbeat")
        assert status >= 400 and answer.startswith(b"Code: " + code), answer


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (3, 'x')",
        "INSERT INTO t SELECT 3, 'x'",
        "CREATE TABLE more (a UInt8) ENGINE = MergeTree ORDER BY a",
        "ALTER TABLE t ADD COLUMN c UInt8",
        "ALTER TABLE t DELETE WHERE 1",
        "DELETE FROM t WHERE 1",
        "TRUNCATE TABLE t",
        "DROP TABLE t",
        "DROP DATABASE groupbeat",
        "OPTIMIZE TABLE t FINAL",
        "RENAME TABLE t TO s",
    ],
)
def test_a_reader_writes_nothing(server: Server, folder: Path, sql: str) -> None:
    status, answer, headers = ask(server, sql, database="groupbeat")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (403, "497"), answer
    assert_nothing_happened(folder, server, answer)


def test_get_never_writes(server: Server, folder: Path) -> None:
    status, answer, headers = ask(server, user="writer", method="GET", query="INSERT INTO t VALUES (9, 'x')")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (403, "164"), answer
    assert_nothing_happened(folder, server, answer)


def test_who_is_let_in(server: Server) -> None:
    basic = base64.b64encode(f"reader:{READER}".encode()).decode()
    assert ask(server, "SELECT 1", user="", headers={"Authorization": f"Basic {basic}"})[:2] == (200, b"1\n")
    url = f"/?query=SELECT%201&user=reader&password={quote(READER)}"
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", url)
    assert connection.getresponse().read() == b"1\n"
    connection.close()
    for headers in (
        {},
        {"X-ClickHouse-User": "reader"},
        {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "wrong"},
        {"X-ClickHouse-User": "default", "X-ClickHouse-Key": ""},
        {"X-ClickHouse-User": "nobody", "X-ClickHouse-Key": READER},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Bearer x"},
    ):
        status, answer, got = ask(server, "SELECT 1", user="", headers=headers)
        assert (status, got["X-ClickHouse-Exception-Code"]) == (401, "516"), headers
        assert READER.encode() not in answer


def test_ping_needs_no_password(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    for path in ("/ping", "/", "/replicas_status"):
        connection.request("GET", path)
        assert connection.getresponse().read() == b"Ok.\n"
    connection.close()


def test_curl(server: Server) -> None:
    assert ask(server, "SELECT 1 AS a, 'x' AS b FORMAT JSONEachRow")[1] == b'{"a":1,"b":"x"}\n'
    assert ask(server, method="GET", query="SELECT 1, 'x'", default_format="CSV")[1] == b'1,"x"\n'
    assert ask(server, "SELECT 1", headers={"X-ClickHouse-Format": "CSVWithNames"})[1] == b'"1"\n1\n'
    assert ask(server, "SELECT {x:String}", param_x="it's")[1] == b"it\\'s\n"
    assert ask(server, gzip.compress(b"SELECT 2"), headers={"Content-Encoding": "gzip"})[1] == b"2\n"
    assert ask(server, lz4.frame.compress(b"SELECT 3"), headers={"Content-Encoding": "lz4"})[1] == b"3\n"
    assert ask(server, "SELECT 1 FORMAT Nonsense")[2]["X-ClickHouse-Exception-Code"] == "73"
    assert ask(server, "SELECT 1 FORMAT Parquet")[1].startswith(b"PAR1")
    _, _, headers = ask(server, "SELECT 1", query_id="mine")
    assert headers["X-ClickHouse-Query-Id"] == "mine" and headers["X-ClickHouse-Format"] == "TabSeparated"
    summary = json.loads(headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("1", "0")  # as a server that has just begun


@pytest.mark.parametrize(
    ("sql", "answer"),
    [
        (r"SELECT hex('\xff\\\xfe'), 'é'", "FF5CFE\té\n"),
        (r"SELECT splitByString('\xff', concat('a', '\xff', 'b'))", "['a','b']\n"),
        (r"SELECT 1 AS `\xff`, hex('\\xff') FORMAT CSV", '1,"5C786666"\n'),
    ],
)
def test_a_literal_may_have_bytes_that_are_no_text(server: Server, sql: str, answer: str) -> None:
    status, body, _ = ask(server, sql.encode())
    assert (status, body.decode()) == (200, answer)


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELECT * FROM nowhere", 404, 60),
        ("SELEC 1", 400, 62),
        ("SELECT nothing", 404, 47),
        ("SELECT nofunction(1)", 404, 46),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT 1 SETTINGS max_threads = 1", 403, 164),
    ],
)
def test_errors_are_those_of_a_server(
    server: Server, reader: Client, sql: str, status: int, code: int
) -> None:
    got, answer, headers = ask(server, sql, database="groupbeat")
    assert (got, headers["X-ClickHouse-Exception-Code"]) == (status, str(code)), answer
    assert answer.startswith(f"Code: {code}. DB::Exception: ".encode())
    with pytest.raises(DatabaseError) as raised:
        reader.query(sql)
    assert raised.value.code == code and raised.value.name


def test_the_ordinary_client(reader: Client, author: Client) -> None:
    assert reader.query("SELECT a, b FROM t ORDER BY a").result_rows == [(1, "one"), (2, "it's")]
    assert reader.query_arrow("SELECT a FROM t ORDER BY a").column(0).to_pylist() == [1, 2]
    assert reader.query("SELECT * FROM t LIMIT 0").column_names == ("a", "b")
    assert reader.command("SELECT count() FROM t") == 2
    assert reader.query("SELECT {x:String}", parameters={"x": "it's\n\t\\ ሴ"}).result_rows == [
        ("it's\n\t\\ ሴ",)
    ]
    assert reader.query("SELECT {x:Array(String)}", parameters={"x": ["it's", "b"]}).result_rows == [
        (["it's", "b"],)
    ]
    assert reader.query("SELECT %(x)s", parameters={"x": "it's"}).result_rows == [("it's",)]
    author.command(
        "CREATE TABLE s (a UInt64, b String) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 10"
    )
    try:
        rows = pa.table({"a": pa.array([1, 2], pa.uint64()), "b": ["x", "y"]})
        for _ in range(2):
            author.insert_arrow("s", rows, settings={"insert_deduplication_token": "once", "async_insert": 0})
        author.insert("s", [[3, "z"]], column_names=["a", "b"])
        author.raw_insert("s", ["a", "b"], b"4,q\n5,it's FORMAT CSV\n", fmt="CSV")
        author.command("INSERT INTO s VALUES (6, 'VALUES (7)')")
        author.command("INSERT INTO s SELECT 7, 'FORMAT CSV'")
        assert [row[0] for row in reader.query("SELECT a FROM s ORDER BY a").result_rows] == [
            1,
            2,
            3,
            4,
            5,
            6,
            7,
        ]
        with reader.query_row_block_stream("SELECT number FROM numbers(200000)") as stream:
            assert sum(len(block) for block in stream) == 200000
    finally:
        author.command("DROP TABLE s SYNC")


def test_the_async_client(server: Server) -> None:
    async def run() -> int:
        client = await clickhouse_connect.get_async_client(
            host="127.0.0.1", port=server.port, username="reader", password=READER, database="groupbeat"
        )
        answers = await asyncio.gather(*(client.query(f"SELECT {n}, count() FROM t") for n in range(8)))
        await client.close()
        return sum(answer.result_rows[0][0] for answer in answers)

    assert asyncio.run(run()) == 28


def test_one_request_leaves_nothing_for_the_next(server: Server) -> None:
    assert ask(server, "SELECT 1", user="writer", max_threads="3", database="system")[0] == 200
    _, answer, _ = ask(
        server, "SELECT currentDatabase(), value FROM system.settings WHERE name = 'readonly'", user="writer"
    )
    assert answer == b"groupbeat\t0\n"


def test_nothing_logs_a_password(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        ask(server, "SELECT 1")
        ask(server, "SELECT bad")
        ask(
            server,
            "SELECT 1",
            user="",
            headers={"X-ClickHouse-User": "reader", "X-ClickHouse-Key": READER + "x"},
        )
    assert READER not in caplog.text and WRITER not in caplog.text
