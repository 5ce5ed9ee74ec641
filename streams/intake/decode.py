"""From a message's bytes to an event, or to the reason why it is none.

msgspec decodes; what it refuses goes through pydantic, for an error that names the field and what was
expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from pydantic import ValidationError

from schemas.events import EVENT
from schemas.fast import DECODER

ERROR_LENGTH = 1000


@dataclass(slots=True)
class Refusal:
    """One message refused: which of the batch, the reason's code, what is wrong in words."""

    index: int
    reason: str
    error: str


@dataclass(slots=True)
class Decoded:
    """A batch after decoding: event i came from record ``indexes[i]``."""

    events: list[Any] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def decode(values: Sequence[bytes | None], max_bytes: int) -> Decoded:
    """Decode a batch. Nothing is raised: what is wrong with a message is a value."""
    result = Decoded()
    keep, note = result.events.append, result.indexes.append
    read = DECODER.decode
    for index, value in enumerate(values):
        if value is None:
            result.refused.append(Refusal(index, "not_json", "the message has no value"))
        elif len(value) > max_bytes:
            error = f"{len(value)} bytes, at most {max_bytes} are taken"
            result.refused.append(Refusal(index, "too_large", error))
        else:
            try:
                if not value.isascii():
                    value.decode()  # msgspec does not look into fields that it leaves out
                keep(read(value))
                note(index)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
                result.refused.append(explain(index, value, error))
    return result


def explain(index: int, value: bytes, fast_error: Exception) -> Refusal:
    """Why the contract refuses `value`, in words for the person who sent it."""
    # pydantic is looser about JSON itself (it takes NaN), msgspec stops at the first wrong field.
    strict_json = isinstance(fast_error, msgspec.ValidationError)
    words = str(fast_error)
    try:
        EVENT.validate_json(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        strict_json = strict_json and problems[0]["type"] != "json_invalid"
        words = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'event'}: {p['msg']}" for p in problems)
    return Refusal(index, "wrong_shape" if strict_json else "not_json", words[:ERROR_LENGTH])
