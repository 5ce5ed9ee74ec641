"""The tables' one definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import ROUTES
from schemas.table import POSITION_ROW_BITS, Table, position
from schemas.tables import TABLES

OFFSETS = st.integers(0, 2**40 - 1)
ROWS = st.integers(0, 2**POSITION_ROW_BITS - 1)


@given(st.tuples(OFFSETS, ROWS), st.tuples(OFFSETS, ROWS))
def test_positions_are_in_the_order_of_offset_and_row(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (position(*one) < position(*other)) == (one < other)
    assert position(*one) < 2**64
    assert (position(*one) >> POSITION_ROW_BITS, position(*one) % 2**POSITION_ROW_BITS) == one


@pytest.fixture(params=list(TABLES.values()), ids=list(TABLES))
def table(request: pytest.FixtureRequest) -> Table:
    found: Table = request.param
    return found


def test_the_arrow_schema_has_every_column_but_the_one_in_the_headers(table: Table) -> None:
    names = [column.name for column in table.all_columns]
    assert len(set(names)) == len(names)
    assert table.arrow_schema.names == [name for name in names if name != "_partition"]
    assert set(table.order_by) <= set(names)


def test_the_ddl_has_every_column_with_its_type_and_meaning(table: Table) -> None:
    lines = table.ddl().splitlines()
    assert lines[0] == f"CREATE TABLE {table.stored_as}"
    for column in table.all_columns:
        [line] = [line for line in lines if line.split()[:1] == [column.name]]
        assert f" {column.clickhouse} COMMENT '{column.doc}'" in line
    assert table.ddl().count("'") % 2 == 0


def test_a_log_can_be_asked_for_its_last_position_and_an_entity_keeps_its_newest() -> None:
    for table in TABLES.values():
        ddl = table.ddl()
        if table.kind == "log":
            assert table.stored_as == table.name
            assert {"_partition", "_position", "_ingested_at"} <= set(table.arrow_schema.names) | {
                "_partition"
            }
            assert "PROJECTION positions (SELECT _partition, max(_position) GROUP BY _partition)" in ddl
            assert "ENGINE = MergeTree\nPARTITION BY toYYYYMM(_ingested_at)" in ddl
        else:
            assert table.stored_as == f"{table.name}_snapshots"
            assert "ENGINE = ReplacingMergeTree(_version)" in ddl
            assert "PARTITION BY" not in ddl
        assert f"ORDER BY ({', '.join(table.order_by)})" in ddl


def test_every_route_carries_what_a_stage_skips_and_decides_by() -> None:
    for route in ROUTES:
        assert route.schema.names[:4] == ["source_offset", "clock", "occurred_at", "action"]
        assert {"community_id", route.key} <= set(route.schema.names)
