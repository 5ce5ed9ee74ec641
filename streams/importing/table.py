"""CSV (RFC 4180) with a header: a row an event, columns named by ``--map``, what is missing by ``--set``."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import IO

from schemas.fast import FIELDS
from streams.importing.contract import EPOCH
from streams.importing.drafts import Draft, ExportError, Summary
from streams.importing.options import Options

REQUIRED = ("action", "group_id", "user_id", "occurred_at")
MS_FROM = 100_000_000_000
"""Whole numbers from here on are milliseconds since 1970, smaller ones are seconds (until the year 5138)."""


def read(path: Path, options: Options, summary: Summary) -> Iterator[Draft]:
    """Drafts from a file, plain or .gz. Raises `ExportError`."""
    row = 0
    try:
        with _opened(path) as stream:
            rows = csv.DictReader(stream, delimiter=options.delimiter, strict=True)
            columns = _columns(path, rows.fieldnames or [], options)
            for row, values in enumerate(rows, 1):
                draft = _draft(values, columns, options, f"row {row}", summary)
                if draft is not None:
                    yield draft
    except FileNotFoundError as error:
        raise ExportError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise ExportError(f"{path} is not UTF-8, about row {row + 1} ({error}): save it as UTF-8") from error
    except (OSError, EOFError, csv.Error) as error:
        raise ExportError(f"{path} can't be read as CSV, about row {row + 1}: {error}") from error


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open("r", encoding="utf-8-sig", newline="")


def _columns(path: Path, header: Sequence[str], options: Options) -> dict[str, str]:
    """The column of each field: as mapped, else the column of the field's own name."""
    listed = ", ".join(header) or "none at all"
    for name, column in options.columns.items():
        if column not in header:
            raise ExportError(f"{path} has no column {column!r} for {name}; its columns: {listed}")
    own = {name: name for name in FIELDS if name in header}
    columns = {
        name: column for name, column in {**own, **options.columns}.items() if name not in options.constants
    }
    if missing := [name for name in REQUIRED if name not in columns and name not in options.constants]:
        raise ExportError(
            f"{path}: nothing says what the {missing[0]} is; its columns: {listed}. Name a column with "
            f"--map {missing[0]}=COLUMN, or give all rows one value with --set {missing[0]}=VALUE"
        )
    return columns


def _draft(
    row: Mapping[str, str | None], columns: Mapping[str, str], options: Options, where: str, summary: Summary
) -> Draft | None:
    values = {name: (row.get(column) or "").strip() for name, column in columns.items()}
    values.update(options.constants)
    try:
        at = read_time(values["occurred_at"], options.zone, options.time_format)
    except (ValueError, OverflowError):
        shown = (
            "--time-format" if options.time_format else "ISO 8601 or seconds since 1970 (see --time-format)"
        )
        summary.leave_out(f"a time that is not {shown}", where)
        return None
    own_id = values.get("event_id")
    identity = (own_id,) if own_id else tuple(f"{name}={values[name]}" for name in sorted(values))
    fields = {
        name: value or None for name, value in values.items() if name not in (*REQUIRED, "community_id")
    }
    if values.get("community_id"):
        fields["community_id"] = values["community_id"]
    return Draft(
        values["action"], values["group_id"], values["user_id"], at, identity, where, fields,
        repeats_count=not own_id,
    )  # fmt: skip


def read_time(text: str, zone: tzinfo, form: str | None) -> datetime:
    """ISO 8601, a number of seconds or milliseconds since 1970, or of a format of `strptime`."""
    if form is not None:
        at = datetime.strptime(text, form)
    elif text.isascii() and text.isdigit() and len(text) != len("20260131"):
        number = int(text)
        return EPOCH + (timedelta(milliseconds=number) if number >= MS_FROM else timedelta(seconds=number))
    else:
        at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=zone)
