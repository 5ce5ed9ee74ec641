"""Machine code on disk: when it is out of date, and how processes share it.

It is out of date when any source file that went into it has changed.

numba looks at the file of a function alone. But the code of the functions that it calls, and the constants
that it uses, are compiled into it wherever they stand; after an update it would go on with those of before.
So the stamp of a function is made of its file and of all files of this project that it imports, by any way.

Workers that start together compile together. numba says in its index what it writes only then, under a name
that something of before may have, or that two processes choose: another would run the wrong code. So here it
looks at a folder, and writes to it, with the folder locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

ROOT = Path(__file__).parent.parent
_DataFile: Any = caching.IndexDataCacheFile
_IMPORT = re.compile(r"^(?:from|import) ((?:streams|schemas)[.\w]*)(?: import (.*))?", re.MULTILINE)


def use() -> None:
    """From now on, for all functions that numba compiles in this process."""
    config: Any = numba.config
    config.CACHE_LOCATOR_CLASSES = ",".join(
        f"{__name__}.{locator.__name__}" for locator in (Configured, InTree, UserWide)
    )
    numba_caching: Any = caching
    numba_caching.IndexDataCacheFile = LockedFile


@cache
def stamp_of(path: Path) -> str:
    """A digest of a source file and of every one of this project that it imports, by any way."""
    digest = hashlib.sha256()
    for file in sorted(_closure(path)):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _closure(path: Path) -> set[Path]:
    found, left = {path}, [path]
    while left:
        new = _imports(left.pop()) - found
        found |= new
        left += new
    return found


@cache
def _imports(path: Path) -> frozenset[Path]:
    """The files of this project that one imports."""
    found: set[Path] = set()
    for module, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
        place = ROOT / module.replace(".", "/")
        candidates = [place.with_suffix(".py"), *(place / f"{name.strip()}.py" for name in names.split(","))]
        found.update(file for file in candidates if file.is_file())
    return frozenset(found)


class LockedFile(_DataFile):  # type: ignore[misc]  # numba is not annotated
    """The index and the data of one function, of which other processes see both or neither."""

    def __init__(self, cache_path: str, filename_base: str, source_stamp: str) -> None:
        super().__init__(cache_path, filename_base, source_stamp)
        self._folder = Path(cache_path)

    def save(self, key: Any, data: Any) -> None:
        """See `numba.core.caching`. The folder is there."""
        with self._locked(fcntl.LOCK_EX):
            super().save(key, data)

    def load(self, key: Any) -> Any:
        """See `numba.core.caching`; None: there is none."""
        if not self._folder.is_dir():
            return None
        with self._locked(fcntl.LOCK_SH):
            return super().load(key)

    @contextlib.contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, kind)
            yield
        finally:
            os.close(folder)


class _Stamped:
    """A locator of numba's with our stamp."""

    _py_file: str

    def get_source_stamp(self) -> str:
        """See `numba.core.caching`."""
        return stamp_of(Path(self._py_file).resolve())


class Configured(_Stamped, caching.UserProvidedCacheLocator):
    """In NUMBA_CACHE_DIR, if that is set."""


class InTree(_Stamped, caching.InTreeCacheLocator):
    """In ``__pycache__`` beside the source."""


class UserWide(_Stamped, caching.UserWideCacheLocator):
    """In the user's own cache, where the source's folder can't be written to."""
