"""Trees of shares: after every single event, whole and in pieces with crashes, and at their largest."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.actions import BY_CONTENT, PURCHASE, SHARE, VIEW
from schemas.rules import DAY_MS, Rules
from streams.chains.rows import content_rows, share_rows
from streams.chains.stage import Chains
from streams.packing import Message, Record, Stamp, pack_batch
from streams.records import Records
from tests.chain_strategies import chain_logs, chain_rulesets
from tests.local_run import PARTITIONS, Run, differences
from tests.shuffled_trees import Arrival, share_trees
from tests.strategies import START_MS
from tests.test_prefix import Event, in_pieces, log_of

ROOT = ""


class Feed:
    """A stage of one partition that gets actions, a message each or many at once."""

    def __init__(self) -> None:
        self.chains = Chains(0, Rules())
        self.offset = 0
        self.records = -1
        self.clock = START_MS

    def take(self, actions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Give the stage some actions of one moment, and time to go on; the rows of its logs."""
        empty = dict.fromkeys(BY_CONTENT.columns, "") | {"amount": 0, "community_id": "c"}
        self.clock += 1
        rows = [
            empty
            | {"occurred_at": self.clock, "clock": self.clock, "source_offset": self.offset + i}
            | action
            for i, action in enumerate(actions)
        ]
        self.offset += len(rows)
        value = pack_batch(pa.RecordBatch.from_pylist(rows, schema=BY_CONTENT.schema))
        output = self.chains.absorb(Records.of([self._record(value), self._record(b"")]))
        return [row for rows in output.rows for row in rows.batch.to_pylist()]

    def wait(self, ms: int) -> None:
        """Nothing happens for so long."""
        self.clock += ms
        self.chains.absorb(Records.of([self._record(b"")]))

    def _record(self, value: bytes) -> Record:
        clock = self.clock if value else self.clock + 1
        headers = Stamp(0, 1, self.offset - 1, clock).headers()
        self.records += 1
        return Record(self.records, clock, value, None, headers)

    def content(self) -> dict[str, Any]:
        """The row of the one content."""
        assert len(self.chains.state.contents) == 1
        row: dict[str, Any] = content_rows(self.chains.state, np.zeros(1, np.int64), 1).to_pylist()[0]
        return row

    def topmost(self) -> dict[str, int]:
        """Of each share that has come."""
        state = self.chains.state
        known = np.flatnonzero(state.nodes.arrays.rows["known"][: len(state.nodes)])
        return {row["share_id"]: row["topmost"] for row in share_rows(state, known, 1).to_pylist()}


def share(share_id: str, parent: str | None = None, content: str = "it") -> dict[str, Any]:
    return {
        "action": SHARE, "content_id": content, "user_id": f"u{share_id}", "share_id": share_id,
        "parent_share_id": parent or "",
    }  # fmt: skip


def assert_is_the_tree(row: dict[str, Any], arrived: Sequence[Arrival]) -> None:
    """Hold the row of a content against all distances of its tree, by networkx."""
    there = {share_id for share_id, _ in arrived}
    edges = [(share_id, parent if parent in there else ROOT) for share_id, parent in arrived]
    tree = nx.Graph(edges)
    depths = nx.single_source_shortest_path_length(tree, ROOT)
    n = len(tree)
    total = sum(sum(to.values()) for _, to in nx.all_pairs_shortest_path_length(tree)) // 2
    assert row["size"] == n
    assert row["depth"] == max(depths.values())
    assert row["max_breadth"] == max(Counter(depths.values()).values())
    assert row["direct_shares"] == tree.degree(ROOT)
    assert row["structural_virality"] == 2.0 * total / (n * (n - 1))


@pytest.mark.parametrize(("most", "examples"), [(40, 40), (400, 3)])
def test_a_tree_is_right_after_every_single_share(most: int, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(arrivals=share_trees(most))
    def holds(arrivals: list[Arrival]) -> None:
        feed = Feed()
        for number, arrival in enumerate(arrivals, start=1):
            feed.take([share(*arrival)])
            assert_is_the_tree(feed.content(), arrivals[:number])

    holds()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(arrivals=share_trees(40), people=st.integers(1, 12), seed=st.integers(0, 2**32))
def test_topmost_is_right_after_every_single_share(arrivals: list[Arrival], people: int, seed: int) -> None:
    """A few people share again and again, above and below their own."""
    choices = random.Random(seed)
    users = {share_id: f"u{choices.randrange(people)}" for share_id, _ in arrivals}
    feed = Feed()
    parents: dict[str, str | None] = {}
    for share_id, parent in arrivals:
        feed.take([share(share_id, parent) | {"user_id": users[share_id]}])
        parents[share_id] = parent
        wanted = {}
        for each in parents:
            above, higher = set(), parents[each]
            while higher in parents:
                above.add(users[higher])
                higher = parents[higher]
            wanted[each] = int(users[each] not in above)
        assert feed.topmost() == wanted
    tables = feed.chains.state
    assert not tables.people.arrays.rows["above"][: len(tables.people)].any()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=chain_logs(), rules=chain_rulesets(), seed=st.integers(0, 2**32))
def test_any_split_and_any_crash_give_the_same(events: list[Event], rules: Rules, seed: int) -> None:
    log = log_of(events)
    assert differences(asyncio.run(Run(log, rules).finish()), log, rules) == ""
    again = asyncio.run(in_pieces(Run(log, rules), random.Random(seed)))
    assert differences(again, log, rules) == ""
    for table in ("alert_changes", "refused_shares"):
        places = [(row["_partition"], row["_position"]) for row in again.table(table)]
        assert len(places) == len(set(places))


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=chain_logs(), rules=chain_rulesets(), seed=st.integers(0, 2**32))
def test_positions_depend_on_messages_alone(events: list[Event], rules: Rules, seed: int) -> None:
    """The same messages in other batches, with checkpoints and lost workers: the same rows of logs."""
    choices = random.Random(seed)
    first = Run(log_of(events), rules)
    asyncio.run(first.finish())
    topic = BY_CONTENT.topic
    written = {p: list(first.log.read(topic, p, 0, first.log.end(topic, p))) for p in range(PARTITIONS)}

    async def run(pieces: bool) -> list[Any]:
        it = Run([], rules)
        for partition, found in written.items():
            for record in found:
                it.log.append(Message(topic, partition, record.value, tuple(record.headers)))
        while True:
            [(source, chains)] = [(s, r) for s, r in it.worker.inputs if r.name == "chains"]
            batches = [
                (partition, source.read(partition, choices.randint(1, 9) if pieces else 1 << 30))
                for partition in source.assigned()
            ]
            for partition, batch in batches:
                if batch:
                    await chains.absorb(partition, batch)
            if not any(batch for _, batch in batches):
                break
            if pieces and choices.random() < 0.3:
                await chains.checkpoint()
            elif pieces and choices.random() < 0.2:
                it.start()
        it.pass_rows()
        return [it.store.table(name) for name in ("alert_changes", "refused_shares")]

    assert asyncio.run(run(True)) == asyncio.run(run(False))


def chain_of(length: int) -> list[dict[str, Any]]:
    return [share(str(n), str(n - 1) if n else None) for n in range(length)]


@pytest.mark.parametrize("order", ["grown", "reversed", "shuffled"])
def test_a_chain_may_be_very_deep(order: str) -> None:
    """Every share under the one before: W of a path of n nodes is (n - 1) n (n + 1) / 6."""
    length = 20_000
    shares = chain_of(length)
    if order == "reversed":
        shares.reverse()
    elif order == "shuffled":
        random.Random(1).shuffle(shares)
    feed = Feed()
    for start in range(0, length, 5_000):
        feed.take(shares[start : start + 5_000])
    feed.take([{"action": VIEW, "content_id": "it", "user_id": "v", "via_share_id": str(length - 1)}])
    row, n = feed.content(), length + 1
    assert (row["size"], row["depth"], row["max_breadth"], row["direct_shares"]) == (n, length, 1, 1)
    assert row["structural_virality"] == 2.0 * float((n - 1) * n * (n + 1) // 6) / float(n * (n - 1))
    nodes = feed.chains.state.nodes.arrays.rows[:length]
    assert set(nodes["views"]) == {1}
    assert sorted(nodes["size"]) == list(range(1, length + 1))


def test_a_share_may_have_very_many_below_it_that_came_before_it() -> None:
    count = 100_000
    feed = Feed()
    for start in range(0, count, 10_000):
        feed.take([share(f"s{n}", "hub") for n in range(start, start + 10_000)])
    assert feed.content()["orphans"] == feed.content()["direct_shares"] == count
    feed.take([share("hub", "above"), share("above")])
    row = feed.content()
    assert (row["direct_shares"], row["orphans"], row["depth"], row["max_breadth"]) == (1, 0, 3, count)
    n, distances = count + 3, count * (1 + 2 + 3) + (1 + 2 + 1) + count * (count - 1)
    assert row["structural_virality"] == 2.0 * float(distances) / float(n * (n - 1))


def test_what_was_packed_comes_back_as_it_was() -> None:
    """A content that stirs after 40 days, beside one that was never packed: the same rows, then and later."""
    purchase = {"action": PURCHASE, "user_id": "b", "via_share_id": "s1", "amount": 1_500_000}
    tree = [("s1", None), ("s2", "s1"), ("s4", "s3"), ("s5", "s4"), ("s6", None)]
    feeds = [Feed() for _ in range(2)]
    for feed in feeds:
        feed.take([share(*one) for one in tree])
        feed.take([purchase | {"content_id": "it"}, share("other", content="another")])
        list(feed.chains.snapshots(1))
    packing, waking = feeds
    days = 40
    for _ in range(days):
        packing.wait(DAY_MS)
        waking.wait(DAY_MS)
        for number in range(2):
            waking.take([{"action": VIEW, "content_id": ("it", "another")[number], "user_id": "v"}])
        list(waking.chains.snapshots(1))
    assert len(packing.chains.packed) == 2
    assert all(len(table) == 0 for table in packing.chains.state if table.name in ("contents", "nodes"))
    assert not len(waking.chains.packed)
    views = [{"action": VIEW, "content_id": name, "user_id": "v"} for name in ("it", "another")]
    packing.take(views * days)
    later = [share("s7", "s5"), share("s3", "s2"), share("s3"), purchase | {"content_id": "it"}]
    found = []
    for feed in feeds:
        feed.clock = START_MS + 50 * DAY_MS
        feed.take(later)
        rows = [row for part in feed.chains.snapshots(2) for row in part.batch.to_pylist()]
        found.append(sorted(rows, key=lambda row: (row["content_id"], row.get("share_id", ""))))
    for rows in found:
        for row in rows:
            row.pop("last_at", None)
    assert {row.get("share_id") for row in found[0]} >= {"s1", "s2", "s3", "s7"}
    by_share = [{row["share_id"]: row for row in rows if "share_id" in row} for rows in found]
    assert by_share[0]["s3"] == by_share[1]["s3"]
    assert by_share[0]["s1"] == by_share[1]["s1"]
    contents = [
        [row for row in rows if "share_id" not in row and row["content_id"] == "it"] for rows in found
    ]
    assert contents[0] == contents[1]
    assert (contents[0][0]["shares"], contents[0][0]["refused"], contents[0][0]["orphans"]) == (7, 1, 1)


@pytest.mark.parametrize("size", [2, 20_000])
def test_packed_contents_survive_a_restart(size: int) -> None:
    """However large: a block of the checkpoint is a message."""
    feed = Feed()
    rng = random.Random(2)
    parents = [None, *(f"s{rng.randrange(number)}" for number in range(1, size))]
    feed.take([share(f"s{number}", parent) for number, parent in enumerate(parents)])
    before = feed.content() | {"_version": 0}
    feed.take([share("z", content="another")])
    list(feed.chains.snapshots(1))
    feed.wait(31 * DAY_MS)
    assert len(feed.chains.packed) == 2
    for _ in range(2):
        saved = {
            table.name: {block: table.encode_block(block) for block in table.live_blocks()}
            for table in feed.chains.tables
        }
        assert max(len(block) for block in saved["packed"].values()) < 1_200_000
        meta = feed.chains.meta()
        feed.chains = Chains(0, Rules())
        for table in feed.chains.tables:
            table.load(saved[table.name])
        feed.chains.restore_meta(meta)
    assert len(feed.chains.packed) == 2
    feed.take([{"action": VIEW, "content_id": "it", "user_id": "v", "via_share_id": f"s{size - 1}"}])
    row = feed.content() | {"_version": 0}
    assert row.pop("last_at") > before.pop("last_at")
    assert row | {"views": 0} == before
    feed.take([share("c", f"s{size - 1}")])
    assert feed.content()["shares"] == size + 1
    assert len(feed.chains.packed) == 1


def test_a_first_hour_ends_though_nothing_comes_until_the_content_is_packed() -> None:
    feed = Feed()
    feed.take([share("a"), share("b", "a"), share("z", content="another")])
    list(feed.chains.snapshots(1))
    feed.wait(31 * DAY_MS)
    assert len(feed.chains.packed) == 2
    community = feed.chains.state.communities.arrays.rows[0]
    assert community["finished"] == 2
    assert (community["classes"][1], community["classes"][2]) == (1, 1)
    feed.take([share("c", content="third")])
    feed.wait(DAY_MS)
    assert feed.chains.state.communities.arrays.rows[0]["finished"] == 3
