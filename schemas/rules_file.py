"""What is wrong with a rules file: all of it at once, each with its line, its place and what is right."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.toml_lines import dotted, key_lines, line_of

Table = dict[str, Any]
Place = tuple[str | int, ...]


class Problem(NamedTuple):
    """One thing that is wrong."""

    line: int
    place: str
    """Dotted, as ``communities.hdv.lifecycle.silent_days``."""
    told: str

    def __str__(self) -> str:
        return f"{self.line}: {self.place}: {self.told}" if self.place else f"{self.line}: {self.told}"


def overlay(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Table:
    """`base` with `changes` over it, section by section."""
    result = dict(base)
    for name, value in changes.items():
        below = result.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            value = overlay(below, value)
        result[name] = value
    return result


def problems(text: str, table: Table, whole: type[BaseModel], one: type[BaseModel]) -> list[Problem]:
    """All that is wrong with `table`, read from the TOML `text`, in the order of lines.

    `whole` is the model of the file, `one` that of what a community may override, in ``communities.NAME``. A
    community is judged by what it overrides itself: an error of the whole file is told once.
    """
    lines = key_lines(text)
    communities = table.get("communities")
    overrides = communities if isinstance(communities, dict) else {}
    common = table
    if overrides:
        common = {**table, "communities": {n: {} if isinstance(c, dict) else c for n, c in overrides.items()}}
    errors, common = _judged(whole, common)
    found = [_problem(e, (), lines, whole, whole) for e in errors]
    base = {name: value for name, value in common.items() if name in one.model_fields}
    for name, changes in overrides.items():
        if not isinstance(changes, dict):
            continue
        place = ("communities", name)
        if not _overrides_any(changes):
            told = "overrides nothing: name a setting in it, or leave it out"
            found.append(Problem(line_of(lines, place), dotted(place), told))
        errors, _ = _judged(one, overlay(base, changes))
        found += [_problem(e, place, lines, one, whole) for e in errors]
    return sorted(found)


def _judged(model: type[BaseModel], table: Table) -> tuple[list[ErrorDetails], Table]:
    """The errors of a table, and the table without what they are about, so that it has none."""
    errors: list[ErrorDetails] = []
    while True:
        try:
            model.model_validate(table)
        except ValidationError as error:
            # Checks between settings wait for the settings to be right; with defaults for wrong ones they
            # would tell of what nobody wrote. So only the first round is told.
            errors = errors or error.errors()
            for wrong in error.errors():
                table = _without(table, wrong["loc"])
        else:
            return errors, table


def _without(table: Table, place: Place) -> Table:
    name, rest = str(place[0]), place[1:]
    inner = table.get(name)
    if rest and isinstance(inner, dict) and rest[0] in inner:
        return {**table, name: _without(inner, rest)}
    return {key: value for key, value in table.items() if key != name}


def _overrides_any(table: Table) -> bool:
    return any(_overrides_any(value) if isinstance(value, dict) else True for value in table.values())


def _problem(
    error: ErrorDetails, before: Place, lines: Mapping[tuple[str, ...], int], model: type[BaseModel],
    whole: type[BaseModel],
) -> Problem:  # fmt: skip
    """An error of pydantic, found in `model` at the place `before`, in words for who wrote the file."""
    place = tuple(part for part in (*before, *error["loc"]) if part != "[key]")
    line = line_of(lines, place)
    match error["type"]:
        case "extra_forbidden":
            told = _unknown(error, before, model, whole)
        case "value_error":
            told = str(error["ctx"]["error"])
            # A check between settings is told where the last of them is set.
            named = [(*place, word) for word in re.findall(r"\w+", told)]
            line = max((lines[path] for path in named if path in lines), default=line)
        case "model_type" | "dict_type":
            told = f"is a section: write [{dotted(place)}] and its settings below"
        case "tuple_type":
            told = f"should be a list, is {_shown(error['input'])}"
        case _:
            told = re.sub(r"^(Input|String|Tuple|Dictionary) ", "", error["msg"]).replace(
                " after validation", ""
            )
            if not isinstance(error["input"], list | dict):
                told += f", is {_shown(error['input'])}"
    return Problem(line, dotted(place), told)


def _unknown(error: ErrorDetails, before: Place, model: type[BaseModel], whole: type[BaseModel]) -> str:
    """What to do about a name that is not known where it stands."""
    *sections, name = map(str, error["loc"])
    if name in whole.model_fields and name not in model.model_fields and before:
        return "can't differ between communities: set it for all, before the first section"
    elsewhere = [
        dotted((*before, section, name)) for section, m in _sections(model).items() if name in m.model_fields
    ]
    if name in model.model_fields:
        elsewhere.insert(0, dotted((*before, name)) if before else f"{name} before the first section")
    for section in sections:
        model = _sections(model).get(section, model)  # the name of one among others of a kind leads nowhere
    kind = "section" if isinstance(error["input"], dict) else "setting"
    close = get_close_matches(name, model.model_fields, n=1)
    if close and (not elsewhere or get_close_matches(name, close, cutoff=0.85)):
        return f"no such {kind}; did you mean {close[0]}?"
    if elsewhere:
        return f"no such {kind} here; did you mean {' or '.join(elsewhere)}?"
    known = [field for field in model.model_fields if (field in _sections(model)) == (kind == "section")]
    return f"no such {kind}; there are {', '.join(known)}" if known else f"no such {kind}: it has none"


def _sections(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The fields of a model that are models, or have a model under each of their names."""
    kinds = {
        name: next(reversed(get_args(field.annotation)), field.annotation)
        for name, field in model.model_fields.items()
    }
    return {
        name: kind for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, BaseModel)
    }


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else reprlib.repr(value)
