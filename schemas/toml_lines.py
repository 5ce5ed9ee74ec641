"""On which line of a TOML text each key stands: `tomllib` does not say.

The text must be valid TOML (`tomllib.loads` took it), so this only has to tell keys from values, strings and
comments. Source: the TOML 1.0.0 specification, its sections Keys, Table and Inline Table.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence

Path = tuple[str, ...]

_STRING = r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\''
_TOKEN = re.compile(rf'#[^\n]*|[\[\]{{}}=,\n]|(?:{_STRING}|[^\s"\'#\[\]{{}}=,])+', re.DOTALL)


def key_lines(text: str) -> dict[Path, int]:
    """The line, from 1, of each key and section, by its dotted path as a tuple.

    A section that is only named on the way to another (`a` of ``[a.b]``) is where it is first named. Entries
    of arrays have no lines of their own, but the keys of tables in them do, under the array's path.
    """
    lines: dict[Path, int] = {}
    line, at = 1, 0
    section: Path = ()
    brackets: list[tuple[str, Path]] = []  # that are open in a value, and the key whose value it is
    key: str | None = ""  # what was read of a key so far; None where no key can be
    current: Path = ()  # the key whose value is being read
    for found in _TOKEN.finditer(text):
        word = found[0]
        line += text.count("\n", at, found.start())
        at = found.start()
        if word == "\n":
            if not brackets:
                key = ""
        elif word == "=" or (word == "]" and not brackets and key):
            inside = brackets[-1][1] if brackets else section if word == "=" else ()
            current = inside + _parts(key or "")
            if word == "]":
                section = current
            for length in range(1, len(current)):
                lines.setdefault(current[:length], line)
            lines[current] = line
            key = None
        elif word in "[{" and key is None:
            brackets.append((word, current))
            key = "" if word == "{" else None
        elif word in "]}":
            if brackets:
                current = brackets.pop()[1]
            key = None
        elif word == ",":
            key = "" if brackets[-1][0] == "{" else None
        elif word != "[" and not word.startswith("#") and key is not None:
            key += word
    return lines


def line_of(lines: Mapping[Path, int], place: Sequence[str | int]) -> int:
    """The line of a place, or of the innermost section or key around it that has one; 1 if none has."""
    path = tuple(str(part) for part in place)
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), 1)


def dotted(place: Sequence[str | int]) -> str:
    """A place as it would be written in TOML: ``communities."my team".lifecycle``."""
    return ".".join(
        str(part) if re.fullmatch(r"[A-Za-z0-9_-]+", str(part)) else _quoted(str(part)) for part in place
    )


def _quoted(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'


def _parts(key: str) -> Path:
    """The parts of a dotted key as it is written; quotes and escapes are tomllib's business."""
    table = tomllib.loads(f"{key} = 0")
    parts = []
    while isinstance(table, dict):
        [(part, table)] = table.items()
        parts.append(part)
    return tuple(parts)
