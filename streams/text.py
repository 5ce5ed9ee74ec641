"""Arrow strings and compiled kernels: getting the bytes in, and building string columns on the way out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streams.columnar import Array, Bytes
from streams.compiled import Integer, compiled

_NO_BYTES = np.zeros(0, np.uint8)


class Text(NamedTuple):
    """A column of strings: element i is ``data[offsets[i]:offsets[i + 1]]``, UTF-8."""

    offsets: npt.NDArray[np.int32]
    data: Bytes

    @classmethod
    def of(cls, array: pa.StringArray) -> Text:
        """The bytes of an Arrow column, not copied. Nulls read as empty."""
        _, offsets, data = array.buffers()
        return cls(
            np.frombuffer(offsets, np.int32, len(array) + 1, array.offset * 4),
            np.frombuffer(data, np.uint8) if data is not None and data.size else _NO_BYTES,
        )


@compiled
def is_given(text: Text, i: Integer) -> bool:
    """Whether element i is not empty."""
    return bool(text.offsets[i + 1] > text.offsets[i])


@compiled
def is_same(a: Text, b: Text, i: Integer) -> bool:
    """Whether elements i of two columns are the same text."""
    length = a.offsets[i + 1] - a.offsets[i]
    if b.offsets[i + 1] - b.offsets[i] != length:
        return False
    for k in range(length):  # noqa: SIM110 (numba)
        if a.data[a.offsets[i] + k] != b.data[b.offsets[i] + k]:
            return False
    return True


@compiled
def write_text(scratch: Bytes, start: Integer, text: Text, i: Integer) -> Integer:
    """Write element i to `scratch` from `start` on; where it ends."""
    for k in range(text.offsets[i], text.offsets[i + 1]):
        scratch[start] = text.data[k]
        start += 1
    return start


@compiled
def _pieces(
    arena: Bytes, starts: Array, rows: Array, first: bool, offsets: Array, out: Bytes, write: bool
) -> None:
    at = 0
    for i in range(len(rows)):
        offsets[i] = at
        start = starts[rows[i]]
        end = starts[rows[i] + 1]
        cut = start
        while arena[cut] != 0xFF:
            cut += 1
        if first:
            end = cut
        else:
            start = cut + 1
        if write:
            for k in range(start, end):
                out[at + k - start] = arena[k]
        at += end - start
    offsets[len(rows)] = at


def key_column(arena: Bytes, starts: Array, rows: Array, *, first: bool) -> pa.StringArray:
    """One piece of the two-piece keys (see `hashing.join_key`) of `rows`, as an Arrow column."""
    offsets = np.zeros(len(rows) + 1, np.int32)
    _pieces(arena, starts, rows, first, offsets, _NO_BYTES, False)
    data = np.zeros(int(offsets[-1]), np.uint8)
    _pieces(arena, starts, rows, first, offsets, data, True)
    return pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(data))


def words(codes: Array, names: tuple[str, ...]) -> pa.StringArray:
    """A column of small codes as the words that they stand for."""
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(names, pa.string())).cast(
        pa.string()
    )


def moments(ms: Array) -> pa.TimestampArray:
    """A column of milliseconds as Arrow timestamps, UTC."""
    return pa.array(ms, pa.int64()).cast(pa.timestamp("ms", tz="UTC"))
