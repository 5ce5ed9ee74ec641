"""The columns that travel from intake to the stages, and the codes that stand in them.

Each stage declares a `Route`: by which entity its actions are partitioned, and which columns it needs. Intake
sends every accepted event along every route, with the source partition, the offset, and that partition's
clock after the event, so a stage can skip what it has absorbed and decide by the clock alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from schemas.events import ACTIONS

ACTION_CODES: dict[str, int] = {action: code for code, action in enumerate(ACTIONS)}
JOIN, POST, SHARE, LEAVE, PURCHASE, VIEW = range(len(ACTIONS))

ROLES: tuple[str, ...] = ("", "member", "operator", "moderator")
ROLE_CODES: dict[str | None, int] = {None: 0, **{role: code for code, role in enumerate(ROLES) if role}}

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
    "role": pa.uint8(),
}
"""What a route may ask for besides."""


@dataclass(frozen=True)
class Route:
    """One log of actions: whose input it is, its topic, the entity that keeps together, its columns."""

    stage: str
    topic: str
    key: str
    columns: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of a message."""
        return pa.schema([*COMMON_COLUMNS, *(pa.field(c, STAGE_COLUMNS[c]) for c in self.columns)])


BY_USER = Route("users", "actions-by-user", "user_id", ("community_id", "user_id", "group_id", "role"))

ROUTES: tuple[Route, ...] = (BY_USER,)
"""Every route in use. A new stage adds its own here; intake needs no other change."""
