"""Which rows to insert, cut into inserts that may each fail or die without harm: pure, no ClickHouse here.

The rule: of one `_partition`, a later position never goes in before an earlier one; and one insert touches
one ClickHouse partition (a month), so that it is there as a whole or not at all. Then the highest position in
the table says what is there, after any crash.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.table import PARTITION, Table
from sinks.errors import SinkError
from streams.packing import Rows

MAX_INSERT_ROWS = 200_000
MAX_INSERT_BYTES = 64 << 20
"""Of one insert: far below where an engine would cut a block in two."""


@dataclass(frozen=True, slots=True)
class Insert:
    """One insert: one record batch, and the highest position of each `_partition` once it is in."""

    batch: pa.RecordBatch
    highest: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Run:
    """Rows of one `_partition`, in order, of one month."""

    partition: str
    month: int
    batch: pa.RecordBatch


def check_schema(table: Table, batch: pa.RecordBatch) -> None:
    """Hold rows against their table. Raises `SinkError` that names what differs.

    ClickHouse would not: a missing column, a null and too many decimals all become something else in silence.
    """
    expected, got = table.arrow_schema, batch.schema
    if got.names != expected.names or got.types != expected.types:
        raise SinkError(
            f"rows for the table {table.name} don't fit it: {_difference(expected, got)}; {_MEND}"
        )
    for column, values in zip(
        (c for c in table.all_columns if c.name != PARTITION.name), batch.columns, strict=True
    ):
        if values.null_count and not column.clickhouse.startswith("Nullable"):
            raise SinkError(
                f"rows for the table {table.name} have {values.null_count} nulls in {column.name}, "
                f"which is {column.clickhouse}; {_MEND}"
            )


_MEND = "run the same version of groupbeat for the stages and the sink"


def _difference(expected: pa.Schema, got: pa.Schema) -> str:
    parts = []
    if missing := [name for name in expected.names if name not in got.names]:
        parts.append(f"missing {', '.join(missing)}")
    if extra := [name for name in got.names if name not in expected.names]:
        parts.append(f"unknown {', '.join(extra)}")
    for field in expected:
        if got.names.count(field.name) == 1 and got.field(field.name).type != field.type:
            parts.append(f"{field.name} is {got.field(field.name).type}, not {field.type}")
    return "; ".join(parts) or f"columns in another order: {', '.join(got.names)}"


def plan_log(batches: Iterable[Rows], highest: Mapping[str, int]) -> tuple[list[Insert], dict[str, int]]:
    """The inserts for rows of one log table, in order, and how many rows of each `_partition` it has already.

    `highest` is the highest position in the table per `_partition`; `batches` are as they were consumed: in
    a `_partition` positions grow, go back where a stage replays its input, and grow over the same rows again.
    """
    by_partition: dict[str, list[pa.RecordBatch]] = {}
    for rows in batches:
        by_partition.setdefault(rows.partition, []).append(rows.batch)
    skipped: dict[str, int] = {}
    queues: dict[str, deque[_Run]] = {}
    for partition, pieces in by_partition.items():
        batch = _one_batch(pieces)
        keep = _new_rows(_positions(batch), highest.get(partition))
        if gone := batch.num_rows - int(keep.sum()):
            skipped[partition] = gone
            batch = batch.filter(pa.array(keep))
        queues[partition] = deque(_runs(partition, batch))
    return [_insert(runs) for runs in _merged(queues)], skipped


def plan_entity(batches: Iterable[Rows]) -> list[Insert]:
    """The inserts for snapshots: all of them. The engine keeps the newest of a key, also within one."""
    pieces = [rows.batch for rows in batches if rows.batch.num_rows]
    return [Insert(piece, {}) for piece in _slices(_one_batch(pieces))] if pieces else []


def _positions(batch: pa.RecordBatch) -> npt.NDArray[np.uint64]:
    return batch.column("_position").to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _new_rows(positions: npt.NDArray[np.uint64], reached: int | None) -> npt.NDArray[np.bool_]:
    """Which rows are above every position before them, in the table and in the batch."""
    keep = np.ones(len(positions), dtype=np.bool_)
    if len(positions):
        keep[1:] = positions[1:] > np.maximum.accumulate(positions)[:-1]
        if reached is not None:
            keep &= positions > np.uint64(reached)
    return keep


def _runs(partition: str, batch: pa.RecordBatch) -> Iterator[_Run]:
    """Cut a batch where the month of `_ingested_at` (UTC) changes, and where it grows too big."""
    millis = batch.column("_ingested_at").cast(pa.int64()).to_numpy(zero_copy_only=False)
    months = millis.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    if not len(months):
        return
    starts = [0, *(np.flatnonzero(np.diff(months)) + 1).tolist(), len(months)]
    for start, end in itertools.pairwise(starts):
        for piece in _slices(batch.slice(start, end - start)):
            yield _Run(partition, int(months[start]), piece)


def _merged(queues: dict[str, deque[_Run]]) -> Iterator[list[_Run]]:
    """Runs for one insert after the other: only heads of the queues, only one month, only so much."""
    while any(queues.values()):
        month = min(queue[0].month for queue in queues.values() if queue)
        runs: list[_Run] = []
        rows = size = 0
        for queue in queues.values():
            while queue and queue[0].month == month:
                run = queue.popleft()
                if runs and (
                    rows + run.batch.num_rows > MAX_INSERT_ROWS or size + run.batch.nbytes > MAX_INSERT_BYTES
                ):
                    yield runs
                    runs, rows, size = [], 0, 0
                runs.append(run)
                rows += run.batch.num_rows
                size += run.batch.nbytes
        yield runs


def _insert(runs: list[_Run]) -> Insert:
    highest = {run.partition: int(_positions(run.batch)[-1]) for run in runs}
    return Insert(_one_batch([_with_partition(run) for run in runs]), highest)


def _with_partition(run: _Run) -> pa.RecordBatch:
    values = pa.repeat(pa.scalar(run.partition, PARTITION.arrow), run.batch.num_rows)
    return run.batch.append_column(PARTITION.name, values)


def _one_batch(pieces: list[pa.RecordBatch]) -> pa.RecordBatch:
    """One record batch: several would become several blocks, and an insert of several blocks can tear."""
    return pieces[0] if len(pieces) == 1 else pa.concat_batches(pieces)


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in pieces of at most so many rows and about so many bytes, in order."""
    by_bytes = batch.num_rows * MAX_INSERT_BYTES // max(1, batch.nbytes)
    step = max(1, min(MAX_INSERT_ROWS, by_bytes))
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)
