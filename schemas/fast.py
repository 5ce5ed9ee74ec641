"""msgspec structs derived from the pydantic contract, for the hot path.

One struct an action, made at import from the models' own fields and constraints, so there is one contract.
Every struct answers every column of the contract: a field that its action does not have reads as ``None``,
so columns are built without asking which action it is.
"""

from __future__ import annotations

from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from annotated_types import MaxLen, MinLen
from pydantic.fields import FieldInfo

from schemas.events import MODELS, Event, Moment

FIELDS: tuple[str, ...] = tuple(dict.fromkeys(name for model in MODELS for name in model.model_fields))
"""Every field of every action, in order of first appearance, `action` included."""


def _constraints(metadata: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in metadata:
        if isinstance(item, MinLen):
            found["min_length"] = item.min_length
        elif isinstance(item, MaxLen):
            found["max_length"] = item.max_length
        elif pattern := getattr(item, "pattern", None):
            # Python's $ also matches before a closing newline; the contract's does not.
            found["pattern"] = pattern.removesuffix("$") + r"\Z"
        elif isinstance(item, FieldInfo):
            found |= _constraints(item.metadata)
    return found


def _convert(annotation: Any, metadata: list[Any]) -> Any:
    """The msgspec type of a pydantic field's type."""
    if get_origin(annotation) is Annotated:
        base, *inner = get_args(annotation)
        return _convert(base, [*inner, *metadata])
    if annotation is get_args(Moment)[0]:
        return Annotated[annotation, msgspec.Meta(tz=True)]
    options = get_args(annotation)
    if type(None) in options:
        inner_types = [_convert(option, metadata) for option in options if option is not type(None)]
        return Union[(*inner_types, None)]
    constraints = _constraints(metadata)
    return Annotated[annotation, msgspec.Meta(**constraints)] if constraints else annotation


def _struct(model: type[Event]) -> type[msgspec.Struct]:
    fields: list[Any] = []
    for name, info in model.model_fields.items():
        if name == "action":
            continue
        kind = _convert(info.annotation, info.metadata)
        fields.append((name, kind) if info.is_required() else (name, kind, info.default))
    action: str = get_args(model.model_fields["action"].annotation)[0]
    absent: dict[str, Any] = {name: None for name in FIELDS if name not in model.model_fields}
    return msgspec.defstruct(
        model.__name__,
        fields,
        tag_field="action",
        tag=action,
        kw_only=True,
        gc=False,
        namespace={**absent, "action": action, "__doc__": model.__doc__},
    )


STRUCTS: tuple[type[msgspec.Struct], ...] = tuple(_struct(model) for model in MODELS)
DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[STRUCTS])  # noqa: UP007
"""``DECODER.decode(payload)`` gives a struct, or raises `msgspec.DecodeError` or its `ValidationError`."""
