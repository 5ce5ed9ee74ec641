"""What a person may say about an import, read once and checked at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.fast import FIELDS
from streams.importing.drafts import ExportError


@dataclass(frozen=True, slots=True)
class Options:
    """See ``groupbeat import --help``. `columns` and `constants` are for CSV: by field of the contract."""

    community: str = "default"
    since: datetime | None = None
    zone: tzinfo = UTC
    operators: frozenset[str] = frozenset()
    moderators: frozenset[str] = frozenset()
    bots: frozenset[str] = frozenset()
    questions: bool = False
    posts_only: bool = False
    group_ids: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    time_format: str | None = None
    delimiter: str = ","


def read_zone(name: str) -> tzinfo:
    """A time zone by its IANA name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ExportError(f"--zone {name}: no such time zone; names are as Europe/Berlin or UTC") from error


def read_moment(text: str, zone: tzinfo, option: str) -> datetime:
    """A day, or a day and a time; in `zone` where it has no offset of its own."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ExportError(
            f"{option} {text}: give a day as 2026-01-31, or 2026-01-31T09:30:00+01:00"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def read_pairs(given: Iterable[str], option: str) -> dict[str, str]:
    """``field=value,field=value``, in one option or several; the fields must be those of the contract."""
    pairs: dict[str, str] = {}
    for part in (part.strip() for text in given for part in text.split(",")):
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise ExportError(f"{option} {part!r}: give field=value, as in {option} user_id=author")
        if name not in FIELDS:
            raise ExportError(
                f"{option} {part!r}: the contract has no field {name}; it has {', '.join(FIELDS)}"
            )
        pairs[name] = value
    return pairs


def options_from(
    *,
    community: str,
    since: str | None,
    zone: str,
    operators: Iterable[str] | None,
    moderators: Iterable[str] | None,
    bots: Iterable[str] | None,
    columns: Iterable[str] | None,
    constants: Iterable[str] | None,
    time_format: str | None,
    delimiter: str,
    questions: bool,
    posts_only: bool,
    group_ids: bool,
) -> Options:
    """Options from what was given on the command line. Raises `ExportError` that names the option."""
    if not 1 <= len(community) <= 128:
        raise ExportError("--community: 1 to 128 characters")
    if len(delimiter) != 1:
        raise ExportError(f"--delimiter {delimiter!r}: one character, as ; (a tab is $'\\t' in the shell)")
    time_zone = read_zone(zone)
    return Options(
        community=community,
        since=read_moment(since, time_zone, "--since") if since else None,
        zone=time_zone,
        operators=frozenset(operators or ()),
        moderators=frozenset(moderators or ()),
        bots=frozenset(bots or ()),
        questions=questions,
        posts_only=posts_only,
        group_ids=group_ids,
        columns=read_pairs(columns or (), "--map"),
        constants=read_pairs(constants or (), "--set"),
        time_format=time_format,
        delimiter=delimiter,
    )
