"""What a failing ClickHouse means: try again, or stop and say what to do.

Nothing is dropped to make progress. What can pass by itself is retried for ever; what needs a person stops.
"""

from __future__ import annotations

import re
from typing import Literal

Verdict = Literal["retry", "stop"]

ACCESS_DENIED = 497


class SinkError(Exception):
    """The sink can't go on until someone acts: says what, where and how to fix it; never a password."""


RETRY: dict[int, str] = {
    3: "UNEXPECTED_END_OF_FILE",
    23: "CANNOT_READ_FROM_ISTREAM",
    32: "ATTEMPT_TO_READ_AFTER_EOF",
    33: "CANNOT_READ_ALL_DATA",
    74: "CANNOT_READ_FROM_FILE_DESCRIPTOR",
    75: "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
    76: "CANNOT_OPEN_FILE",
    95: "CANNOT_READ_FROM_SOCKET",
    96: "CANNOT_WRITE_TO_SOCKET",
    159: "TIMEOUT_EXCEEDED",
    160: "TOO_SLOW",
    173: "CANNOT_ALLOCATE_MEMORY",
    198: "DNS_ERROR",
    201: "QUOTA_EXCEEDED",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    203: "NO_FREE_CONNECTION",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    225: "NO_ZOOKEEPER",
    236: "ABORTED",
    241: "MEMORY_LIMIT_EXCEEDED",
    242: "TABLE_IS_READ_ONLY",
    243: "NOT_ENOUGH_SPACE",
    244: "UNEXPECTED_ZOOKEEPER_ERROR",
    252: "TOO_MANY_PARTS",
    254: "NO_ACTIVE_REPLICAS",
    279: "ALL_CONNECTION_TRIES_FAILED",
    285: "TOO_FEW_LIVE_REPLICAS",
    286: "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE",
    289: "REPLICA_IS_NOT_IN_QUORUM",
    319: "UNKNOWN_STATUS_OF_INSERT",
    394: "QUERY_WAS_CANCELLED",
    416: "REPLICA_STATUS_CHANGED",
    425: "SYSTEM_ERROR",
    439: "CANNOT_SCHEDULE_TASK",
    473: "DEADLOCK_AVOIDED",
    499: "S3_ERROR",
    500: "AZURE_BLOB_STORAGE_ERROR",
    667: "NOT_INITIALIZED",
    674: "RESOURCE_NOT_FOUND",
    692: "TOO_MANY_MUTATIONS",
    735: "QUERY_WAS_CANCELLED_BY_CLIENT",
    745: "SERVER_OVERLOADED",
    749: "TCP_CONNECTION_LIMIT_REACHED",
    762: "HTTP_CONNECTION_LIMIT_REACHED",
    999: "KEEPER_EXCEPTION",
    1000: "POCO_EXCEPTION",
    1002: "UNKNOWN_EXCEPTION",
}
"""ClickHouse error codes that can pass by themselves. So can every code in neither table."""

STOP: dict[int, str] = {
    6: "CANNOT_PARSE_TEXT",
    8: "THERE_IS_NO_COLUMN",
    10: "NOT_FOUND_COLUMN_IN_BLOCK",
    16: "NO_SUCH_COLUMN_IN_TABLE",
    27: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
    36: "BAD_ARGUMENTS",
    41: "CANNOT_PARSE_DATETIME",
    42: "NUMBER_OF_ARGUMENTS_DOESNT_MATCH",
    43: "ILLEGAL_TYPE_OF_ARGUMENT",
    44: "ILLEGAL_COLUMN",
    46: "UNKNOWN_FUNCTION",
    47: "UNKNOWN_IDENTIFIER",
    48: "NOT_IMPLEMENTED",
    50: "UNKNOWN_TYPE",
    53: "TYPE_MISMATCH",
    56: "UNKNOWN_STORAGE",
    57: "TABLE_ALREADY_EXISTS",
    60: "UNKNOWN_TABLE",
    62: "SYNTAX_ERROR",
    69: "ARGUMENT_OUT_OF_BOUND",
    70: "CANNOT_CONVERT_TYPE",
    73: "UNKNOWN_FORMAT",
    80: "INCORRECT_QUERY",
    81: "UNKNOWN_DATABASE",
    115: "UNKNOWN_SETTING",
    117: "INCORRECT_DATA",
    122: "INCOMPATIBLE_COLUMNS",
    128: "TOO_LARGE_ARRAY_SIZE",
    131: "TOO_LARGE_STRING_SIZE",
    164: "READONLY",
    184: "ILLEGAL_AGGREGATION",
    192: "UNKNOWN_USER",
    193: "WRONG_PASSWORD",
    194: "REQUIRED_PASSWORD",
    195: "IP_ADDRESS_NOT_ALLOWED",
    291: "DATABASE_ACCESS_DENIED",
    344: "SUPPORT_IS_DISABLED",
    349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
    395: "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO",
    407: "DECIMAL_OVERFLOW",
    452: "SETTING_CONSTRAINT_VIOLATION",
    469: "VIOLATED_CONSTRAINT",
    497: "ACCESS_DENIED",
    511: "UNKNOWN_ROLE",
    516: "AUTHENTICATION_FAILED",
    584: "PROJECTION_NOT_USED",
    774: "TABLE_IS_PERMANENTLY_READ_ONLY",
}
"""ClickHouse error codes that a person has to mend."""

_ADVICE: dict[int, str] = {
    16: "the table is older than this groupbeat: start the sink again, so that it migrates",
    36: "check the settings of the server against the versions that groupbeat supports",
    60: "the migrations have not run on this database: start the sink again, or check the database's name",
    81: "create the database, or grant CREATE DATABASE to the user",
    164: "the user is read-only: grant INSERT, or use another user",
    192: "check GROUPBEAT_CLICKHOUSE_USER",
    193: "check GROUPBEAT_CLICKHOUSE_USER and GROUPBEAT_CLICKHOUSE_PASSWORD",
    194: "set GROUPBEAT_CLICKHOUSE_PASSWORD",
    497: "grant the user what the message names, on this database",
    516: "check GROUPBEAT_CLICKHOUSE_USER and GROUPBEAT_CLICKHOUSE_PASSWORD",
}

_HTTP_STOP = re.compile(r"HTTP status (400|401|403|404|405)\b")
_CODE = re.compile(r"\bCode: (\d+)")


def error_code(error: BaseException) -> int | None:
    """The ClickHouse code of an error, or None: the client's attribute, else the engine's own text."""
    code = getattr(error, "code", None)
    if isinstance(code, int):
        return code
    found = _CODE.search(str(error))
    return int(found.group(1)) if found else None


def classify(error: BaseException) -> Verdict:
    """Whether an error can pass by itself ('retry') or needs a person ('stop').

    Every error of the network, every code that can pass, and every code that we don't know is retried:
    stopping for nothing is worse than a loud retry. Errors of Python's own (a bug of ours) stop.
    """
    if isinstance(error, SinkError):
        return "stop"
    code = error_code(error)
    if code is not None:
        return "stop" if code in STOP else "retry"
    if isinstance(error, OSError):
        return "retry"
    if type(error).__module__.split(".")[0] not in ("clickhouse_connect", "urllib3", "chdb"):
        return "stop" if not isinstance(error, RuntimeError) else "retry"
    text = str(error)
    if type(error).__name__ in ("ProgrammingError", "DataError", "NotSupportedError"):
        return "stop"
    if "CERTIFICATE_VERIFY_FAILED" in text or _HTTP_STOP.search(text):
        return "stop"
    return "retry"


def kind_of(error: BaseException) -> str:
    """A short name for counting: the error's ClickHouse name, or `network` when it has none."""
    code = error_code(error)
    if code is None:
        return "network"
    return (RETRY.get(code) or STOP.get(code) or f"code_{code}").lower()


def explain(error: BaseException, doing: str) -> SinkError:
    """The `SinkError` for an error that stops us, `doing` what it stopped."""
    if isinstance(error, SinkError):
        return error
    code = error_code(error)
    advice = _ADVICE.get(
        code or 0, "see the error codes of ClickHouse, mend the cause and start the sink again"
    )
    text = re.sub(r"\s+", " ", str(error)).strip()[:1000]
    return SinkError(f"{doing}: {text} -- {advice}; nothing was lost, the sink goes on where it stopped")
