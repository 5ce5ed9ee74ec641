"""What an accepted event says to the stages behind: columns of a route, packed by target partition.

Intake sends them as events come in; a rebuild makes the same ones again from the table `events`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.actions import IS_REPLY, JOIN, LINKS_SHARE, VIA_SHARE, Route
from streams.columnar import Array
from streams.packing import Message, Stamp, pack_batch
from streams.routing import targets
from streams.stage import MESSAGE_BYTES
from streams.text import Text


def invited_of(inviter: pa.StringArray, user: pa.StringArray) -> Array:
    """Who names an inviter other than themselves."""
    named: Array = pc.and_(pc.not_equal(inviter, ""), pc.not_equal(inviter, user)).to_numpy(False)
    return named


def flags_of(action: Array, reply_to: pa.StringArray, via_share: pa.StringArray, invited: Array) -> pa.Array:
    """The bits of `schemas.actions`; `action` are codes."""
    via = _given(via_share)
    flags = IS_REPLY * _given(reply_to) | VIA_SHARE * via
    flags |= LINKS_SHARE * (via & (action == JOIN) & ~invited)
    return pa.array(flags)


def link_of(
    action: Array,
    share: pa.StringArray,
    inviter: pa.StringArray,
    via_share: pa.StringArray,
    invited: Array,
) -> pa.StringArray:
    """Of a share its id; of a join its inviter, else the share that brought them; else empty."""
    joined = pc.if_else(pa.array(invited), inviter, via_share)
    return pc.if_else(pa.array(action == JOIN), joined, share)


def millionths_of(amount: pa.Array) -> pa.Array:
    """A column of `schemas.tables.MONEY`, in millionths of the currency's unit."""
    # A decimal of up to 18 digits is a 128-bit number of its last place: the lower half holds it.
    halves = np.frombuffer(amount.buffers()[1], np.int64)
    return pa.array(halves[2 * amount.offset :: 2][: len(amount)])


def pack_actions(
    route: Route,
    columns: Mapping[str, pa.Array],
    kept: pa.Array | None,
    *,
    partitions: int,
    source: int,
    sources: int,
) -> list[Message]:
    """Events of one source partition, in the order of their offsets, as messages of a route.

    `columns`: at least those of the route's schema and its key. `kept`: the rows that count, None for all.
    One message for each target partition and size, those of one target in order.
    """
    schema = route.schema
    if route.actions is not None:
        kept = _along(route.actions, columns["action"], columns[route.key], kept)
        if not len(kept):
            return []
    target = np.zeros(len(columns["source_offset"]), np.int64)
    targets(Text.of(columns["community_id"]), Text.of(columns[route.key]), partitions, target)
    whole = pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
    if kept is not None:
        whole = whole.take(kept)
        target = target[kept.to_numpy()]
    messages = []
    for number in range(partitions):
        rows = np.flatnonzero(target == number)
        if not len(rows):
            continue
        part = whole.take(pa.array(rows)) if len(rows) < len(target) else whole
        step = max(1, part.num_rows // max(1, -(-part.nbytes // MESSAGE_BYTES)))
        for at in range(0, part.num_rows, step):
            piece = part.slice(at, step)
            stamp = Stamp(source, sources, piece["source_offset"][-1].as_py(), piece["clock"][-1].as_py())
            messages.append(Message(route.topic, number, pack_batch(piece), stamp.headers()))
    return messages


def _along(actions: Sequence[int], action: pa.Array, key: pa.StringArray, kept: pa.Array | None) -> pa.Array:
    """Those of the rows `kept` that are of these actions (codes) and name a key."""
    mask = np.isin(action.to_numpy(), actions) & (_given(key) > 0)
    if kept is None:
        return pa.array(np.flatnonzero(mask))
    some = kept.to_numpy()
    return pa.array(some[mask[some]])


def _given(column: pa.StringArray) -> Array:
    """1 where a text is not empty."""
    given: Array = pc.not_equal(column, "").to_numpy(False).astype(np.uint8)
    return given
