"""The embedded engine: one folder, one process, and no way from a query to the files or the network.

The grants are given by a config file at the first open in a process and hold for every handle after it, so
everything of ours opens the engine through `open_options` or `connection_string`. They leave three doors open
(the scalar function `file`, INTO OUTFILE, FROM INFILE); `sinks.guard` shuts those for strangers.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import chdb

from sinks.errors import SinkError

CONFIG_NAME = "groupbeat-engine.xml"
USERS_NAME = "groupbeat-users.xml"

_CONFIG = """\
<clickhouse>
    <users_config>{users}</users_config>
</clickhouse>
"""

# Left out on purpose: TABLE ENGINE (re-opens ENGINE=File), CREATE DICTIONARY (sources), CREATE FUNCTION,
# SYSTEM, and everything on other databases. The MergeTree family and views need none of these.
_USERS = """\
<clickhouse>
    <profiles><default/></profiles>
    <quotas><default/></quotas>
    <users>
        <default>
            <password/>
            <networks><ip>::/0</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants>
                <query>GRANT SHOW, SELECT, INSERT, ALTER TABLE, ALTER VIEW, CREATE DATABASE, CREATE TABLE, \
CREATE VIEW, DROP DATABASE, DROP TABLE, DROP VIEW, TRUNCATE, OPTIMIZE ON {database}.*</query>
                <query>GRANT SELECT ON system.*</query>
            </grants>
        </default>
    </users>
</clickhouse>
"""


def open_options(path: Path, database: str) -> dict[str, str]:
    """Write the engine's config beside its data and give the options that open it with it.

    Raises `SinkError` for a path or a database name that the engine could misread.
    """
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", database):
        raise SinkError(f"database name {database!r}: use lower-case letters, digits and underscores")
    folder = Path(os.path.realpath(path))
    if re.search(r"[?&=%#+;]", str(folder)):
        raise SinkError(f"the engine's folder {str(folder)!r} may not have any of ? & = % # + ; in its path")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_if_changed(folder / USERS_NAME, _USERS.format(database=database))
        _write_if_changed(folder / CONFIG_NAME, _CONFIG.format(users=escape(str(folder / USERS_NAME))))
    except OSError as error:
        raise SinkError(f"can't use {folder} for the embedded engine: {error.strerror or error}") from error
    return {"config-file": str(folder / CONFIG_NAME)}


def connection_string(path: Path, database: str) -> str:
    """What `chdb.connect` takes to open one more handle on the engine of `path`."""
    options = open_options(path, database)
    return f"{os.path.realpath(path)}?config-file={options['config-file']}"


def open_handle(connection: str) -> Any:
    """One more handle on the engine: a `chdb` connection. Raises `RuntimeError` where it can't be opened."""
    connect: Any = chdb.connect
    return connect(connection)


def _write_if_changed(file: Path, text: str) -> None:
    """Replace a file as a whole, and not at all when it is right already: the engine watches it."""
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    fresh = file.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
