"""The columns that travel from intake to the stages, and the codes that stand in them.

Each stage declares a `Route`: by which entity its actions are partitioned, and which columns it needs. Intake
sends every accepted event along every route, with the source partition, the offset, and that partition's
clock after the event, so a stage can skip what it has absorbed and decide by the clock alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import pyarrow as pa

from schemas.events import ACTIONS, Kind

ACTION_CODES: dict[str, int] = {action: code for code, action in enumerate(ACTIONS)}
JOIN, POST, SHARE, LEAVE, PURCHASE, VIEW = range(len(ACTIONS))

ROLES: tuple[str, ...] = ("", "member", "operator", "moderator")
ROLE_CODES: dict[str | None, int] = {None: 0, **{role: code for code, role in enumerate(ROLES) if role}}

KINDS: tuple[str, ...] = ("", *get_args(Kind))
KIND_CODES: dict[str | None, int] = {None: 0, **{kind: code for code, kind in enumerate(KINDS) if kind}}
NO_KIND, TALK, QUESTION, BENEFIT, AD = range(len(KINDS))

IS_REPLY, VIA_SHARE, LINKS_SHARE = 1, 2, 4
"""Bits of the column `flags`: a post with reply_to; came through a share; `link` is a share, not a person."""

COMMON_COLUMNS: tuple[pa.Field, ...] = (
    pa.field("source_offset", pa.int64()),
    pa.field("clock", pa.int64()),
    pa.field("occurred_at", pa.int64()),
    pa.field("action", pa.uint8()),
)
"""In every route; times in milliseconds."""

STAGE_COLUMNS: dict[str, pa.DataType] = {
    "community_id": pa.string(),
    "group_id": pa.string(),
    "user_id": pa.string(),
    "content_id": pa.string(),
    "reply_to": pa.string(),
    "channel": pa.string(),
    "inviter_id": pa.string(),
    "role": pa.uint8(),
    "kind": pa.uint8(),
    "flags": pa.uint8(),
    "link": pa.string(),
    "amount": pa.int64(),
    "share_id": pa.string(),
    "parent_share_id": pa.string(),
    "via_share_id": pa.string(),
}
"""What a route may ask for besides.

`kind`: code of a post's kind. `link`: of a share its share_id; of a join its inviter_id, or if it has none
but the member themselves, its via_share_id; else empty. `amount`: of a purchase, in millionths of a unit.
"""


@dataclass(frozen=True)
class Route:
    """One log of actions: whose input it is, its topic, the entity that keeps together, its columns.

    `actions`: the codes of those that go along it, if they name the entity; None for every event.
    """

    stage: str
    topic: str
    key: str
    columns: tuple[str, ...]
    actions: tuple[int, ...] | None = None

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of a message."""
        return pa.schema([*COMMON_COLUMNS, *(pa.field(c, STAGE_COLUMNS[c]) for c in self.columns)])


BY_USER = Route(
    "users",
    "actions-by-user",
    "user_id",
    ("community_id", "user_id", "group_id", "role", "kind", "flags", "link", "amount"),
)

BY_GROUP = Route(
    "groups",
    "actions-by-group",
    "group_id",
    (
        "community_id", "group_id", "user_id", "content_id", "reply_to", "channel", "inviter_id",
        "role", "kind", "amount",
    ),
)  # fmt: skip

BY_CONTENT = Route(
    "chains",
    "actions-by-content",
    "content_id",
    (
        "community_id", "content_id", "group_id", "user_id", "channel",
        "share_id", "parent_share_id", "via_share_id", "amount",
    ),
    actions=(JOIN, SHARE, PURCHASE, VIEW),
)  # fmt: skip

ROUTES: tuple[Route, ...] = (BY_USER, BY_GROUP, BY_CONTENT)
"""Every route in use. A new stage adds its own here; intake needs no other change."""

NOTE_KINDS: tuple[str, ...] = ("shared", "joined", "stayed")
SHARED, JOINED, STAYED = range(len(NOTE_KINDS))

NOTES_HEADER = "notes"
"""Of a message of notes: the partition of users that sent it."""

NOTE_SCHEMA = pa.schema(
    [
        pa.field("source_offset", pa.int64()),
        pa.field("at", pa.int64()),
        pa.field("kind", pa.uint8()),
        pa.field("by_share", pa.uint8()),
        pa.field("community_id", pa.string()),
        pa.field("to_id", pa.string()),
        pa.field("user_id", pa.string()),
    ]
)
"""What the people stage writes to other partitions of itself, in the topic of `BY_USER` (docs/people.md).

`source_offset`: the offset in the sender's own log that caused it. `at`: ms. `kind`: `NOTE_KINDS`. `to_id`: a
share (by_share = 1) or a person (0). `user_id`: who shared, or who was invited.
"""
