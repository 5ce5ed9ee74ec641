"""Lines of keys, against tomllib's reading of the same text."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from schemas.toml_lines import Path, dotted, key_lines, line_of


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", {}),
        ("# a = 1\n\na = 1 # b = 2\n", {("a",): 3}),
        ("a = 1\r\nb = 2\r\n", {("a",): 1, ("b",): 2}),
        ("[a]\nb = 1\n\n[a.c]\nd = 1", {("a",): 1, ("a", "b"): 2, ("a", "c"): 4, ("a", "c", "d"): 5}),
        ("[a.b]\nc = 1\n[a]\nd = 2", {("a", "b"): 1, ("a", "b", "c"): 2, ("a",): 3, ("a", "d"): 4}),
        ("a.b = 1\n a . c=2", {("a",): 1, ("a", "b"): 1, ("a", "c"): 2}),
        ("[ x . 'y' ]\nz = 1", {("x",): 1, ("x", "y"): 1, ("x", "y", "z"): 2}),
        (
            'a = {b = 1, c = {d = "}, e = 1"}, f = [1, {g = 2}]}\nh = 1',
            {
                ("a",): 1, ("a", "b"): 1, ("a", "c"): 1, ("a", "c", "d"): 1, ("a", "f"): 1,
                ("a", "f", "g"): 1, ("h",): 2,
            },
        ),
        ("a = [\n  1, # ]\n  2,\n]\nb = 3", {("a",): 1, ("b",): 5}),
        ("a = [[1], [2]]\nb = 3", {("a",): 1, ("b",): 2}),
        ('a = """\nb = 1\n\\"""\n"""""\nc = 2', {("a",): 1, ("c",): 5}),
        ('a = """x""""\nb = "c"', {("a",): 1, ("b",): 2}),
        ("a = '''\n[b]\n'''\nc = 2", {("a",): 1, ("c",): 4}),
        ('a = "\\"#"\n"b.c \\u0064" = 2', {("a",): 1, ("b.c d",): 2}),
        ('[communities."my team".x]\ny = 1',
         {("communities",): 1, ("communities", "my team"): 1, ("communities", "my team", "x"): 1,
          ("communities", "my team", "x", "y"): 2}),
        ("[[a]]\nb = 1\n[[a]]\nb = 2\n[c]", {("a",): 3, ("a", "b"): 4, ("c",): 5}),
    ],
)  # fmt: skip
def test_each_key_has_its_line(text: str, lines: dict[Path, int]) -> None:
    tomllib.loads(text)
    assert key_lines(text) == lines


def test_a_place_without_a_line_is_where_its_section_is() -> None:
    lines = key_lines("[a]\nb = [\n1,\n]")
    assert line_of(lines, ("a", "b", 0)) == 2
    assert line_of(lines, ("a", "x", "y")) == 1
    assert line_of(key_lines("\n[a]"), ("a", "x")) == 2
    assert line_of(lines, ()) == 1


def test_places_are_written_as_toml_has_them() -> None:
    assert dotted(("communities", "my team", "level", "titles", 3)) == 'communities."my team".level.titles.3'
    assert dotted(('a"b\\\n', "", "é")) == '"a\\"b\\\\\\u000a"."".' + '"é"'


NAMES = st.text(st.characters(codec="utf-8"), max_size=4) | st.sampled_from(["a", "b", "a-b", "1", "a.b"])
PLAIN = (
    st.integers(-9, 9).map(str)
    | st.booleans().map(lambda value: str(value).lower())
    | st.text(max_size=6).map(lambda text: json.dumps(text, ensure_ascii=True).replace("\\ud", "\\ue"))
    | st.sampled_from(
        ["'# ='", "1979-05-27 07:32:00Z", '"""\nx = 1\n"""', "'''\n[y]\n''\n'''", "''", '"]}"', "+1.5e3"]
    )
)
SPACE = st.sampled_from(["", " ", "\t", "  "])
GAP = st.sampled_from(["\n", "\r\n", "\n\n", " # [c]\n", "\n# d = 1\n"])


@st.composite
def keys(draw: st.DrawFn, name: str) -> str:
    """A name as a key: bare where it can be, or quoted."""
    bare = name and all(c.isascii() and (c.isalnum() or c in "-_") for c in name)
    if bare and draw(st.booleans()):
        return name
    return '"' + "".join(f"\\U{ord(c):08x}" if not c.isalnum() else c for c in name) + '"'


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    """A value: plain, an array over several lines, or an inline table."""
    kind = draw(st.sampled_from(["plain", "array", "table"] if depth else ["plain"]))
    if kind == "plain":
        return draw(PLAIN)
    if kind == "array":
        parts = draw(st.lists(values(depth - 1), max_size=3))
        return "[" + "".join(f"{draw(GAP)}{part}," for part in parts) + draw(GAP) + "]"
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    return "{" + ", ".join(f"{draw(keys(name))} = {draw(values(depth - 1))}" for name in names) + "}"


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[Path, int]]:
    """A TOML text, and the lines of its sections and of the keys in them."""
    text, lines = draw(GAP), dict[Path, int]()
    sections = draw(st.lists(st.lists(NAMES, min_size=1, max_size=3).map(tuple), max_size=3, unique=True))
    for section in [(), *sections]:
        if section:
            lines[section] = text.count("\n") + 1
            text += f"{draw(SPACE)}[{'.'.join(draw(keys(name)) for name in section)}]{draw(GAP)}"
        for name in draw(st.lists(NAMES, max_size=3, unique=True)):
            lines[*section, name] = text.count("\n") + 1
            text += f"{draw(SPACE)}{draw(keys(name))}{draw(SPACE)}={draw(SPACE)}{draw(values())}{draw(GAP)}"
    return text, lines


def paths(table: dict[str, Any], before: Path = ()) -> Iterator[Path]:
    """The path of every key of tables, also of those in arrays."""
    for name, value in table.items():
        yield (*before, name)
        yield from _inside(value, (*before, name))


def _inside(value: object, before: Path) -> Iterator[Path]:
    if isinstance(value, dict):
        yield from paths(value, before)
    elif isinstance(value, list):
        for entry in value:
            yield from _inside(entry, before)


@given(documents())
def test_any_text_has_the_keys_that_tomllib_reads_on_the_lines_where_they_are(
    document: tuple[str, dict[Path, int]],
) -> None:
    text, lines = document
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        reject()  # a name was given twice
    found = key_lines(text)
    assert set(found) == set(paths(table))
    assert {path: found[path] for path in lines} == lines
