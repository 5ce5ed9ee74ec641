"""IRC logs of ZNC, EnergyMech and WeeChat: a file, or a folder of files, a channel or a day of one each.

Formats: ZNC's `modules/log.cpp` (github.com/znc/znc); EnergyMech as pisg reads it (its
`Pisg/Parser/Format/energymech.pm`), the same in all that matters here; WeeChat's logger (weechat.org/doc:
lines of ``date TAB prefix TAB message``).

A user's id is the nick in lower case, without the sign of rank before it: IRC has no other id in its logs.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from streams.importing.drafts import Draft, ExportError, Groups, Summary
from streams.importing.options import Options

BRACKETED = re.compile(r"\[(?:(\d{4}-\d\d-\d\d)[ T])?(\d\d:\d\d(?::\d\d)?)\] (.*)")
"""ZNC and EnergyMech: ``[12:34:56] <ann> hello``; a date before the time if ZNC was told so."""
TABBED = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\t([^\t]*)\t(.*)")
"""WeeChat: ``2026-01-31 12:34:56 TAB ann TAB hello``."""

_SAID = re.compile(r"<([^>\s]+)> ?(.*)")
_ACTION = re.compile(r"\* (\S+) (.*)")
_CAME_OR_WENT = re.compile(r"\*\*\* (Joins|Parts|Quits): (\S+)")
_KICKED = re.compile(r"\*\*\* (\S+) was kicked by (\S+)")
_TABBED_CAME_OR_WENT = re.compile(r"(\S+) (?:.* )?has (joined|left|quit)\b")
_TABBED_KICKED = re.compile(r"(\S+) has kicked (\S+)")
_OTHER = (("is now known as", "a change of nick"), ("mode", "a mode"), ("topic", "a topic"))

RANKS = "~&@%+"
STAFF_RANKS = "~&@%"
"""Signs before a nick: founder, admin, operator, half-operator. A voice (+) is no staff."""
_DATE = re.compile(r"(?<!\d)(\d{4})[-_./]?(\d\d)[-_./]?(\d\d)(?!\d)")
_SUFFIX = re.compile(r"(\.(log|txt|weechatlog|gz))+$", re.IGNORECASE)


class Said(NamedTuple):
    """One line, understood: post, join, part, quit or kick; who (the one who was kicked), and the words."""

    kind: str
    nick: str
    text: str


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a channel: `group` names it, `source_id` says where it is, `day` is that in its name."""

    path: Path
    name: str
    group: str
    source_id: str
    day: str | None


def read(path: Path, options: Options, summary: Summary) -> Iterator[Draft]:
    """Drafts from a log, or from all files of a folder. Raises `ExportError`."""
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.is_file() and not each.name.startswith("."))
        files = [_file(each, _place(path, each)) for each in found]
    else:
        files = [_file(path, _place(path.absolute().parent, path))]
    channels = [file for file in files if file.group[0] in "#&"]
    groups = Groups(options.group_ids)
    understood = False
    for file in files:
        if channels and file not in channels:
            summary.leave_out("a file of no channel (no # in its name)", file.name)
            continue
        group = groups.name(file.source_id, file.group, str(path))
        for draft in _drafts(file, group, options, summary):
            understood = True
            yield draft
    if not understood:
        raise ExportError(
            f"{path} has no line of a member: expected logs of ZNC or EnergyMech, [12:34:56] <nick> text, or "
            "of WeeChat, 2026-01-31 12:34:56, nick and text with tabs between"
        )


def _place(folder: Path, file: Path) -> Path:
    """Where a file is in the folder; from the folder's own name on, if that may be the channel's."""
    place = file.absolute().relative_to(folder.absolute())
    return place if re.search("[#&]", place.as_posix()) else Path(folder.absolute().name) / place


def _file(path: Path, place: Path) -> _File:
    """What the name of a file says: ``libera/#python/2026-01-31.log``, ``irc.libera.#python.weechatlog``."""
    dates = list(_DATE.finditer(place.as_posix()))
    day = "-".join(dates[-1].groups()) if dates else None
    parts = [*place.parts[:-1], _SUFFIX.sub("", place.name)]
    named = [number for number, part in enumerate(parts) if re.search("[#&]", part)]
    if named:
        at = named[-1]
        bare = _DATE.sub("", parts[at]).rstrip("._-")
        start = min(bare.find(sign) for sign in "#&" if sign in bare)
        network, group = bare[:start].strip("._-"), bare[start:].lower()
    else:
        undated = [_DATE.sub("", part).strip("._-") for part in parts]
        at = max((number for number, part in enumerate(undated) if part and not part.isdigit()), default=0)
        network, group = "", undated[at].lower() or parts[at].lower()
    above = [part for part in parts[:at] if not _DATE.search(part) and not part.isdigit()]
    source_id = "/".join([*above, *([network] if network else []), group])
    return _File(path, place.as_posix(), group, source_id, day)


def _drafts(file: _File, group: str, options: Options, summary: Summary) -> Iterator[Draft]:
    now, repeats = "", Counter[tuple[str, str, str]]()
    for number, line in enumerate(_lines(file.path), 1):
        if not line:
            continue
        where = f"{file.name}, line {number}"
        day, time, said = understand(line)
        if time is None:
            summary.leave_out("not a line of a log", where)
            continue
        if isinstance(said, str):
            summary.leave_out(said, where)
            continue
        day = day or file.day
        if day is None:
            raise ExportError(
                f"{file.path}, line {number} has a time and no date, and neither has the file's name. Name "
                "the file by its day, as 2026-01-31.log in a folder of the channel's name"
            )
        try:
            at = datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=options.zone)
        except ValueError:
            summary.leave_out("a time that is none", where)
            continue
        if at.isoformat() != now:
            now = at.isoformat()
            repeats.clear()
        repeats[said] += 1
        user = said.nick.lstrip(RANKS).lower()
        action = {"post": "post", "join": "join"}.get(said.kind, "leave")
        yield Draft(
            action, group, user, at, (file.group, now, *said, str(repeats[said])), where,
            {"reason": said.kind} if action == "leave" else {}, said.text,
            "moderator" if said.nick[0] in STAFF_RANKS else None,
        )  # fmt: skip


def understand(line: str) -> tuple[str | None, str | None, Said | str]:
    """Day (if the line has one), time, and what was said, or the reason why that is nothing a member did.

    Without a time it is no line of a log.
    """
    if match := BRACKETED.fullmatch(line):
        return match[1], match[2], _bracketed(match[3])
    if match := TABBED.fullmatch(line):
        return match[1], match[2], _tabbed(match[3].strip(), match[4])
    return None, None, ""


def _bracketed(rest: str) -> Said | str:
    if match := _SAID.fullmatch(rest):
        return Said("post", match[1], match[2])
    if match := _CAME_OR_WENT.match(rest):
        return Said({"Joins": "join", "Parts": "part", "Quits": "quit"}[match[1]], match[2], "")
    if match := _KICKED.match(rest):
        return Said("kick", match[1], "")
    if rest.startswith("*** "):
        return _other(rest)
    if match := _ACTION.fullmatch(rest):
        return Said("post", match[1], match[2])
    return "a notice" if re.match(r"-\S+- ", rest) else "a line of the server or the client"


def _tabbed(prefix: str, message: str) -> Said | str:
    if prefix in ("-->", "<--"):
        if match := _TABBED_KICKED.match(message):
            return Said("kick", match[2], "")
        if match := _TABBED_CAME_OR_WENT.match(message):
            return Said({"joined": "join", "left": "part", "quit": "quit"}[match[2]], match[1], "")
        return _other(message)
    if prefix == "*":
        nick, _, text = message.partition(" ")
        return Said("post", nick, text) if nick else "a line of the server or the client"
    if prefix in ("--", "=!=", ""):
        return _other(message)
    return Said("post", prefix, message)


def _other(text: str) -> str:
    lower = text.lower()
    return next((reason for sign, reason in _OTHER if sign in lower), "a line of the server or the client")


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _lines(path: Path) -> Iterator[str]:
    """Lines as text: UTF-8, or Latin-1 where a line is not, as clients of old wrote it."""
    try:
        with _opened(path) as stream:
            for line in stream:
                bare = line.rstrip(b"\r\n")
                try:
                    yield bare.decode()
                except UnicodeDecodeError:
                    yield bare.decode("latin-1")
    except FileNotFoundError as error:
        raise ExportError(f"{path}: no such file or folder") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ExportError(f"{path} can't be read: {error}") from error
