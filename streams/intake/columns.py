"""From decoded events to Arrow columns: those of the table `events`, and those that routes ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.actions import ACTION_CODES, KIND_CODES, ROLE_CODES
from schemas.events import ACTIONS
from schemas.fast import FIELDS
from schemas.table import MONEY
from streams.columnar import Array
from streams.intake.actions import flags_of, invited_of, link_of, millionths_of
from streams.text import words

TEXT_FIELDS: tuple[str, ...] = tuple(f for f in FIELDS if f not in ("occurred_at", "amount", "action"))
_TEXT_GETTERS = {name: attrgetter(name) for name in TEXT_FIELDS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Columns:
    """The columns of a batch of events, each built once. What an event does not have is empty, not null."""

    def __init__(self, events: list[Any]) -> None:
        self._events = events
        kinds: set[type[msgspec.Struct]] = set(map(type, events))
        self._present = present = {name for kind in kinds for name in kind.__struct_fields__}
        absent = pa.repeat("", len(events))
        self.text: dict[str, pa.StringArray] = {
            name: _text(list(map(get, events))) if name in present else absent
            for name, get in _TEXT_GETTERS.items()
        }
        self.text["action"] = words(self.action, ACTIONS)
        # Cut to the millisecond, towards the past: numpy's division of a signed count rounds down.
        since = pa.array([e.occurred_at - _EPOCH for e in events], pa.duration("us"))
        self.occurred_at: Array = since.cast(pa.int64()).to_numpy() // 1000
        self._has_amount = "amount" in present

    @cached_property
    def amount(self) -> pa.Array:
        """Decimal(18, 6); 0 but for purchases."""
        if not self._has_amount:
            return pa.repeat(pa.scalar(Decimal(0), MONEY), len(self._events))
        return pa.array([e.amount or "0" for e in self._events], pa.string()).cast(MONEY)

    @cached_property
    def millionths(self) -> pa.Array:
        """`amount` in millionths of the currency's unit."""
        if not self._has_amount:
            return pa.repeat(0, len(self._events)).cast(pa.int64())
        return millionths_of(self.amount)

    @cached_property
    def kind(self) -> pa.Array:
        """The codes of `schemas.actions`."""
        if "kind" not in self._present:
            return pa.repeat(0, len(self._events)).cast(pa.uint8())
        codes = KIND_CODES
        return pa.array([codes[e.kind] for e in self._events], pa.uint8())

    @cached_property
    def _invited(self) -> Array:
        return invited_of(self.text["inviter_id"], self.text["user_id"])

    @cached_property
    def flags(self) -> pa.Array:
        """The bits of `schemas.actions`."""
        if not self._present & {"reply_to", "via_share_id"}:
            return pa.repeat(0, len(self._events)).cast(pa.uint8())
        text = self.text
        return flags_of(self.action.to_numpy(), text["reply_to"], text["via_share_id"], self._invited)

    @cached_property
    def link(self) -> pa.StringArray:
        """Of a share its id; of a join its inviter, else the share that brought them; else empty."""
        text = self.text
        if "inviter_id" not in self._present:  # so there are no joins
            return text["share_id"]
        return link_of(
            self.action.to_numpy(), text["share_id"], text["inviter_id"], text["via_share_id"], self._invited
        )

    @cached_property
    def action(self) -> pa.Array:
        """The codes of `schemas.actions`."""
        codes = ACTION_CODES
        return pa.array([codes[e.action] for e in self._events], pa.uint8())

    @cached_property
    def role(self) -> pa.Array:
        """The codes of `schemas.actions`."""
        codes = ROLE_CODES
        return pa.array([codes[e.role] for e in self._events], pa.uint8())


def _text(values: list[str | None]) -> pa.StringArray:
    column = pa.array(values, pa.string())
    return pc.fill_null(column, "") if column.null_count else column


def take(column: pa.Array, kept: pa.Array | None) -> pa.Array:
    """The rows `kept` of a column; all for None."""
    return column if kept is None else pc.take(column, kept)


def indexes(mask: Array) -> pa.Array | None:
    """The rows where `mask` is true, or None for all."""
    return None if mask.all() else pa.array(np.flatnonzero(mask))
