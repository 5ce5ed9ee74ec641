"""How programs of this machine find the embedded engine: a file beside its folder, for its owner alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

SUFFIX = "-http-access.json"


@dataclass(frozen=True, slots=True)
class Access:
    """Where the HTTP interface answers, and as whom. `pid` is the sink that serves it."""

    host: str
    port: int
    user: str
    password: str
    database: str
    pid: int

    def __repr__(self) -> str:
        return f"Access({self.user}@{self.host}:{self.port})"


def access_file(engine_path: Path) -> Path:
    """Where the file is for an engine's folder."""
    return engine_path.parent / f"{engine_path.name}{SUFFIX}"


def write_access(engine_path: Path, access: Access) -> None:
    """Put the file in place, readable by its owner alone from the first byte on."""
    target = access_file(engine_path)
    fresh = target.with_suffix(f".{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(access), file)
    fresh.replace(target)


def read_access(engine_path: Path) -> Access | None:
    """What the file says, or None where there is none (or a broken one: a sink that died writing it)."""
    try:
        found = json.loads(access_file(engine_path).read_text(encoding="utf-8"))
        return Access(**found)
    except (OSError, ValueError, TypeError):
        return None


def remove_access(engine_path: Path) -> None:
    """Take the file away, if it is ours and not that of a sink started since."""
    found = read_access(engine_path)
    if found and found.pid == os.getpid():
        access_file(engine_path).unlink(missing_ok=True)
