"""When machine code on disk is out of date: when any source file that went into it has changed.

numba looks at the file of a function alone. But the code of the functions that it calls, and the constants
that it uses, are compiled into it wherever they stand; after an update it would go on with those of before.
So the stamp of a function is made of its file and of all files of this project that it imports, by any way.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core import caching

ROOT = Path(__file__).parent.parent
_IMPORT = re.compile(r"^(?:from|import) ((?:streams|schemas)[.\w]*)(?: import (.*))?", re.MULTILINE)


def use() -> None:
    """From now on, for all functions that numba compiles in this process."""
    config: Any = numba.config
    config.CACHE_LOCATOR_CLASSES = ",".join(
        f"{__name__}.{locator.__name__}" for locator in (Configured, InTree, UserWide)
    )


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
