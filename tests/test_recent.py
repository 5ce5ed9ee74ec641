"""The memory of recent event ids is a dict with expiry that can be saved at any point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.columnar import StateError
from streams.intake.recent import BLOCK_ROWS, RecentIds, remember, seen_within

WINDOW = 100
Blocks = dict[int, bytes]


def accept(recent: RecentIds, key: bytes, now: int) -> bool:
    """Whether it was new; then it is remembered."""
    recent.reserve(1, now - WINDOW)
    data = np.frombuffer(key, np.uint8)
    seen, slot = seen_within(recent.arrays, data, len(key), now, WINDOW)
    if not seen:
        remember(recent.arrays, data, len(key), now, slot)
    return not seen


def save(recent: RecentIds, into: Blocks) -> None:
    """What a checkpoint does."""
    for block in recent.changed_blocks():
        into[block] = recent.encode_block(block)
    recent.mark_clean()
    live = recent.live_blocks()
    for gone in [block for block in into if block not in live]:
        del into[gone]


def restored(blocks: Blocks) -> RecentIds:
    recent = RecentIds()
    recent.load(blocks)
    return recent


STEPS = st.one_of(
    st.tuples(st.just("id"), st.integers(0, 30), st.integers(0, 20)),
    st.tuples(st.just("many"), st.integers(100, 3000), st.integers(0, 60)),
    st.tuples(st.sampled_from(["save", "restart"]), st.just(0), st.just(0)),
)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=60))
def test_equals_a_dict_with_expiry_saved_and_restored_at_any_point(steps: list[tuple[str, int, int]]) -> None:
    recent, blocks = RecentIds(), Blocks()
    model: dict[bytes, int] = {}
    saved_model: dict[bytes, int] = {}
    now = saved_now = number = 0

    def both(key: bytes) -> None:
        fresh = key not in model or now - model[key] > WINDOW
        assert accept(recent, key, now) == fresh
        if fresh:
            model[key] = now

    for what, which, more in steps:
        now += more
        if what == "id":
            both(b"id %d" % which)
        elif what == "many":
            for _ in range(which):
                number += 1
                both(b"one of many %d" % number)
        elif what == "save":
            save(recent, blocks)
            saved_model, saved_now = dict(model), now
        else:
            recent, model, now = restored(blocks), dict(saved_model), saved_now
    for key in list(model)[-50:]:
        both(key)


def test_what_has_expired_is_freed_and_its_blocks_are_dropped() -> None:
    recent, blocks = RecentIds(), Blocks()
    for now in range(20 * BLOCK_ROWS):
        assert accept(recent, b"%d" % now, now // 100)
        if now % BLOCK_ROWS == 0:
            save(recent, blocks)
    # A window holds 10,000 of the 41,000: the rest goes when room is needed.
    assert len(recent) < 10_000 + 10_000 + 2 * BLOCK_ROWS
    assert min(blocks) > 0
    assert sorted(blocks) == list(range(min(blocks), min(blocks) + len(blocks)))
    save(recent, blocks)
    after = restored(blocks)
    assert after.arrays.entries[: len(after)].tolist() == recent.arrays.entries[: len(recent)].tolist()


def test_a_full_block_is_written_once() -> None:
    recent = RecentIds()
    for number in range(2 * BLOCK_ROWS + 5):
        accept(recent, b"%d" % number, 0)
    assert recent.changed_blocks() == [0, 1, 2]
    recent.mark_clean()
    assert recent.changed_blocks() == []
    accept(recent, b"another", 0)
    assert recent.changed_blocks() == [2]


def test_a_repeat_does_not_renew_the_window() -> None:
    recent = RecentIds()
    assert accept(recent, b"a", 0)
    assert not accept(recent, b"a", WINDOW)
    assert accept(recent, b"a", WINDOW + 1)
    assert not accept(recent, b"a", 2 * WINDOW + 1)


def saved_blocks() -> Blocks:
    recent, blocks = RecentIds(), Blocks()
    for number in range(3 * BLOCK_ROWS):
        accept(recent, b"%d" % number, 0)
    save(recent, blocks)
    return blocks


def test_a_missing_block_is_an_error() -> None:
    blocks = saved_blocks()
    del blocks[1]
    with pytest.raises(StateError, match="recent_ids: block 1 is missing"):
        restored(blocks)


def test_a_block_of_another_version_is_an_error() -> None:
    blocks = saved_blocks()
    blocks[2] = b"\x09" + blocks[2][1:]
    with pytest.raises(StateError, match="recent_ids: block 2 was written by another version"):
        restored(blocks)
