"""The compiled hash is MurmurHash3, byte for byte."""

from __future__ import annotations

import mmh3
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streams.hashing import join_key, murmur3_128


def ours(data: bytes) -> tuple[int, int]:
    h1, h2 = murmur3_128(np.frombuffer(data + b"more that is not looked at", np.uint8), len(data))
    return int(h1), int(h2)


@given(st.binary(max_size=200))
def test_equals_the_reference(data: bytes) -> None:
    assert ours(data) == mmh3.hash64(data, 0, True, signed=False)


def test_equals_the_reference_at_every_length_of_a_tail() -> None:
    for length in range(70):
        data = bytes((7 * i + 200) % 256 for i in range(length))
        assert ours(data) == mmh3.hash64(data, 0, True, signed=False), length


def joined(first: str, second: str) -> bytes:
    one, two = first.encode(), second.encode()
    data1, data2 = np.frombuffer(b"_" + one, np.uint8), np.frombuffer(b"__" + two, np.uint8)
    scratch = np.zeros(1000, np.uint8)
    length = join_key(scratch, data1, 1, 1 + len(one), data2, 2, 2 + len(two))
    return scratch[:length].tobytes()


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_joined_key_can_be_cut_in_one_place_only(first: str, second: str) -> None:
    assert joined(first, second).split(b"\xff") == [first.encode(), second.encode()]
