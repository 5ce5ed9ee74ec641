"""Large JSON files, read as they come: a file of 2 GB takes the memory of one message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import ijson

from streams.importing.drafts import ExportError

Parsed = tuple[str, str, Any]
"""What ijson tells: the path to a value, what begins, ends or is there, and the value."""
BOM = b"\xef\xbb\xbf"


@contextmanager
def opened(file: Path, what: str) -> Iterator[BinaryIO]:
    """A JSON file, open behind its byte order mark. Errors of reading and parsing become `ExportError`."""
    try:
        with file.open("rb") as stream:
            if stream.read(3) != BOM:
                stream.seek(0)
            yield stream
    except FileNotFoundError as error:
        raise ExportError(f"{file}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{file} can't be read: {error}") from error
    except ijson.JSONError as error:
        reason = " ".join(str(error).split())[:200]
        raise ExportError(
            f"{file} is not whole JSON ({reason}): {what}. If it was broken off, export it again"
        ) from error


def parsed(stream: BinaryIO) -> Iterator[Parsed]:
    """All that is in the stream, piece by piece; numbers as int or float."""
    pieces: Iterator[Parsed] = ijson.parse(stream, use_float=True)
    return pieces
