"""Packed messages: what goes in comes out, and what is not one of ours says so."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.packing import PackingError, Rows, Stamp, checked_headers, pack_batch, unpack_batch

BATCH = pa.RecordBatch.from_pydict({"user_id": ["ann", "zoë", None], "n": [1, 2, 3]})
NUMBERS = st.integers(-1, 2**62)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans())
def test_a_stamp_comes_back_from_its_headers(
    source: int, sources: int, offset: int, clock: int, idle: bool
) -> None:
    stamp = Stamp(source, sources, offset, clock, idle)
    assert Stamp.of(checked_headers(stamp.headers())) == stamp


def test_rows_come_back_from_their_message() -> None:
    message = Rows("users", "users/3", BATCH).pack("rows", 5)
    assert (message.topic, message.partition, message.key) == ("rows", 5, None)
    assert message.value is not None
    back = Rows.unpack(message.value, message.headers)
    assert (back.table, back.partition) == ("users", "users/3")
    assert back.batch.equals(BATCH)


def test_a_slice_is_packed_without_the_rest() -> None:
    long = pa.RecordBatch.from_pydict({"text": ["x" * 1000] * 1000})
    assert len(pack_batch(long[3:5])) < 5000
    assert unpack_batch(pack_batch(long[3:5])).num_rows == 2


@pytest.mark.parametrize("version", [None, b"0", b"1", b"3", b""])
def test_another_version_is_refused_by_name(version: bytes | None) -> None:
    headers = [("table", b"users")] + ([("version", version)] if version is not None else [])
    with pytest.raises(PackingError, match=f"version {version!r}.*reads b'2'"):
        checked_headers(headers)


NOT_ARROW = {"empty": b"", "json": b"{}", "cut": pack_batch(BATCH)[:40], "noise": b"\xff" * 100}


@pytest.mark.parametrize("value", NOT_ARROW.values(), ids=NOT_ARROW)
def test_what_is_no_arrow_stream_is_refused(value: bytes) -> None:
    with pytest.raises(PackingError, match="not an Arrow stream"):
        unpack_batch(value)
