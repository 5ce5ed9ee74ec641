"""Files of events: one JSON object a line (NDJSON), plain or ``.gz``, ``-`` for standard input.

Lines are not judged here: what is not an event keeps its place in its file and goes through, for the pipeline
to refuse with a reason. Only blank lines are left out.
"""

from __future__ import annotations

import gzip
import heapq
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, BinaryIO, NamedTuple, cast

import msgspec

STDIN = Path("-")

NO_TIME = datetime.min.replace(tzinfo=UTC)
"""The time of lines that come before any line with a time."""


class FileError(ValueError):
    """A file that can't be read; the message names it."""


class Line(NamedTuple):
    """One line to send: key, value, and the index of its file among those given."""

    key: bytes
    value: bytes
    file: int


class _Peek(msgspec.Struct, gc=False):
    user_id: str
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)]


class _UserPeek(msgspec.Struct, gc=False):
    user_id: str


_PEEK = msgspec.json.Decoder(_Peek)
_USER_PEEK = msgspec.json.Decoder(_UserPeek)


@dataclass(frozen=True, slots=True)
class Scan:
    """What one reading of a file told: lines, the time of its last event, whether it is in time order."""

    lines: int
    last: datetime
    in_order: bool


def key_of(value: bytes) -> bytes:
    """The Kafka key of a line: its `user_id`, or nothing when the line has none."""
    try:
        return _USER_PEEK.decode(value).user_id.encode()
    except (msgspec.DecodeError, UnicodeError):
        return b""


def time_of(value: bytes) -> datetime | None:
    """A line's `occurred_at`, or None when it has none that the contract takes."""
    try:
        return _PEEK.decode(value).occurred_at
    except msgspec.DecodeError:
        return None


def read_lines(file: Path) -> Iterator[bytes]:
    """The lines of one file without their ends, blank ones left out. Raises `FileError`."""
    try:
        with nullcontext(sys.stdin.buffer) if file == STDIN else closing(_opened(file)) as stream:
            for line in stream:
                stripped = line.rstrip(b"\r\n")
                if stripped and not stripped.isspace():
                    yield stripped
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(f"{file} can't be read: {error}") from error


def read_events(files: Sequence[Path]) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of every line: of one file as it is, of several in the order of `occurred_at`.

    Raises `FileError`.
    """
    return ((line.key, line.value) for line in EventFiles(files))


class EventFiles:
    """Several files as one stream. Each iteration reads them again; standard input is kept in memory.

    Several files are merged by time. A file that is itself in time order is read line by line; one that is
    not is sorted in memory. A line without a time stands right behind the line before it.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        if not files:
            raise FileError("no files were given")
        if list(files).count(STDIN) > 1:
            raise FileError("standard input (-) can be read once")
        self.files = tuple(files)
        self._kept: dict[int, list[bytes]] = {}
        self._scans: list[Scan] | None = None

    def __iter__(self) -> Iterator[Line]:
        if len(self.files) == 1:
            return (Line(key_of(value), value, 0) for value in self._lines(0))
        scans = self.scans()
        ordered = [self._timed(index, scan.in_order) for index, scan in enumerate(scans)]
        merged = heapq.merge(*ordered, key=_by_time)
        return (Line(key_of(value), value, file) for _, value, file in merged)

    def scans(self) -> list[Scan]:
        """What a first reading of each file tells."""
        if self._scans is None:
            self._keep_stdin()
            self._scans = [_scan(self._lines(index)) for index in range(len(self.files))]
        return self._scans

    @property
    def known_lines(self) -> int | None:
        """How many lines there are, if a first reading was needed anyway."""
        return None if self._scans is None else sum(scan.lines for scan in self._scans)

    def last(self) -> datetime | None:
        """The time of the latest event of all."""
        last = max(scan.last for scan in self.scans())
        return None if last == NO_TIME else last

    def _keep_stdin(self) -> None:
        if STDIN in self.files and (index := self.files.index(STDIN)) not in self._kept:
            self._kept[index] = list(read_lines(STDIN))

    def _lines(self, index: int) -> Iterable[bytes]:
        return self._kept[index] if index in self._kept else read_lines(self.files[index])

    def _timed(self, index: int, in_order: bool) -> Iterable[tuple[datetime, bytes, int]]:
        timed = _with_times(self._lines(index), index)
        return timed if in_order else sorted(timed, key=_by_time)


def _opened(file: Path) -> BinaryIO:
    if file.suffix == ".gz":
        return cast(BinaryIO, gzip.open(file, "rb"))
    return file.open("rb", buffering=1 << 20)


def _by_time(timed: tuple[datetime, bytes, int]) -> datetime:
    return timed[0]


def _with_times(lines: Iterable[bytes], index: int) -> Iterator[tuple[datetime, bytes, int]]:
    time = NO_TIME
    for value in lines:
        time = time_of(value) or time
        yield time, value, index


def _scan(lines: Iterable[bytes]) -> Scan:
    count, previous, last, in_order = 0, NO_TIME, NO_TIME, True
    for time, _, _ in _with_times(lines, 0):
        count += 1
        in_order = in_order and time >= previous
        last = max(last, time)
        previous = time
    return Scan(count, last, in_order)


_OCCURRED_AT = re.compile(rb'("occurred_at"\s*:\s*")(\d{4}-\d\d-\d\d)([Tt ])(\d\d:\d\d:\d\d)')


def shifter(delta: timedelta) -> Callable[[bytes], bytes]:
    """A function that moves a line's `occurred_at` by `delta`, whole seconds, and keeps all other bytes.

    A line whose `occurred_at` is not one stays as it is.
    """

    @lru_cache(maxsize=100_000)
    def moved(day: bytes, time: bytes) -> tuple[bytes, bytes] | None:
        try:
            at = datetime.fromisoformat(f"{day.decode()}T{time.decode()}") + delta
        except (ValueError, OverflowError):
            return None
        shifted = at.isoformat(timespec="seconds").encode()
        return shifted[:10], shifted[11:]

    def replaced(match: re.Match[bytes]) -> bytes:
        lead, day, between, time = match.groups()
        after = moved(day, time)
        return match[0] if after is None else lead + after[0] + between + after[1]

    def shift(value: bytes) -> bytes:
        return _OCCURRED_AT.sub(replaced, value)

    return shift
