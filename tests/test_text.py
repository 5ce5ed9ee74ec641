"""Between Arrow's columns and the kernels' bytes."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from streams.packing import pack_batch, unpack_batch
from streams.text import Text, key_column, moments, words


def read(text: Text) -> list[str]:
    pieces = zip(text.offsets, text.offsets[1:], strict=False)
    return [text.data[start:end].tobytes().decode() for start, end in pieces]


@given(st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=20), st.data())
def test_a_column_reads_as_its_strings_sliced_or_not(values: list[str | None], data: st.DataObject) -> None:
    column = pa.array(values, pa.string())
    wanted = [value or "" for value in values]
    assert read(Text.of(column)) == wanted
    start = data.draw(st.integers(0, len(values)))
    assert read(Text.of(column[start:])) == wanted[start:]
    packed = unpack_batch(pack_batch(pa.RecordBatch.from_arrays([column], ["text"])[start:]))
    assert read(Text.of(packed["text"])) == wanted[start:]


@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), min_size=1, max_size=12), st.data())
def test_keys_of_two_pieces_come_back_as_two_columns(
    keys: list[tuple[str, str]], data: st.DataObject
) -> None:
    joined = [f"{a}".encode() + b"\xff" + f"{b}".encode() for a, b in keys]
    arena = np.frombuffer(b"".join(joined), np.uint8)
    starts = np.cumsum([0, *map(len, joined)])
    rows = data.draw(st.lists(st.integers(0, len(keys) - 1), max_size=20))
    taken = np.array(rows, np.int32)
    first = key_column(arena, starts, taken, first=True)
    second = key_column(arena, starts, taken, first=False)
    first.validate(full=True)
    assert list(zip(first.to_pylist(), second.to_pylist(), strict=True)) == [keys[row] for row in rows]


def test_codes_become_words() -> None:
    assert words(np.array([2, 0, 1, 2], np.uint8), ("", "new", "lost")).to_pylist() == [
        "lost",
        "",
        "new",
        "lost",
    ]


def test_milliseconds_become_moments() -> None:
    column = moments(np.array([0, 1_704_067_200_123], np.int64))
    assert column.type == pa.timestamp("ms", tz="UTC")
    assert column.to_pylist() == [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC),
    ]
