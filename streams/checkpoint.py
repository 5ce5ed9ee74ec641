"""Checkpoints: blocks of state and a manifest in a compacted log, whole or not at all.

A block alternates between two keys, so the copy that the last manifest names is never overwritten; the
manifest goes out after every block is durable. A crash in between leaves the checkpoint before it whole.

Keys carry the *incarnation* of their writer: each restore of a partition begins a new one. A worker that
stalled, lost its partitions and woke up again writes under its own, older incarnation and so can't touch what
its successor relies on. Restoring takes the manifest of the newest incarnation.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from streams.columnar import StateError, StateTable
from streams.crashpoints import crash_point

Item = tuple[bytes, bytes | None]
"""A key and its value; None deletes it."""


class BlockStore(Protocol):
    """A compacted log of keys and values per partition (over Kafka: the changelog of a Faust table)."""

    async def put(self, partition: int, items: Sequence[Item]) -> None:
        """Write; durable on return."""
        ...

    def take(self, partition: int) -> dict[bytes, bytes]:
        """What recovery found in a partition; handed out once and then forgotten."""
        ...


class _Blocks(msgspec.Struct):
    """Where the live blocks of one table are: block ``first + i`` under ``places[i]``."""

    first: int
    places: list[int]  # index of the incarnation * 2 + slot


class _Manifest(msgspec.Struct):
    incarnations: list[str]  # the writer's own first
    sequence: int
    next_offset: int
    meta: bytes
    tables: dict[str, _Blocks]


@dataclass(frozen=True)
class Restored:
    """What a checkpoint said: from which input offset to go on, and the stage's own few figures."""

    next_offset: int
    meta: bytes


@dataclass(frozen=True)
class Written:
    """What a checkpoint cost."""

    blocks: int
    bytes: int
    seconds: float


class Checkpoints:
    """The checkpoints of one partition of one stage."""

    def __init__(self, store: BlockStore, partition: int, tables: Sequence[StateTable]) -> None:
        self.store = store
        self.partition = partition
        self.tables = tables
        self._incarnations: list[str] = []
        self._sequence = 0
        self._places: dict[str, dict[int, int]] = {table.name: {} for table in tables}
        self._stale: list[bytes] = []

    def restore(self) -> Restored | None:
        """Load the newest whole checkpoint into the (empty) tables; None when there is none.

        Raises `StateError` when a block that the manifest names is missing or of another version.
        """
        found = self.store.take(self.partition)
        manifests = {key: value for key, value in found.items() if key.startswith(b"manifest/")}
        newest = max(manifests, default=None)
        number = 1 + (int(newest.split(b"/")[1].split(b"-")[0], 16) if newest else 0)
        own = f"{number:08x}-{os.urandom(4).hex()}"
        if newest is None:
            self._incarnations = [own]
            self._stale = sorted(found)
            return None
        manifest = msgspec.msgpack.decode(manifests[newest], type=_Manifest)
        used = {newest}
        for table in self.tables:
            blocks: dict[int, bytes] = {}
            at = manifest.tables[table.name]
            for block, place in enumerate(at.places, at.first):
                key = _block_key(table.name, block, manifest.incarnations[place // 2], place % 2)
                if key not in found:
                    raise StateError(
                        f"partition {self.partition}: block {key.decode()} of the last checkpoint is "
                        "missing from its changelog topic: was the topic's cleanup policy changed?"
                    )
                used.add(key)
                blocks[block] = found[key]
                self._places[table.name][block] = place + 2
            table.load(blocks)
        self._incarnations = [own, *manifest.incarnations]
        self._sequence = manifest.sequence
        self._stale = [*sorted(found.keys() - used), newest]
        return Restored(manifest.next_offset, manifest.meta)

    async def write(self, next_offset: int, meta: bytes) -> Written:
        """Write what changed: every block durable, then the manifest. The caller has sent its rows before."""
        began = time.monotonic()
        items: list[Item] = []
        replaced: list[bytes] = []
        for table in self.tables:
            places = self._places[table.name]
            live = table.live_blocks()
            for gone in [block for block in places if block not in live]:
                replaced.append(self._key(table.name, gone, places.pop(gone)))
            for block in table.changed_blocks():
                old = places.get(block)
                if old is not None and old >= 2:
                    replaced.append(self._key(table.name, block, old))
                places[block] = new = 1 if old == 0 else 0
                items.append((self._key(table.name, block, new), table.encode_block(block)))
            table.mark_clean()
        size = sum(len(value) for _, value in items if value)
        await self.store.put(self.partition, items)
        crash_point("checkpoint.blocks")
        self._drop_unused_incarnations()
        self._sequence += 1
        manifest = _Manifest(self._incarnations, self._sequence, next_offset, meta, self._whereabouts())
        value = msgspec.msgpack.encode(manifest)
        key = f"manifest/{self._incarnations[0]}".encode()
        await self.store.put(self.partition, [(key, value)])
        crash_point("checkpoint.manifest")
        deletions: list[Item] = [(key, None) for key in (*self._stale, *replaced)]
        self._stale = []
        if deletions:
            await self.store.put(self.partition, deletions)
        return Written(len(items), size + len(value), time.monotonic() - began)

    def _key(self, table: str, block: int, place: int) -> bytes:
        return _block_key(table, block, self._incarnations[place // 2], place % 2)

    def _whereabouts(self) -> dict[str, _Blocks]:
        result = {}
        for name, places in self._places.items():
            first = min(places, default=0)
            result[name] = _Blocks(first, [places[first + i] for i in range(len(places))])
        return result

    def _drop_unused_incarnations(self) -> None:
        """Forget former writers of whom no block is left."""
        used = {0} | {place // 2 for places in self._places.values() for place in places.values()}
        if len(used) == len(self._incarnations):
            return
        kept = sorted(used)
        number = {old: new for new, old in enumerate(kept)}
        self._incarnations = [self._incarnations[i] for i in kept]
        for places in self._places.values():
            for block, place in places.items():
                places[block] = number[place // 2] * 2 + place % 2


def _block_key(table: str, block: int, incarnation: str, slot: int) -> bytes:
    return f"block/{table}/{block}/{incarnation}/{slot}".encode()


class MemoryBlocks:
    """A `BlockStore` in memory, for the in-process log. `data` outlives the stages that write it."""

    def __init__(self, data: dict[int, dict[bytes, bytes]] | None = None) -> None:
        self.data: dict[int, dict[bytes, bytes]] = {} if data is None else data

    async def put(self, partition: int, items: Sequence[Item]) -> None:
        """See `BlockStore`."""
        kept = self.data.setdefault(partition, {})
        for key, value in items:
            if value is None:
                kept.pop(key, None)
            else:
                kept[key] = value

    def take(self, partition: int) -> dict[bytes, bytes]:
        """See `BlockStore`; memory may be read again."""
        return dict(self.data.get(partition, {}))
