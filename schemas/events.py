"""The event contract, version 1: what an app may send.

These pydantic models are the contract. Everything else follows from them: the JSON Schema that producers in
other languages read (``groupbeat schema``), and the msgspec structs that decode on the hot path, several
times faster. A message that the structs refuse goes through the models for an error people can act on.

Unknown fields are left out, not refused; wrong ones are refused, with the field's name and what was expected.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema

CONTRACT_VERSION = 1

Action = Literal["join", "post", "share", "leave", "purchase", "view"]
Role = Literal["member", "operator", "moderator"]
Kind = Literal["talk", "question", "benefit", "ad"]

ACTIONS: tuple[str, ...] = get_args(Action)
"""Every action, in the order of its code between stages (`schemas.actions`)."""


def _rfc3339(value: object) -> datetime:
    """The same reading of a timestamp as on the hot path: RFC 3339 with an offset, nothing looser."""
    if isinstance(value, str | datetime):
        try:
            moment: datetime = msgspec.convert(value, Annotated[datetime, msgspec.Meta(tz=True)])
            return moment
        except msgspec.ValidationError as error:
            raise ValueError(f"{value!r} is not RFC 3339 with an offset, as 2026-01-31T09:30:00Z") from error
    raise ValueError("must be a string, RFC 3339 with an offset, as 2026-01-31T09:30:00Z")


EventId = Annotated[str, Field(min_length=1, max_length=64)]
Id = Annotated[str, Field(min_length=1, max_length=128)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Reason = Annotated[str, Field(max_length=256)]
Amount = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Moment = Annotated[
    datetime, BeforeValidator(_rfc3339), WithJsonSchema({"type": "string", "format": "date-time"})
]


class Event(BaseModel):
    """What every action carries."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    event_id: EventId = Field(description="Unique for each thing that happened; a repeat is dropped.")
    community_id: Id = Field(
        "default", description="The community: segments, rules and reports are per community."
    )
    group_id: Id = Field(description="The group in which it happened.")
    user_id: Id = Field(description="The member who did it.")
    occurred_at: Moment = Field(
        description="When it happened: RFC 3339 with an offset, kept to the millisecond."
    )


class Join(Event):
    """A member enters a group."""

    action: Literal["join"]
    channel: Name | None = Field(None, description="What brought them: direct, invite, ad, ...")
    inviter_id: Id | None = Field(None, description="The member who invited them.")
    content_id: Id | None = Field(None, description="The content that brought them.")
    via_share_id: Id | None = Field(
        None, description="The share that brought them; in its tree it counts only with content_id."
    )
    role: Role | None = Field(None, description="Their role in the group from now on.")


class Post(Event):
    """A member writes in a group."""

    action: Literal["post"]
    content_id: Id | None = Field(None, description="The id of what was written, if others may refer to it.")
    reply_to: Id | None = Field(None, description="The content_id that it answers.")
    role: Role = Field("member", description="The role in which it was written.")
    kind: Kind = Field("talk", description="What kind of post it is.")


class Share(Event):
    """A member passes a content on."""

    action: Literal["share"]
    content_id: Id = Field(description="What was shared.")
    share_id: Id = Field(description="Unique for this share; views, joins and purchases name it.")
    parent_share_id: Id | None = Field(
        None, description="The share through which they had got it themselves."
    )
    channel: Name | None = Field(None, description="Where it was shared to.")


class Leave(Event):
    """A member leaves a group."""

    action: Literal["leave"]
    reason: Reason | None = Field(None, description="Why, if known.")


class Purchase(Event):
    """A member buys."""

    action: Literal["purchase"]
    order_id: Id = Field(description="The order in the shop's own system.")
    amount: Amount = Field(
        description="A decimal string, 0 or more, up to 12 digits before and 6 after the point."
    )
    currency: Currency = Field(description="ISO 4217, as EUR.")
    content_id: Id | None = Field(None, description="The content that led to it.")
    via_share_id: Id | None = Field(
        None, description="The share that led to it; in its tree it counts only with content_id."
    )


class View(Event):
    """A member looks at a content."""

    action: Literal["view"]
    content_id: Id = Field(description="What was viewed.")
    via_share_id: Id | None = Field(None, description="The share through which they came.")


AnyEvent = Annotated[Join | Post | Share | Leave | Purchase | View, Field(discriminator="action")]

EVENT: TypeAdapter[Any] = TypeAdapter(AnyEvent)
"""Validates one event of any action: ``EVENT.validate_json(payload)`` raises pydantic's `ValidationError`."""

MODELS: tuple[type[Event], ...] = (Join, Post, Share, Leave, Purchase, View)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of one event, for producers in other languages."""
    schema = EVENT.json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"groupbeat/event/v{CONTRACT_VERSION}",
        "title": "groupbeat event",
        **schema,
    }
