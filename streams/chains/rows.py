"""From the state of chains to rows of `contents`, `shares`, `refused_shares` and `alert_changes`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas.chain_tables import (
    CONTENT_ALERT_RULES,
    CONTENTS,
    EXPLOSIVE_CONTENT,
    REFUSALS,
    REFUSED_SHARES,
    SHARES,
)
from schemas.group_tables import ALERT_CHANGES
from streams.arrow_rows import batch_of, texts_of
from streams.chains.credit import MILLION
from streams.chains.state import Tables
from streams.columnar import Array
from streams.text import key_column, moments, words


def _amount(rows: Array) -> pa.Array:
    return pa.array(rows["units"] + rows["millionths"] / float(MILLION))


def _conversions(rows: Array) -> pa.Array:
    return rows["joins"].astype(np.int64) + rows["purchases"]


def _which(tables: Tables, contents: Array) -> dict[str, pa.Array]:
    keys = tables.contents.arrays
    return {
        "community_id": key_column(keys.arena, keys.starts, contents, first=True),
        "content_id": key_column(keys.arena, keys.starts, contents, first=False),
    }


def content_rows(tables: Tables, touched: Array, version: int) -> pa.RecordBatch:
    """Rows of `contents`."""
    contents = tables.contents.arrays.rows[touched]
    shares, direct = contents["shares"].astype(np.int64), contents["roots"] + contents["orphans"]
    n = shares + 1
    distances = (n * contents["sum_of_sizes"] - contents["sum_of_squares"]).astype(np.float64)
    pairs = (n * shares).astype(np.float64)
    columns = {
        **_which(tables, touched),
        "group_id": texts_of(tables.names.arrays, contents["group"]),
        **{
            name: moments(contents[name])
            for name in ("first_at", "last_at", "first_share_at", "explosive_at")
        },
        **{name: pa.array(contents[name].astype(np.uint64)) for name in ("views", "joins", "purchases")},
        "conversions": pa.array(_conversions(contents).astype(np.uint64)),
        **{
            name: pa.array(contents[name])
            for name in (
                "buyers", "shares", "sharers", "roots", "orphans", "refused", "depth", "max_breadth",
            )
        },
        "amount": _amount(contents),
        "direct_shares": pa.array(direct),
        "size": pa.array(n.astype(np.uint32)),
        "structural_virality": pa.array(
            2.0 * distances / np.maximum(pairs, 1.0), pa.float64(), mask=shares == 0
        ),
        "saturation": pa.array(
            1.0 - contents["sharers"] / np.maximum(shares, 1), pa.float64(), mask=shares == 0
        ),
        "shares_first_hour": pa.array(contents["hour_shares"]),
        "_version": pa.array(np.full(len(touched), version, np.uint64)),
    }  # fmt: skip
    return batch_of(CONTENTS, columns)


def share_rows(tables: Tables, touched: Array, version: int) -> pa.RecordBatch:
    """Rows of `shares`."""
    keys, people = tables.nodes.arrays, tables.people.arrays
    nodes = keys.rows[touched]
    under_root = (nodes["parent"] == 0) | (nodes["orphan"] == 1)
    parents = np.where(under_root, 0, nodes["parent"]).astype(np.int64)
    delay = np.maximum(0, nodes["at"] - keys.rows["at"][np.maximum(parents, 1) - 1]) / 1000.0
    columns = {
        **_which(tables, nodes["content"].astype(np.int64)),
        "share_id": key_column(keys.arena, keys.starts, touched, first=True),
        "group_id": texts_of(tables.names.arrays, nodes["group"]),
        "user_id": key_column(people.arena, people.starts, nodes["person"].astype(np.int64) - 1, first=True),
        "channel": texts_of(tables.names.arrays, nodes["channel"]),
        "at": moments(nodes["at"]),
        "parent_share_id": texts_of(keys, parents),
        **{
            name: pa.array(nodes[name])
            for name in ("orphan", "topmost", "depth", "size", "joins", "purchases", "buyers")
        },
        "direct_shares": pa.array(nodes["children"]),
        "reach": pa.array(nodes["views"]),
        "amount": _amount(nodes),
        "conversions": pa.array(_conversions(nodes).astype(np.uint32)),
        "delay_s": pa.array(delay, pa.float64(), mask=under_root),
        "_version": pa.array(np.full(len(touched), version, np.uint64)),
    }
    return batch_of(SHARES, columns)


def refused_rows(batch: pa.RecordBatch, refused: Array, ingested_ms: int) -> pa.RecordBatch:
    """Rows of `refused_shares`; `refused` is of `REFUSED`, `batch` the actions that it numbers."""
    actions = batch.take(pa.array(refused["action"]))
    names = ("community_id", "content_id", "share_id", "parent_share_id", "group_id", "user_id")
    columns = {
        **{name: actions[name] for name in names},
        "at": moments(actions["occurred_at"].to_numpy()),
        "reason": words(refused["reason"], REFUSALS),
        "_position": pa.array(refused["position"]),
        "_ingested_at": moments(np.full(len(refused), ingested_ms, np.int64)),
    }
    return batch_of(REFUSED_SHARES, columns)


def alert_rows(
    tables: Tables, contents: Array, change: str, at: Array, evidence: Sequence[dict[str, int]],
    positions: Array, ingested_ms: int,
) -> pa.RecordBatch:  # fmt: skip
    """Rows of `alert_changes`: alerts of these contents opened, or resolved, at `at` (ms)."""
    count = len(contents)
    rows = tables.contents.arrays.rows[contents]
    columns = {
        **_which(tables, contents),
        "group_id": texts_of(tables.names.arrays, rows["group"]),
        "rule": pa.repeat(EXPLOSIVE_CONTENT, count),
        "severity": pa.repeat(CONTENT_ALERT_RULES[EXPLOSIVE_CONTENT], count),
        "change": pa.repeat(change, count),
        "at": moments(at),
        "opened_at": moments(rows["explosive_at"]),
        "evidence": pa.array([json.dumps(one, separators=(",", ":")) for one in evidence], pa.string()),
        "_position": pa.array(positions.astype(np.uint64)),
        "_ingested_at": moments(np.full(count, ingested_ms, np.int64)),
    }
    return batch_of(ALERT_CHANGES, columns)
