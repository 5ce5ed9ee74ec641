"""A zip, or the folder that it was unpacked to: the same names and bytes either way."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath
from types import TracebackType

from streams.importing.drafts import ExportError


class Archive:
    """Files by their names with ``/`` between folders. A context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            self.names = sorted(
                file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()
            )
            return
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError as error:
            raise ExportError(f"{path}: no such file or folder") from error
        except (zipfile.BadZipFile, OSError) as error:
            raise ExportError(
                f"{path} is neither a zip nor a folder ({error}): give the export as it was downloaded, or "
                "the folder that it was unpacked to"
            ) from error
        self.names = sorted(name for name in self._zip.namelist() if not name.endswith("/"))

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._zip is not None:
            self._zip.close()

    def folder_of(self, name: str) -> str | None:
        """The folder nearest to the top that has a file of this name: "", "folder/", or None."""
        found = [PurePosixPath(each) for each in self.names if PurePosixPath(each).name == name]
        if not found:
            return None
        parent = min(found, key=lambda each: (len(each.parts), each)).parent.as_posix()
        return "" if parent == "." else parent + "/"

    def read(self, name: str) -> bytes:
        """The content of one file. Raises `ExportError`."""
        try:
            return (self.path / name).read_bytes() if self._zip is None else self._zip.read(name)
        except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
            raise ExportError(
                f"{self.path}: {name} can't be read: {error}. Is the download complete?"
            ) from error
