"""The thresholds as tables of Markdown, made from the models: ``python -m schemas.rules_table``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from inspect import cleandoc

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from schemas.rules import CommunityRules, Rules


def thresholds() -> str:
    """A heading, what it is and a table for each section; first what is in none. A part of docs/rules.md."""
    intake = [
        name for name in Rules.model_fields if name not in (*CommunityRules.model_fields, "communities")
    ]
    lines = ["### Intake", "", "Before the first section; the same for all communities.", ""]
    lines += _table(Rules, intake)
    lines += [
        "### Without a section",
        "",
        "Before the first section, or right below `[communities.NAME]`.",
        "",
    ]
    lines += _table(CommunityRules, [n for n in CommunityRules.model_fields if not _section(n)])
    for name in CommunityRules.model_fields:
        if section := _section(name):
            lines += [f"### `[{name}]`", "", cleandoc(section.__doc__ or ""), ""]
            lines += _table(section, list(section.model_fields))
    return "\n".join(lines)


def _section(name: str) -> type[BaseModel] | None:
    kind = CommunityRules.model_fields[name].annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _table(model: type[BaseModel], names: list[str]) -> Iterator[str]:
    yield "| name | default | may be | what it is |"
    yield "|---|---|---|---|"
    for name in names:
        field = model.model_fields[name]
        default = json.dumps(field.default, ensure_ascii=False).removesuffix(".0")
        yield f"| `{name}` | `{default}` | {_range(field)} | {field.description} |"
    yield ""


def _range(field: FieldInfo) -> str:
    """What values a field takes, in words."""
    limits = {
        name: getattr(limit, name)
        for limit in field.metadata
        for name in ("ge", "le", "min_length", "max_length")
        if hasattr(limit, name)
    }
    if "ge" in limits:
        return f"{limits['ge']:,} to {limits['le']:,}"
    return f"{limits['min_length']} to {limits['max_length']} texts" if limits else "text"


if __name__ == "__main__":
    print(thresholds(), end="")
