"""A reducer that writes down what it is given: what a log does is seen through the harness itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from streams.checkpoint import BlockStore, Item
from streams.columnar import StateTable
from streams.flow import Context, Stage
from streams.packing import Message, Record, Rows
from streams.stage import Output, Receipt


class Drawer:
    """A table of state whose blocks the test sets: `contents` is what there is, by block."""

    name = "drawer"

    def __init__(self) -> None:
        self.contents: list[bytes] = []
        self.changed: set[int] = set()

    def set(self, block: int, value: bytes) -> None:
        self.contents[block : block + 1] = [value]
        self.changed.add(block)

    def live_blocks(self) -> range:
        return range(len(self.contents))

    def changed_blocks(self) -> list[int]:
        return sorted(self.changed)

    def mark_clean(self) -> None:
        self.changed.clear()

    def encode_block(self, block: int) -> bytes:
        return self.contents[block]

    def load(self, blocks: Mapping[int, bytes]) -> None:
        self.contents = [blocks[number] for number in range(len(blocks))]


class Recorder:
    """One input partition. Its state is `drawer`; `records` is what it absorbed, or what was read again."""

    def __init__(self) -> None:
        self.drawer = Drawer()
        self.tables: Sequence[StateTable] = (self.drawer,)
        self.receipt = Receipt()
        self.clock_ms = -1
        self.records: list[Record] = []
        self.restored: bytes | None = None
        self.caught_up = False

    @property
    def values(self) -> list[bytes | None]:
        return [record.value for record in self.records]

    held = 0
    held_from = None

    def absorb(self, records: Sequence[Record]) -> Output:
        self.records += records
        return Output()

    def snapshots(self, version: int) -> list[Rows]:
        return []

    def tick(self, now_ms: int, *, caught_up: bool) -> list[Message]:
        self.caught_up = caught_up
        return []

    def meta(self) -> bytes:
        return b"after %d" % len(self.records)

    def restore_meta(self, meta: bytes) -> None:
        self.restored = meta


class Recorders:
    """Makes the stage, and keeps the newest recorder of each partition."""

    def __init__(self) -> None:
        self.made: dict[int, list[Recorder]] = defaultdict(list)
        # With the name and the input of a real stage, so that the topics it needs are there.
        self.stage = Stage("intake", "events", self._make)

    def _make(self, context: Context, partition: int) -> Recorder:
        self.made[partition].append(Recorder())
        return self.made[partition][-1]

    def __getitem__(self, partition: int) -> Recorder:
        return self.made[partition][-1]


class SeenBlocks:
    """A block store that also shows what recovery found."""

    def __init__(self, inner: BlockStore) -> None:
        self.inner = inner
        self.taken: dict[int, dict[bytes, bytes]] = {}

    async def put(self, partition: int, items: Sequence[Item]) -> None:
        await self.inner.put(partition, items)

    def take(self, partition: int) -> dict[bytes, bytes]:
        self.taken[partition] = self.inner.take(partition)
        return self.taken[partition]
