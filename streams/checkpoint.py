"""Checkpoints: blocks of state and a manifest in a compacted log, whole or not at all.

A block alternates between two keys, so the copy that the last manifest names is never overwritten; the
manifest goes out after every block is durable. A crash in between leaves the checkpoint before it whole.

Keys carry the *incarnation* of their writer: each restore of a partition begins a new one. A worker that
stalled, lost its partitions and woke up again writes under its own incarnation, and deletes what its manifest
no longer names only when its acknowledgement was accepted, so only while it is the owner. So it can't touch
what its successor relies on. Restoring takes the manifest that came furthest and is whole: state is a
function of the log, so any whole one is right.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import lz4.frame
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

    def places(self, table: str) -> dict[int, int]:
        """The place of each live block of a table."""
        at = self.tables[table]
        return dict(enumerate(at.places, at.first))

    def key(self, table: str, block: int) -> bytes:
        """The key of a live block."""
        at = self.tables[table]
        place = at.places[block - at.first]
        return _block_key(table, block, self.incarnations[place // 2], place % 2)

    def block_keys(self) -> set[bytes]:
        """The keys of all live blocks."""
        return {self.key(table, block) for table in self.tables for block in self.places(table)}


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


@dataclass(frozen=True)
class Changes:
    """Blocks that changed, packed, and when (monotonic) that was begun."""

    items: Sequence[Item]
    began: float


class Checkpoints:
    """The checkpoints of one partition of one stage."""

    def __init__(self, store: BlockStore, partition: int, tables: Sequence[StateTable]) -> None:
        self.store = store
        self.partition = partition
        self.tables = tables
        self._incarnations: list[str] = []
        self._sequence = 0
        self._places: dict[str, dict[int, int]] = {table.name: {} for table in tables}
        self._unused: set[bytes] = set()

    def restore(self) -> Restored | None:
        """Load the furthest whole checkpoint into the (empty) tables; None when there is none.

        Raises `StateError` when none is whole, or a block is of another version.
        """
        found = self.store.take(self.partition)
        manifests = {
            key: msgspec.msgpack.decode(value, type=_Manifest)
            for key, value in found.items()
            if key.startswith(b"manifest/")
        }
        number = 1 + max((int(key.split(b"/")[1].split(b"-")[0], 16) for key in manifests), default=0)
        own = f"{number:08x}-{os.urandom(4).hex()}"
        self._unused = set(found)
        if not manifests:
            self._incarnations = [own]
            return None
        order = sorted(manifests.values(), key=lambda m: (m.next_offset, m.incarnations[0]), reverse=True)
        manifest = next((one for one in order if found.keys() >= one.block_keys()), None)
        if manifest is None:
            missing = min(order[0].block_keys() - found.keys()).decode()
            raise StateError(
                f"partition {self.partition}: {missing} of the last checkpoint is missing from its changelog "
                "topic: was the topic's cleanup policy changed?"
            )
        for table in self.tables:
            self._places[table.name] = {b: place + 2 for b, place in manifest.places(table.name).items()}
            blocks = {b: found[manifest.key(table.name, b)] for b in self._places[table.name]}
            try:
                table.load({b: lz4.frame.decompress(value) for b, value in blocks.items()})
            except StateError:
                raise
            except (RuntimeError, ValueError, struct.error) as error:
                text = f"partition {self.partition}: a block of {table.name} is damaged: {error}"
                raise StateError(text) from error
        self._unused = found.keys() - manifest.block_keys()
        self._incarnations = [own, *manifest.incarnations]
        self._sequence = manifest.sequence
        return Restored(manifest.next_offset, manifest.meta)

    def changes(self) -> Changes:
        """What changed since the last call, packed for `write`, which only waits for the store."""
        began = time.monotonic()
        items: list[Item] = []
        for table in self.tables:
            places = self._places[table.name]
            live = table.live_blocks()
            for gone in [block for block in places if block not in live]:
                self._unused.add(self._key(table.name, gone, places.pop(gone)))
            for block in table.changed_blocks():
                old = places.get(block)
                if old is not None and old >= 2:
                    self._unused.add(self._key(table.name, block, old))
                places[block] = new = 1 if old == 0 else 0
                items.append((self._key(table.name, block, new), _compressed(table.encode_block(block))))
            table.mark_clean()
        return Changes(items, began)

    async def write(self, changes: Changes, next_offset: int, meta: bytes) -> Written:
        """Write what changed: every block durable, then the manifest. The caller has sent its rows before.

        Then `clean`, once the checkpoint was acknowledged.
        """
        items = changes.items
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
        self._unused -= {key, *(key for key, _ in items)}
        return Written(len(items), size + len(value), time.monotonic() - changes.began)

    async def clean(self) -> None:
        """Delete what the last manifest does not name. Only its owner may: a successor may rely on it."""
        if self._unused:
            await self.store.put(self.partition, [(key, None) for key in sorted(self._unused)])
            self._unused = set()

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


def _compressed(block: bytes) -> bytes:
    compressed: bytes = lz4.frame.compress(block, compression_level=0)
    return compressed


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
