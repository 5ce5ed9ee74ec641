"""Checkpoints: whole or not at all, whatever is lost in between, and whoever else still writes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from streams.checkpoint import Checkpoints, Item, MemoryBlocks, Restored, Written
from streams.columnar import KeyedTable, StateError, find_or_add

BLOCK = 4
ROW = np.dtype([("value", "i8")])
Values = dict[bytes, int]


class PowerCut(Exception):
    """The process ends here."""


class Store(MemoryBlocks):
    """Keeps what was put, item by item, until the power goes."""

    def __init__(self, data: dict[int, dict[bytes, bytes]] | None = None) -> None:
        super().__init__(data)
        self.left = 1 << 30
        self.put_keys: list[bytes] = []

    async def put(self, partition: int, items: Sequence[Item]) -> None:
        for item in items:
            if not self.left:
                raise PowerCut
            self.left -= 1
            self.put_keys.append(item[0])
            await super().put(partition, [item])


@dataclass
class Owner:
    """A worker that owns the partition: its state, and its checkpoints in a store that outlives it."""

    store: Store
    offset: int = 0
    restored: Restored | None = None
    table: KeyedTable = field(default_factory=lambda: KeyedTable("values", ROW, BLOCK))

    def __post_init__(self) -> None:
        self.checkpoints = Checkpoints(self.store, 0, [self.table])
        self.restored = self.checkpoints.restore()
        if self.restored:
            self.offset = self.restored.next_offset

    def set(self, **values: int) -> None:
        for name, value in values.items():
            key = np.frombuffer(name.encode(), np.uint8)
            self.table.reserve(1, len(key))
            row, _ = find_or_add(self.table.arrays, key, len(key))
            self.table.arrays.rows[row]["value"] = value
            self.table.arrays.dirty[row // BLOCK] = 1
        self.offset += 1

    async def write(self) -> Written:
        return await self.checkpoints.write(
            self.checkpoints.changes(), self.offset, b"as of %d" % self.offset
        )

    async def checkpoint(self) -> Written:
        written = await self.write()
        await self.checkpoints.clean()  # in between, the input was acknowledged
        return written

    @property
    def values(self) -> Values:
        a = self.table.arrays
        return {self.table.key(row): int(a.rows[row]["value"]) for row in range(len(self.table))}


def run(*steps: object) -> None:
    for step in steps:
        asyncio.run(step)  # type: ignore[arg-type]


def many(first: int, count: int, value: int) -> dict[str, int]:
    return {f"k{number}": value for number in range(first, first + count)}


def test_an_empty_store_gives_nothing_to_restore() -> None:
    assert Owner(Store()).restored is None


def test_restore_gives_what_was_written() -> None:
    store = Store()
    owner = Owner(store)
    owner.set(**many(0, 11, 7))
    run(owner.checkpoint())
    after = Owner(store)
    assert after.restored == Restored(1, b"as of 1")
    assert after.values == owner.values == {b"k%d" % n: 7 for n in range(11)}


def test_only_changed_blocks_are_written() -> None:
    owner = Owner(Store())
    owner.set(**many(0, 40, 1))
    written = asyncio.run(owner.checkpoint())
    assert written.blocks == 10
    assert written.bytes > 0
    owner.set(k0=2, k1=2, k39=2)
    assert asyncio.run(owner.checkpoint()).blocks == 2
    assert asyncio.run(owner.checkpoint()).blocks == 0
    assert asyncio.run(Owner(owner.store).checkpoint()).blocks == 0


def history(store: Store, restarts: bool) -> Owner:
    """An owner after some checkpoints, blocks of several former owners among them."""
    owner = Owner(store)
    owner.set(**many(0, 14, 1))
    run(owner.checkpoint())
    for turn in range(2, 5):
        if restarts:
            owner = Owner(store)
        owner.set(**{f"k{turn}": turn, f"k{turn * 3}": turn})
        run(owner.checkpoint())
    return Owner(store) if restarts else owner


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("rounds", [1, 2])
def test_a_crash_after_any_number_of_records_leaves_one_of_the_two_states(
    restarts: bool, rounds: int
) -> None:
    for records in range(100):
        store = Store()
        owner = history(store, restarts)
        for turn in range(rounds - 1):
            owner.set(k1=50 + turn, k5=50 + turn)
            run(owner.checkpoint())
        before, offset = owner.values, owner.offset
        owner.set(k0=90, k6=90, k13=90, **many(14, 3, 90))
        store.left = records
        try:
            run(owner.checkpoint())
        except PowerCut:
            pass
        else:
            assert records > 4, "there was nothing to cut"
            return
        store.left = 1 << 30
        heir = Owner(store)
        assert (heir.offset, heir.values) in [(offset, before), (owner.offset, owner.values)]
        assert heir.restored == Restored(heir.offset, b"as of %d" % heir.offset)
        # And it goes on from there as if nothing had been.
        heir.set(k0=91, k3=91, new=91)
        run(heir.checkpoint())
        assert Owner(store).values == heir.values
    raise AssertionError("the checkpoint never came to its end")


def test_blocks_come_before_the_manifest_and_deletions_only_when_asked_for() -> None:
    store = Store()
    owner = history(store, restarts=True)
    owner.set(**many(0, 14, 8))
    before = set(store.data[0])
    store.put_keys.clear()
    run(owner.write())
    kinds = [key.split(b"/")[0] for key in store.put_keys]
    assert kinds == [b"block"] * 4 + [b"manifest"]
    assert before < set(store.data[0])
    run(owner.checkpoints.clean())
    assert before.isdisjoint(store.data[0])


def test_a_zombie_changes_nothing_for_its_successor() -> None:
    """It wrote blocks, was held up, lost the partition, woke up, and ends its checkpoint."""
    store = Store()
    first = Owner(store)
    first.set(**many(0, 12, 1))
    run(first.checkpoint())
    zombie = Owner(store)  # relies on blocks of the first
    zombie.set(k0=2)
    run(zombie.checkpoint())
    successor = Owner(store)  # relies on blocks of the first and of the zombie
    zombie.set(k0=3, k4=3, k8=3)
    run(zombie.write())  # and its acknowledgement is refused, so it does not clean
    successor.set(k1=4)
    successor.offset = 10
    run(successor.checkpoint())
    assert Owner(store).values == successor.values
    assert Owner(store).values[b"k4"] == 1


def test_a_zombie_that_never_wrote_before_can_not_take_the_place_of_its_successor() -> None:
    """Both began from one checkpoint and know nothing of each other."""
    for _ in range(20):  # what orders two of one number is chance
        store = Store()
        first = Owner(store)
        first.set(**many(0, 12, 1))
        run(first.checkpoint())
        zombie, successor = Owner(store), Owner(store)
        successor.set(k8=4)
        successor.offset = 10
        run(successor.checkpoint())
        zombie.set(k8=3)
        run(zombie.write())  # whole, but not as far
        after = Owner(store)
        assert (after.offset, after.values) == (10, successor.values)


def test_what_a_zombie_wrote_is_used_whole_or_not_at_all() -> None:
    """It is as good as any state of the log: if it came further than its successor, and is whole."""
    store = Store()
    first = Owner(store)
    first.set(**many(0, 12, 1))
    run(first.checkpoint())
    zombie, successor = Owner(store), Owner(store)
    zombie.set(k8=3)
    zombie.offset = 20
    run(zombie.write())
    assert Owner(store).values == zombie.values
    successor.set(k0=4, k4=4)
    run(successor.checkpoint())  # deletes blocks of the first that the zombie relies on
    assert Owner(store).values == successor.values


def test_the_store_does_not_grow_with_the_number_of_checkpoints_or_owners() -> None:
    store = Store()
    owner = Owner(store)
    sizes = []
    for turn in range(60):
        if turn % 7 == 6:
            owner = Owner(store)
        owner.set(**many(turn % 12, 3, turn))
        owner.set(**many(0, 14, turn) if turn % 20 == 0 else {})
        run(owner.checkpoint())
        sizes.append(len(store.data[0]))
    # Four blocks, each under at most two keys of its owner, and the manifest.
    assert max(sizes) <= 4 * 2 + 1
    assert Owner(store).values == owner.values


def test_what_a_crash_left_behind_is_deleted_by_the_next_owner() -> None:
    store = Store()
    owner = history(store, restarts=False)
    owner.set(**many(0, 14, 9))
    store.left = 3
    with pytest.raises(PowerCut):
        run(owner.checkpoint())
    store.left = 1 << 30
    heir = Owner(store)
    heir.set(**many(0, 14, 10))
    run(heir.checkpoint())
    assert len(store.data[0]) == 4 + 1


def test_a_missing_block_stops_the_restore() -> None:
    store = Store()
    run(history(store, restarts=False).checkpoint())
    victim = next(key for key in store.data[0] if key.startswith(b"block/values/1/"))
    while victim:
        del store.data[0][victim]
        victim = next((key for key in store.data[0] if key.startswith(b"block/values/1/")), b"")
    with pytest.raises(StateError, match=r"partition 0: block/values/1/.* missing from its changelog"):
        Owner(store)


def test_partitions_of_one_store_do_not_see_each_other() -> None:
    store = Store()
    run(history(store, restarts=False).checkpoint())
    other = Checkpoints(store, 1, [KeyedTable("values", ROW, BLOCK)])
    assert other.restore() is None


def test_a_damaged_block_is_said_to_be_one() -> None:
    async def scenario() -> None:
        store = MemoryBlocks()
        table = KeyedTable("t", np.dtype([("n", "i8")]), 4)
        checkpoints = Checkpoints(store, 0, [table])
        checkpoints.restore()
        table.reserve(1, 1)
        find_or_add(table.arrays, np.frombuffer(b"k", np.uint8), 1)
        table.arrays.dirty[0] = 1
        await checkpoints.write(checkpoints.changes(), 1, b"")
        [key] = [key for key in store.data[0] if key.startswith(b"block/")]
        store.data[0][key] = store.data[0][key][:-9]
        with pytest.raises(StateError, match="a block of t is damaged"):
            Checkpoints(store, 0, [KeyedTable("t", table.dtype, 4)]).restore()

    asyncio.run(scenario())
