"""A readable difference between the rows that should be and the rows that are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def compare(expected: Iterable[Row], actual: Iterable[Row], key: Sequence[str], limit: int = 5) -> str:
    """What differs, the first `limit` differences, one a line; empty when nothing does.

    Rows are grouped by the columns of `key`; rows of one key are compared in the order in which they come
    (a person's transitions, say). Every column of the expected row counts; others of the actual row do not.
    """
    wanted, found = _by_key(expected, key), _by_key(actual, key)
    differences = [
        line
        for place in [*wanted, *(other for other in found if other not in wanted)]
        for line in _differences(place, key, wanted.get(place, []), found.get(place, []))
    ]
    if not differences:
        return ""
    shown = differences[:limit]
    more = len(differences) - len(shown)
    return "\n".join(
        [f"{len(differences)} differences:", *shown, *([f"... and {more} more"] if more else [])]
    )


def _by_key(rows: Iterable[Row], key: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    grouped: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        grouped.setdefault(tuple(row[column] for column in key), []).append(row)
    return grouped


def _differences(
    place: tuple[Any, ...], key: Sequence[str], wanted: list[Row], found: list[Row]
) -> Iterable[str]:
    name = ", ".join(f"{column}={value!r}" for column, value in zip(key, place, strict=True))
    for number in range(max(len(wanted), len(found))):
        where = name if max(len(wanted), len(found)) == 1 else f"{name} [row {number}]"
        if number >= len(found):
            yield f"  {where}: missing: {dict(wanted[number])!r}"
        elif number >= len(wanted):
            yield f"  {where}: not expected: {dict(found[number])!r}"
        else:
            yield from _columns(where, wanted[number], found[number])


def _columns(where: str, wanted: Row, found: Row) -> Iterable[str]:
    for column, value in wanted.items():
        if column not in found:
            yield f"  {where}: no column {column}"
        elif found[column] != value:
            yield f"  {where}: {column}: expected {value!r}, is {found[column]!r}"
