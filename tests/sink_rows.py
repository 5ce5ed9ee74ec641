"""Rows for the tests of the sink: small, of known positions, months and partitions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from schemas.tables import TABLES
from streams.packing import Rows

NOVEMBER = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp() * 1000)
DECEMBER = int(datetime(2026, 12, 2, tzinfo=UTC).timestamp() * 1000)


def transitions(partition: str, positions: Iterable[int], at_ms: int | Iterable[int] = NOVEMBER) -> Rows:
    """Rows of segment_transitions at these positions, taken in by the broker at `at_ms`."""
    table = TABLES["segment_transitions"]
    numbers = np.asarray(list(positions), dtype=np.uint64)
    moments = np.broadcast_to(np.asarray(at_ms if isinstance(at_ms, int) else list(at_ms)), numbers.shape)
    made = {
        "user_id": pa.array([f"u{number}" for number in numbers]),
        "at": pa.array(moments, pa.timestamp("ms", "UTC")),
        "day": pa.array(moments, pa.timestamp("ms", "UTC")).cast(pa.date32()),
        "_position": pa.array(numbers),
        "_ingested_at": pa.array(moments, pa.timestamp("ms", "UTC")),
    }
    columns = [made.get(name, pa.array(["x"] * len(numbers))) for name in table.arrow_schema.names]
    return Rows(table.name, partition, pa.RecordBatch.from_arrays(columns, schema=table.arrow_schema))


def receipts(partition: int, consumed: int, version: int) -> Rows:
    """One snapshot of the receipt of one partition."""
    table = TABLES["receipts"]
    values = {"stage": "users", "partition": partition, "consumed": consumed, "_version": version}
    arrays = []
    for field in table.arrow_schema:
        value = values.get(field.name, NOVEMBER if field.name == "clock" else 0)
        arrays.append(pa.array([value]).cast(field.type))
    batch = pa.RecordBatch.from_arrays(arrays, schema=table.arrow_schema)
    return Rows("receipts", f"users/{partition}", batch)
