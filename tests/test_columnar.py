"""A keyed table is a dict that can be saved in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.columnar import KeyedTable, StateError, find_or_add, fingerprint, touch

ROW = np.dtype([("value", "i8"), ("flag", "u1")])
BLOCK = 4


def table(dtype: np.dtype[Any] = ROW, block_rows: int = BLOCK) -> KeyedTable:
    return KeyedTable("people", dtype, block_rows, flushed=True)


def add(to: KeyedTable, key: bytes, value: int | None = None) -> tuple[int, bool]:
    to.reserve(1, len(key))
    row, new = find_or_add(to.arrays, np.frombuffer(key + b"!", np.uint8), len(key))
    if value is not None:
        to.arrays.rows[row]["value"] = value
        touch(to.arrays, row, to.block_rows)
    return int(row), bool(new)


def contents(of: KeyedTable) -> dict[bytes, int]:
    return {of.key(row): int(of.arrays.rows[row]["value"]) for row in range(len(of))}


def saved(of: KeyedTable) -> dict[int, bytes]:
    return {block: of.encode_block(block) for block in of.live_blocks()}


KEYS = st.one_of(st.binary(max_size=3), st.binary(max_size=40))


@given(st.lists(KEYS, max_size=300))
def test_finds_what_a_dict_finds(keys: list[bytes]) -> None:
    model: dict[bytes, int] = {}
    found = table()
    for key in keys:
        row, new = add(found, key)
        assert new == (key not in model)
        assert row == model.setdefault(key, len(model))
    assert [found.key(row) for row in range(len(found))] == list(model)


def test_grows_by_many_rows_and_keeps_what_it_has() -> None:
    grown = table(block_rows=256)
    for number in range(20_000):
        assert add(grown, b"person %d" % number, number) == (number, True)
    assert len(grown.arrays.slots) * 2 >= len(grown) * 3
    for number in range(0, 20_000, 37):
        assert add(grown, b"person %d" % number) == (number, False)
    assert contents(grown) == {b"person %d" % n: n for n in range(20_000)}
    add(grown, b"person 0", 0)
    assert grown.take_touched().tolist() == list(range(20_000))


@settings(max_examples=50)
@given(st.dictionaries(KEYS, st.integers(-(2**63), 2**63 - 1), max_size=40))
def test_blocks_give_the_table_back(values: dict[bytes, int]) -> None:
    before = table()
    for key, value in values.items():
        add(before, key, value)
    after = table()
    after.load(saved(before))
    assert contents(after) == values
    assert saved(after) == saved(before)
    assert after.changed_blocks() == []
    assert len(after.take_touched()) == 0
    for key in values:
        assert not add(after, key)[1]


def test_only_changed_blocks_are_named() -> None:
    changing = table()
    for number in range(10):
        add(changing, b"%d" % number, number)
    assert list(changing.live_blocks()) == changing.changed_blocks() == [0, 1, 2]
    changing.mark_clean()
    assert changing.changed_blocks() == []
    add(changing, b"5", 50)
    assert changing.changed_blocks() == [1]
    add(changing, b"new", 1)
    assert changing.changed_blocks() == [1, 2]


def test_each_touched_row_is_taken_once_in_the_order_of_its_first_change() -> None:
    touched = table()
    for number in range(5):
        add(touched, b"%d" % number)
    for key in (b"3", b"1", b"3", b"4"):
        add(touched, key, 1)
    assert touched.take_touched().tolist() == [3, 1, 4]
    assert touched.take_touched().tolist() == []
    add(touched, b"1", 2)
    assert touched.take_touched().tolist() == [1]


def nine() -> dict[int, bytes]:
    full = table()
    for number in range(9):
        add(full, b"%d" % number, number)
    return saved(full)


def test_a_missing_block_is_an_error() -> None:
    blocks = nine()
    blocks[7] = blocks.pop(1)
    with pytest.raises(StateError, match="people: block 1 of 3 is missing"):
        table().load(blocks)


def test_a_block_of_another_version_is_an_error() -> None:
    blocks = nine()
    blocks[2] = b"\x63\x00" + blocks[2][2:]
    with pytest.raises(StateError, match="people: block 2 was written by another version"):
        table().load(blocks)


@pytest.mark.parametrize(
    "other",
    [
        np.dtype([("value", "i8"), ("flag", "i1")]),
        np.dtype([("flag", "u1"), ("value", "i8")]),
        np.dtype([("value", "i8"), ("flag2", "u1")]),
        np.dtype([("value", "i8"), ("flag", "u1"), ("more", "u1")]),
    ],
)
def test_a_block_of_another_row_is_an_error(other: np.dtype[Any]) -> None:
    assert fingerprint(other) != fingerprint(ROW)
    with pytest.raises(StateError, match="block 0 was written by another version"):
        table(other).load(nine())


def test_no_blocks_are_an_empty_table() -> None:
    empty = table()
    empty.load({})
    assert len(empty) == 0
    assert add(empty, b"first") == (0, True)
