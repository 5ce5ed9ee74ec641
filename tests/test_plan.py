"""What to insert, and cut how: without ClickHouse."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tables import TABLES
from sinks import plan
from sinks.errors import SinkError
from streams.packing import Rows
from tests.sink_rows import DECEMBER, NOVEMBER, receipts, transitions


def inserted(inserts: list[plan.Insert]) -> list[list[tuple[str, int]]]:
    """(partition, position) of each row of each insert."""
    return [
        list(
            zip(
                i.batch.column("_partition").to_pylist(), i.batch.column("_position").to_pylist(), strict=True
            )
        )
        for i in inserts
    ]


def test_rows_above_the_highest_go_in_and_others_are_counted() -> None:
    inserts, skipped = plan.plan_log([transitions("a", [1, 2, 3]), transitions("b", [1, 2])], {"a": 2})
    assert inserted(inserts) == [[("a", 3), ("b", 1), ("b", 2)]]
    assert inserts[0].highest == {"a": 3, "b": 2}
    assert skipped == {"a": 2}


def test_position_nought_is_a_position() -> None:
    inserts, _ = plan.plan_log([transitions("a", [0, 1])], {})
    assert inserted(inserts) == [[("a", 0), ("a", 1)]]
    inserts, _ = plan.plan_log([transitions("a", [0, 1])], {"a": 0})
    assert inserted(inserts) == [[("a", 1)]]


def test_a_replay_in_one_flush_goes_back_and_on() -> None:
    batches = [transitions("a", [1, 2, 3, 4]), transitions("a", [2, 3]), transitions("a", [4, 5, 6])]
    inserts, skipped = plan.plan_log(batches, {})
    assert inserted(inserts) == [[("a", n) for n in range(1, 7)]]
    assert skipped == {"a": 3}


def test_a_replay_inside_one_batch() -> None:
    inserts, skipped = plan.plan_log([transitions("a", [5, 6, 5, 6, 7, 1, 8])], {})
    assert inserted(inserts) == [[("a", 5), ("a", 6), ("a", 7), ("a", 8)]]
    assert skipped == {"a": 3}


def test_one_month_an_insert_and_never_a_later_position_first() -> None:
    batches = [
        transitions("a", [1, 2, 3], [NOVEMBER, DECEMBER, NOVEMBER]),
        transitions("b", [1, 2], [NOVEMBER, DECEMBER]),
        transitions("a", [4], [DECEMBER]),
    ]
    inserts, _ = plan.plan_log(batches, {})
    assert inserted(inserts) == [
        [("a", 1), ("b", 1)],
        [("a", 2), ("b", 2)],
        [("a", 3)],
        [("a", 4)],
    ]


def test_big_flushes_are_cut_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MAX_INSERT_ROWS", 10)
    inserts, _ = plan.plan_log([transitions("a", range(25)), transitions("b", range(7))], {})
    assert [insert.batch.num_rows for insert in inserts] == [10, 10, 5, 7]
    assert [row for rows in inserted(inserts) for row in rows] == (
        [("a", n) for n in range(25)] + [("b", n) for n in range(7)]
    )
    monkeypatch.setattr(plan, "MAX_INSERT_BYTES", 200)
    small, _ = plan.plan_log([transitions("a", range(25))], {})
    assert all(insert.batch.num_rows <= 10 for insert in small) and len(small) > 3


@given(st.integers(0, 2**32), st.integers(0, 30))
def test_cut_anywhere_and_planned_again_every_row_is_in_once(seed: int, die_after: int) -> None:
    """Any history of replays, dying after any number of inserts, then all of it again."""
    rng = random.Random(seed)
    truth = {p: [i * 3 for i in range(rng.randint(1, 40))] for p in "abc"}
    moment = {(p, n): rng.choice((NOVEMBER, DECEMBER)) for p, rows in truth.items() for n in rows}
    history = []
    for partition, rows in truth.items():
        start = 0
        while start < len(rows):
            end = rng.randint(start + 1, len(rows))
            history.append((partition, rows[start:end]))
            start = max(0, end - rng.randint(0, 3)) if end < len(rows) else end
    rng.shuffle(history)
    history.sort(key=lambda item: item[1][0] // 30)
    batches = [transitions(p, rows, [moment[p, n] for n in rows]) for p, rows in history]
    if not _contiguous(history):
        return  # a stage never leaves a gap
    table: list[tuple[str, int]] = []
    for inserts in (inserted(plan.plan_log(batches, {})[0])[:die_after],):
        table += [row for rows in inserts for row in rows]
    highest: dict[str, int] = {}
    for partition, number in table:
        highest[partition] = max(number, highest.get(partition, -1))
    table += [row for rows in inserted(plan.plan_log(batches, highest)[0]) for row in rows]
    assert sorted(table) == sorted((p, n) for p, rows in truth.items() for n in rows)


def _contiguous(history: list[tuple[str, list[int]]]) -> bool:
    reached: dict[str, int] = {}
    for partition, rows in history:
        if rows[0] > reached.get(partition, 0):
            return False
        reached[partition] = max(reached.get(partition, 0), rows[-1] + 3)
    return True


def test_snapshots_all_go_in() -> None:
    inserts = plan.plan_entity([receipts(0, 5, 2), receipts(0, 4, 1), receipts(1, 9, 3)])
    assert [insert.batch.num_rows for insert in inserts] == [3]
    assert plan.plan_entity([]) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop_columns(["rule"]), "missing rule"),
        (lambda t: t.append_column("more", pa.array(["x"])), "unknown more"),
        (lambda t: t.set_column(5, "at", pa.array([1], pa.int64())), "at is int64, not timestamp"),
        (
            lambda t: t.set_column(5, "at", pa.array([1], pa.timestamp("us", "UTC"))),
            "at is timestamp[us, tz=UTC]",
        ),
        (lambda t: t.select([*reversed(t.schema.names)]), "another order"),
        (lambda t: t.set_column(1, "user_id", pa.array([None], pa.string())), "1 nulls in user_id"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name(change, said) -> None:  # type: ignore[no-untyped-def]
    table = change(pa.Table.from_batches([transitions("a", [1]).batch]))
    batch = table.combine_chunks().to_batches()[0]
    with pytest.raises(SinkError) as raised:
        plan.check_schema(TABLES["segment_transitions"], Rows("segment_transitions", "a", batch).batch)
    assert said in str(raised.value)
