"""Our reading of Kafka's record batches against aiokafka's, for every codec."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Sequence

import pytest
from aiokafka.record import MemoryRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from streams.packing import Record
from streams.records import OFFSET, TIMESTAMP, BadRecords, Records, parse

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}

optional_bytes = st.none() | st.binary(max_size=40)
headers = st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=20)), max_size=3)
one = st.tuples(st.integers(0, 2**41), optional_bytes, optional_bytes, headers)
One = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes]]]


def batch(base: int, records: Sequence[One], codec: int = 0, *, log_append_ms: int | None = None) -> bytes:
    """One record batch as a broker would have it at offset `base`."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=codec, is_transactional=0, producer_id=-1, producer_epoch=-1,
        base_sequence=-1, batch_size=1 << 20,
    )  # fmt: skip
    for number, (timestamp, key, value, found) in enumerate(records):
        builder.append(number, timestamp=timestamp, key=key, value=value, headers=found)
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, base)
    if log_append_ms is not None:
        (attributes,) = struct.unpack_from(">h", raw, 21)
        struct.pack_into(">h", raw, 21, attributes | 0x08)
        struct.pack_into(">q", raw, 35, log_append_ms)
    return bytes(raw)


def by_aiokafka(raw: bytes) -> list[Record]:
    found, records = [], MemoryRecords(raw)
    while records.has_next():
        for r in records.next_batch():
            found.append(Record(r.offset, r.timestamp, r.value, r.key, tuple(r.headers)))
    return found


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@given(records=st.lists(one, min_size=1, max_size=12))
def test_as_aiokafka_reads_them(codec: int, records: list[One]) -> None:
    raw = batch(0, records, codec) + batch(len(records), records, codec, log_append_ms=1234567)
    found = parse(raw, 0)
    assert list(found) == by_aiokafka(raw) == [found[i] for i in range(len(found))]
    assert (found.start, found.end, len(found)) == (0, 2 * len(records), 2 * len(records))
    assert found.values() == [r.value for r in found]
    assert found.column(OFFSET).tolist() == [r.offset for r in found]
    assert found.column(TIMESTAMP).tolist() == [r.timestamp for r in found]
    assert found.have_headers() == any(r.headers for r in found)


def plain(count: int) -> list[One]:
    return [(number, None, b"v%d" % number, []) for number in range(count)]


def test_what_is_before_the_asked_offset_and_half_a_batch_are_left_out() -> None:
    raw = batch(0, plain(5)) + batch(5, plain(5)) + batch(10, plain(5))[:-1]
    found = parse(raw, 3)
    assert found.column(OFFSET).tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert (found.start, found.end) == (3, 10)


def test_markers_of_transactions_are_skipped_but_their_offsets_are_passed() -> None:
    marker = bytearray(batch(5, plain(1)))
    struct.pack_into(">h", marker, 21, 0x20)
    found = parse(batch(0, plain(5)) + bytes(marker), 0)
    assert (len(found), found.end) == (5, 6)
    alone = parse(bytes(marker), 5)
    assert (len(alone), alone.start, alone.end) == (0, 5, 6)


def test_since_leaves_out_what_was_absorbed() -> None:
    found = parse(batch(0, plain(5)) + batch(5, plain(5)), 0)
    assert found.since(7).values() == [b"v2", b"v3", b"v4"]
    assert (found.since(7).start, found.since(7).end) == (7, 10)
    assert len(found.since(10)) == 0
    assert found.since(0) is found
    loose = Records.of(list(found))
    assert loose.since(7).values() == found.since(7).values()


def test_slices_are_records_again() -> None:
    found = parse(batch(0, plain(5)), 0)
    assert found[1:3].values() == [b"v1", b"v2"]
    assert found[-1].value == b"v4"
    assert len(found[5:]) == 0


def test_old_formats_and_broken_payloads_are_said() -> None:
    old = bytearray(batch(0, plain(1)))
    old[16] = 1
    with pytest.raises(BadRecords, match="magic 1"):
        parse(bytes(old), 0)
    short = bytearray(batch(0, plain(2)))
    struct.pack_into(">i", short, 57, 9)
    with pytest.raises(BadRecords, match="9 records"):
        parse(bytes(short), 0)
    unknown = bytearray(batch(0, plain(1)))
    struct.pack_into(">h", unknown, 21, 7)
    with pytest.raises(BadRecords, match="codec, 7"):
        parse(bytes(unknown), 0)


@given(raw=st.binary(max_size=200), start=st.integers(0, 100))
def test_garbage_never_reads_beyond_its_end(raw: bytes, start: int) -> None:
    head = bytearray(batch(0, plain(1)))
    struct.pack_into(">i", head, 8, 49 + len(raw))
    with contextlib.suppress(BadRecords):
        parse(bytes(head[:61]) + raw, start)


def test_pieces_cover_everything_in_order() -> None:
    found = parse(batch(0, plain(5)) + batch(5, plain(3)) + batch(8, plain(4)), 2)
    pieces = list(found.pieces(5))
    assert [(p.start, p.end, len(p)) for p in pieces] == [(2, 5, 3), (5, 8, 3), (8, 12, 4)]
    assert [r for p in pieces for r in p] == list(found)
    [whole] = found.pieces(100)
    assert (whole.start, whole.end, list(whole)) == (2, 12, list(found))
