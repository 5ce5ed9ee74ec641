"""Trees of shares, inside the stage chains: shares a second a core, bytes a node, and what packing costs.

No broker: what is measured is a stage of one partition, from packed messages to rows and checkpoint blocks.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from schemas.actions import BY_CONTENT, SHARE
from schemas.rules import DAY_MS, Rules
from streams.chains.cold import unpack
from streams.chains.stage import Chains
from streams.checkpoint import Checkpoints, MemoryBlocks
from streams.packing import Record, Stamp, pack_batch
from streams.records import Records

START_MS = 1_772_000_000_000
STEP_MS = 50
MESSAGE = 2_000
"""Shares of one message."""
SOURCES = 4
FLUSH_EVERY = 100_000
"""Shares between two flushes and checkpoints: what a stage that is behind takes in meanwhile."""
DEEPEST = 60
HUB = 100_000
"""Children of the largest share."""
DEEP_CHAIN = 50_000


class Share(NamedTuple):
    """One share, by numbers; parent -1: none."""

    content: int
    number: int
    parent: int


@dataclass(frozen=True)
class Spread:
    """What was measured; seconds of CPU, bytes."""

    absorb_per_second: float
    per_second: float
    most_children: int
    deepest: int
    bytes_a_node: float
    checkpoint_bytes_a_node: float
    pack_us_a_node: float
    packed_bytes_a_node: float
    unpack_us_a_node: float
    deep_chain_s: float
    one_content_per_second: float


def measure(shares: int, contents: int) -> Spread:
    """`shares` over `contents` of real shapes; then a chain 50,000 deep, and all shares in one content."""
    warm_up()
    chains, absorbed, flushed, written = _run(trees(shares, contents))
    state = chains.state
    taken = sum(
        array.nbytes
        for table in state
        for array in table.arrays
        if table.name in ("contents", "nodes", "people", "levels")
    )
    nodes = state.nodes.arrays.rows[: len(state.nodes)]
    most_children, deepest = int(nodes["children"].max()), int(nodes["depth"].max())
    packing, unpacking, packed = _pack_all(chains)
    deep = _run(Share(0, number, number - 1) for number in range(DEEP_CHAIN))
    one = _run(Share(0, number, parent) for _, number, parent in _tree(0, shares, random.Random(3), HUB))
    return Spread(
        shares / absorbed, shares / (absorbed + flushed), most_children, deepest, taken / shares,
        written / shares, packing / shares * 1e6, packed / shares, unpacking / shares * 1e6,
        deep[1], shares / (one[1] + one[2]),
    )  # fmt: skip


def warm_up() -> None:
    """Every kernel is compiled or loaded."""
    _pack_all(_run(trees(5_000, 20))[0])


def trees(shares: int, contents: int) -> Iterator[Share]:
    """Shares of many contents, mixed in time. Few contents have most of them; one has a hub."""
    rng = random.Random(2)
    with_hub = min(2 * HUB, shares // 2)
    weights = [1 / (rank + 1) for rank in range(contents - 1)]
    rest = [max(1, int((shares - with_hub) * weight / sum(weights))) for weight in weights]
    sizes = [shares - sum(rest), *rest]
    open_trees = [_tree(content, size, rng, HUB if content == 0 else 0) for content, size in enumerate(sizes)]
    order = [content for content, size in enumerate(sizes) for _ in range(size)]
    rng.shuffle(order)
    for content in order:
        yield next(open_trees[content])


def _tree(content: int, size: int, rng: random.Random, hub: int) -> Iterator[Share]:
    """A tree that grows: some from the content, some from anywhere, some from the latest, one long hub."""
    depths: list[int] = []
    lengthwise = rng.random()
    from_content = 0.3 * (1 - lengthwise)
    hub = min(hub, size // 2)
    for number in range(size):
        draw = rng.random()
        if not number or draw < from_content:
            parent = -1
        elif hub and draw < from_content + 1.05 * hub / size:
            parent = 0
        elif draw < 0.4 + 0.6 * lengthwise:
            parent = number - 1 - min(number - 1, int(rng.expovariate(0.5)))
        else:
            parent = rng.randrange(number)
        if parent >= 0 and depths[parent] >= DEEPEST:
            parent = -1
        depths.append(depths[parent] + 1 if parent >= 0 else 1)
        yield Share(content, number, parent)


def _messages(shares: Iterable[Share]) -> Iterator[list[Record]]:
    """Packed messages of `MESSAGE` shares, `FLUSH_EVERY` shares at once."""
    found: list[Record] = []
    rows: list[Share] = []
    total = 0
    for share in shares:
        rows.append(share)
        if len(rows) == MESSAGE:
            found += _packed(rows, total)
            total += MESSAGE
            rows = []
            if total % FLUSH_EVERY == 0:
                yield found
                found = []
    found += _packed(rows, total)
    yield found


def _packed(rows: Sequence[Share], first: int) -> Iterator[Record]:
    """The shares of one message of each source partition."""
    for source in range(SOURCES):
        mine = range(source, len(rows), SOURCES)
        clocks = [START_MS + (first + i) * STEP_MS for i in mine]
        columns = {
            "source_offset": [first + i for i in mine],
            "clock": clocks,
            "occurred_at": clocks,
            "action": [SHARE] * len(mine),
            "community_id": ["runners"] * len(mine),
            "content_id": [f"content-{rows[i].content:05d}" for i in mine],
            "group_id": [f"group-{rows[i].content % 50}" for i in mine],
            "user_id": [f"member-{rows[i].number * 7919 % 900_001:08d}" for i in mine],
            "channel": ["feed"] * len(mine),
            "share_id": [f"share-{rows[i].number:09d}" for i in mine],
            "parent_share_id": [f"share-{p:09d}" if (p := rows[i].parent) >= 0 else "" for i in mine],
            "via_share_id": [""] * len(mine),
            "amount": [0] * len(mine),
        }
        schema = BY_CONTENT.schema
        batch = pa.RecordBatch.from_arrays(
            [pa.array(columns[name], schema.field(name).type) for name in schema.names], schema=schema
        )
        number = first // MESSAGE * SOURCES + source
        end = first + len(rows)
        headers = Stamp(source, SOURCES, end, START_MS + end * STEP_MS).headers()
        yield Record(number, 0, pack_batch(batch) if len(mine) else b"", None, headers)


def _run(shares: Iterable[Share]) -> tuple[Chains, float, float, int]:
    """A stage that took them in; seconds for absorbing, for flushes and checkpoints; bytes of the last."""
    chains = Chains(0, Rules())
    checkpoints = Checkpoints(MemoryBlocks(), 0, chains.tables)
    checkpoints.restore()
    absorbing = flushing = 0.0
    sizes: dict[bytes, int] = {}
    for number, messages in enumerate(_messages(shares)):
        absorbing += _timed(lambda some=messages: chains.absorb(Records.of(some)))  # type: ignore[misc]

        def flush(version: int = number) -> None:
            for rows in chains.snapshots(version):
                pack_batch(rows.batch)
            for key, block in checkpoints.changes().items:
                sizes[key.rpartition(b"/")[0]] = len(block or b"")  # a block alternates between two keys

        flushing += _timed(flush)
    return chains, absorbing, flushing, sum(sizes.values())


def _pack_all(chains: Chains) -> tuple[float, float, int]:
    """Pack every content, and bring every one back; seconds for each, and bytes packed."""
    end = chains.clock.now_ms + 31 * DAY_MS
    headers = [Stamp(source, SOURCES, 1 << 40, end).headers() for source in range(SOURCES)]
    ticks = [Record(1 << (40 + source), 0, b"", None, one) for source, one in enumerate(headers)]
    packing = _timed(lambda: chains.absorb(Records.of(ticks)))
    size, keys = chains.packed.nbytes, list(chains.packed)
    if len(chains.state.contents) or not keys:
        raise RuntimeError(f"{len(chains.state.contents)} contents were not packed")

    def wake() -> None:
        for key in keys:
            unpack(chains.state, chains.packed, key)

    return packing, _timed(wake), size


def _timed(action: Callable[[], object]) -> float:
    begin = time.process_time()
    action()
    return time.process_time() - begin
