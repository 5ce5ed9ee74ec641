"""Events in the order of time, however many: runs are sorted in memory, kept in files, and merged.

Events of one millisecond keep the order in which their source gave them. A repeat of an event then stands
beside it, so it is found without remembering all ids.
"""

from __future__ import annotations

import heapq
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from streams.importing.contract import Dated

RUN = 100_000
"""Events that are sorted in memory at a time."""
_ID = slice(29, 61)
_REPEATS_COUNT = slice(61, 62)
_LINE = 62


def in_order(
    events: Iterable[Dated],
    *,
    repeated: Callable[[bytes], None] = lambda _: None,
    run: int = RUN,
) -> Iterator[bytes]:
    """The lines by time. A repeat, of the same id at the same time, goes to `repeated` instead.

    Where repeats count (`Dated.repeats_count`) the second, third... gets an id of its own, which is the same
    whenever these events are sorted.
    """
    with ExitStack() as stack:
        runs: list[BinaryIO] = []
        block: list[bytes] = []
        folder: Path | None = None
        for number, event in enumerate(events):
            block.append(_record(number, event))
            if len(block) == run:
                if folder is None:
                    folder = Path(
                        stack.enter_context(tempfile.TemporaryDirectory(prefix="groupbeat-import-"))
                    )
                runs.append(stack.enter_context(_kept(block, folder / str(len(runs)))))
                block = []
        block.sort()
        yield from _without_repeats(heapq.merge(*runs, block), repeated)


def _record(number: int, event: Dated) -> bytes:
    """An event as bytes that sort by time, then by number."""
    head = b"%015d %012d %s%d" % (event.ms, number, event.identity.encode(), event.repeats_count)
    return head + event.line + b"\n"


def _kept(block: list[bytes], file: Path) -> BinaryIO:
    """A sorted run in a file, open to be read from its start."""
    block.sort()
    with file.open("wb") as out:
        out.writelines(block)
    return file.open("rb")


def _without_repeats(records: Iterable[bytes], repeated: Callable[[bytes], None]) -> Iterator[bytes]:
    now = b""
    seen: Counter[bytes] = Counter()
    for record in records:
        if record[:15] != now:
            now = record[:15]
            seen.clear()
        found, line = record[_ID], record[_LINE:-1]
        count = seen[found]
        seen[found] += 1
        if count == 0:
            yield line
        elif record[_REPEATS_COUNT] == b"1":
            another = blake2b(b"%s %d" % (found, count), digest_size=16).hexdigest().encode()
            yield line.replace(found, another, 1)
        else:
            repeated(line)
