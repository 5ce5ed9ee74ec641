"""What partitions of users write to each other: who shared, who came, who stayed. docs/people.md, Invites.

Most notes are `shared`: kernels take those. The others are few.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.actions import BY_USER, NOTE_SCHEMA, NOTES_HEADER, SHARED, STAYED
from streams.columnar import Array, Bytes, Keyed, KeyedTable, find_or_add
from streams.compiled import KEY_ROOM, compiled
from streams.hashing import join_key, murmur3_128
from streams.packing import PACKING_VERSION, Message, pack_batch
from streams.routing import targets
from streams.text import Text, key_column
from streams.users.state import NAME_BLOCK, Tables

_NO_SHARE = -1


@compiled
def _find_shares(
    shares: Keyed,
    names: Keyed,
    mine: Array,
    kind: Array,
    community: Text,
    to: Text,
    user: Text,
    found: Array,
    scratch: Bytes,
) -> None:
    """The share of each note to one (its row, into `found`), and whose it is, from those that say so."""
    key = scratch[KEY_ROOM - 16 :]
    for i in range(len(kind)):
        found[i] = _NO_SHARE
        if not mine[i]:
            continue
        n = join_key(
            scratch,
            community.data, community.offsets[i], community.offsets[i + 1],
            to.data, to.offsets[i], to.offsets[i + 1],
        )  # fmt: skip
        h1, h2 = murmur3_128(scratch, n)
        for k in range(8):
            key[k] = (h1 >> np.uint64(8 * k)) & np.uint64(0xFF)
            key[8 + k] = (h2 >> np.uint64(8 * k)) & np.uint64(0xFF)
        share, new = find_or_add(shares, key, 16)
        found[i] = share
        row = shares.rows[share]
        if new:
            shares.dirty[share // NAME_BLOCK] = 1
        if kind[i] == SHARED and row["owner"] == 0:
            n = join_key(
                scratch,
                community.data, community.offsets[i], community.offsets[i + 1],
                user.data, user.offsets[i], user.offsets[i + 1],
            )  # fmt: skip
            name, _ = find_or_add(names, scratch, n)
            names.dirty[name // NAME_BLOCK] = 1
            row["owner"] = name + 1
            shares.dirty[share // NAME_BLOCK] = 1


class Outbox:
    """Notes on their way out of one partition, gathered by the message that each goes into."""

    def __init__(self, partition: int, partitions: int) -> None:
        self._partition = partition
        self._partitions = partitions
        self._batches: list[pa.RecordBatch] = []

    def add(
        self,
        offset: int,
        at: Array,
        kind: Array,
        by_share: Array,
        community: pa.Array,
        to: pa.Array,
        user: pa.Array,
    ) -> None:
        """Notes that the input at `offset` caused. Offsets only grow from call to call."""
        columns = [
            pa.array(np.full(len(at), offset, np.int64)),
            pa.array(at),
            pa.array(kind),
            pa.array(by_share),
            community,
            to,
            user,
        ]
        self._batches.append(pa.RecordBatch.from_arrays(columns, schema=NOTE_SCHEMA))

    def take(self) -> list[Message]:
        """The messages: one for each partition that something goes to.

        What one input caused is never in two messages for one partition: the receiver skips by offset.
        """
        if not self._batches:
            return []
        whole = pa.Table.from_batches(self._batches).combine_chunks().to_batches()[0]
        self._batches = []
        target = np.zeros(whole.num_rows, np.int64)
        targets(Text.of(whole["community_id"]), Text.of(whole["to_id"]), self._partitions, target)
        headers = (("version", PACKING_VERSION), (NOTES_HEADER, b"%d" % self._partition))
        messages = []
        for number in range(self._partitions):
            rows = np.flatnonzero(target == number)
            if len(rows):
                piece = whole.take(pa.array(rows))
                messages.append(Message(BY_USER.topic, number, pack_batch(piece), headers))
        return messages


def pass_on(tables: Tables, batch: pa.RecordBatch, absorbed: int, offset: int, outbox: Outbox) -> None:
    """Take notes to shares in: remember whose they are, send the others on to them, or let them wait.

    `absorbed`: the highest offset of the sender that was taken in before. `offset`: of this message.
    """
    mine = (batch["source_offset"].to_numpy() > absorbed) & (batch["by_share"].to_numpy() == 1)
    count = int(np.count_nonzero(mine))
    if not count:
        return
    kinds = batch["kind"].to_numpy()
    text_bytes = sum(len(Text.of(batch[name]).data) for name in ("community_id", "user_id")) + 2 * len(kinds)
    tables.shares.reserve(count, 16 * count)
    tables.names.reserve(count, text_bytes)
    shares = np.zeros(len(kinds), np.int64)
    community, to, user = (Text.of(batch[name]) for name in ("community_id", "to_id", "user_id"))
    arrays = tables.shares.arrays
    _find_shares(
        arrays, tables.names.arrays, mine, kinds, community, to, user, shares, np.empty(KEY_ROOM, np.uint8)
    )
    letters: list[tuple[int, int, str, str, str]] = []
    for i in np.flatnonzero(mine & (kinds != SHARED)).tolist():
        row = arrays.rows[shares[i]]
        person = (batch["community_id"][i].as_py(), batch["user_id"][i].as_py())
        at = batch["at"][i].as_py()
        if row["owner"]:
            _send(letters, tables, int(row["owner"]) - 1, at, int(kinds[i]), *person)
        else:
            _wait(tables, int(shares[i]), at, int(kinds[i]), *person)
    known = np.unique(shares[mine & (kinds == SHARED)])
    for share in known[arrays.rows["waiting"][known] > 0].tolist():
        _release(letters, tables, share)
    if letters:
        moments, codes, communities, owners, people = zip(*letters, strict=True)
        outbox.add(
            offset,
            np.array(moments, np.int64),
            np.array(codes, np.uint8),
            np.zeros(len(letters), np.uint8),
            pa.array(communities, pa.string()),
            pa.array(owners, pa.string()),
            pa.array(people, pa.string()),
        )


def _send(
    letters: list[tuple[int, int, str, str, str]],
    tables: Tables,
    owner: int,
    at: int,
    kind: int,
    community: str,
    person: str,
) -> None:
    """To whoever shared, but not to themselves."""
    name = tables.names.key(owner).split(b"\xff", 1)[1].decode()
    if name != person:
        letters.append((at, kind, community, name, person))


def _wait(tables: Tables, share: int, at: int, kind: int, community: str, person: str) -> None:
    key = community.encode() + b"\xff" + person.encode()
    tables.names.reserve(1, len(key))
    name = _row_of(tables.names, key)
    row = tables.shares.arrays.rows[share]
    tables.waiting.reserve(1, 8)
    waiting = _row_of(tables.waiting, _numbered(share, int(row["waiting"])))
    tables.waiting.arrays.rows[waiting] = (at, name, kind)
    row["waiting"] += 1
    tables.shares.arrays.dirty[share // NAME_BLOCK] = 1


def _release(letters: list[tuple[int, int, str, str, str]], tables: Tables, share: int) -> None:
    """Send on everything that waited for a share."""
    row = tables.shares.arrays.rows[share]
    for number in range(int(row["waiting"])):
        at, name, kind = tables.waiting.arrays.rows[
            _row_of(tables.waiting, _numbered(share, number))
        ].tolist()
        community, person = (part.decode() for part in tables.names.key(name).split(b"\xff", 1))
        _send(letters, tables, int(row["owner"]) - 1, at, kind, community, person)
    row["waiting"] = 0
    tables.shares.arrays.dirty[share // NAME_BLOCK] = 1


def _numbered(share: int, number: int) -> bytes:
    return share.to_bytes(4, "little") + number.to_bytes(4, "little")


def _row_of(table: KeyedTable, key: bytes) -> int:
    row, _ = find_or_add(table.arrays, np.frombuffer(key, np.uint8), len(key))
    table.arrays.dirty[row // NAME_BLOCK] = 1
    return int(row)


def links_of(tables: Tables, notes: Array, link: pa.StringArray) -> pa.StringArray:
    """To whom each note of a batch goes: the action's own link, or of `stayed` whoever brought the person."""
    to = link.take(pa.array(notes["event"]))
    for by_share, table in ((0, tables.names), (1, tables.vias)):
        stayed = (notes["kind"] == STAYED) & (notes["by_share"] == by_share)
        if stayed.any():
            keys = table.arrays
            names = key_column(keys.arena, keys.starts, notes["invited_by"][stayed], first=False)
            to = pc.replace_with_mask(to, pa.array(stayed), names)
    return to
