"""Every ClickHouse table, once: its columns, their types, and how rows get in exactly once.

Two kinds of table:

* A **log** has a row for each thing that happened. `_position` is a UInt64 made of the input offset that
  caused the row and the row's number within that input message (`position`), the same however often the
  input is replayed and however it is batched. The sink inserts only rows above the highest position in the
  table for their `_partition` (which stage and which of its input partitions wrote them).
* An **entity** table has the newest snapshot of each entity; `_version` grows with the input offset, so a
  repeat or a stale snapshot changes nothing. It is stored as ``NAME_snapshots`` and read through the view
  ``NAME``.

The Arrow schema between the stages and the sink and the DDL both come from here. The numbered files in
``sinks/migrations/`` are what was applied when; a test holds them against this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

POSITION_ROW_BITS = 24
"""How many of the 64 bits of a position count rows within one input message (16.7 million)."""


def position(offset: int, row: int = 0) -> int:
    """The `_position` of row number `row` caused by the input message at `offset`."""
    return (offset << POSITION_ROW_BITS) | row


@dataclass(frozen=True)
class Column:
    """One column: its name, its ClickHouse type, its Arrow type on the way there, and what it means."""

    name: str
    clickhouse: str
    arrow: pa.DataType
    doc: str


@dataclass(frozen=True)
class Table:
    """One table. `order_by` is also the key of an entity."""

    name: str
    kind: Literal["log", "entity"]
    doc: str
    columns: tuple[Column, ...]
    order_by: tuple[str, ...]

    @property
    def stored_as(self) -> str:
        """The name of the table that is inserted into."""
        return f"{self.name}_snapshots" if self.kind == "entity" else self.name

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The table's own columns and those that the sink's exactly-once rests on."""
        return self.columns + (LOG_COLUMNS if self.kind == "log" else ENTITY_COLUMNS)

    @property
    def arrow_schema(self) -> pa.Schema:
        """The schema of a `rows` message: every column but `_partition`, which its headers carry."""
        return pa.schema([pa.field(c.name, c.arrow) for c in self.all_columns if c.name != PARTITION.name])

    def ddl(self) -> str:
        """The CREATE TABLE statement."""
        width = max(len(c.name) for c in self.all_columns)
        lines = [
            f"    {c.name:<{width}} {c.clickhouse} COMMENT '{c.doc}'".replace("\\", "\\\\")
            for c in self.all_columns
        ]
        order = ", ".join(self.order_by)
        if self.kind == "log":
            lines.append("    PROJECTION positions (SELECT _partition, max(_position) GROUP BY _partition)")
            engine = (
                "ENGINE = MergeTree\n"
                "PARTITION BY toYYYYMM(_ingested_at)\n"
                f"ORDER BY ({order})\n"
                "SETTINGS non_replicated_deduplication_window = 1000"
            )
        else:
            engine = (
                "ENGINE = ReplacingMergeTree(_version)\n"
                f"ORDER BY ({order})\n"
                "SETTINGS min_age_to_force_merge_seconds = 60, non_replicated_deduplication_window = 1000"
            )
        body = ",\n".join(lines)
        return f"CREATE TABLE {self.stored_as}\n(\n{body}\n)\n{engine}\nCOMMENT '{self.doc}'"


TEXT = pa.string()
MOMENT = pa.timestamp("ms", tz="UTC")
MONEY = pa.decimal128(18, 6)

PARTITION = Column(
    "_partition", "LowCardinality(String)", TEXT, "Stage and input partition that wrote the row"
)
LOG_COLUMNS = (
    PARTITION,
    Column("_position", "UInt64", pa.uint64(), "Input offset and row within it: unique in _partition"),
    Column("_ingested_at", "DateTime64(3, 'UTC')", MOMENT, "When the broker took the message behind the row"),
)
ENTITY_COLUMNS = (Column("_version", "UInt64", pa.uint64(), "Grows with the input offset"),)


def _text(name: str, doc: str) -> Column:
    return Column(name, "String", TEXT, doc)


def _word(name: str, doc: str) -> Column:
    return Column(name, "LowCardinality(String)", TEXT, doc)


def _moment(name: str, doc: str) -> Column:
    return Column(name, "DateTime64(3, 'UTC')", MOMENT, doc)


def _count(name: str, doc: str) -> Column:
    return Column(name, "UInt32", pa.uint32(), doc)


def _total(name: str, doc: str) -> Column:
    return Column(name, "UInt64", pa.uint64(), doc)


EVENTS = Table(
    "events",
    "log",
    "Every accepted event, once",
    (
        _text("event_id", "Unique for each thing that happened"),
        _word("action", "join, post, share, leave, purchase or view"),
        _word("community_id", "The community"),
        _word("group_id", "The group in which it happened"),
        _text("user_id", "The member who did it"),
        _moment("occurred_at", "When it happened"),
        _word("channel", "Join: what brought them. Share: where to"),
        _text("inviter_id", "Join: who invited them"),
        _text("content_id", "The content written, shared, viewed, or that led to it"),
        _text("via_share_id", "The share through which they came"),
        _word("role", "Join, post: member, operator or moderator"),
        _text("reply_to", "Post: the content that it answers"),
        _word("kind", "Post: talk, question, benefit or ad"),
        _text("share_id", "Share: its id"),
        _text("parent_share_id", "Share: the share through which they had got it"),
        _text("reason", "Leave: why"),
        _text("order_id", "Purchase: the order"),
        Column("amount", "Decimal(18, 6)", MONEY, "Purchase: what was paid, in `currency`"),
        _word("currency", "Purchase: ISO 4217"),
        Column(
            "late", "UInt8", pa.uint8(), "1: older than 28 days behind the stream clock, left out of windows"
        ),
        Column("source_partition", "UInt16", pa.uint16(), "Partition of the topic of events"),
        Column("source_offset", "UInt64", pa.uint64(), "Offset in it"),
        Column(
            "replay_of",
            "Nullable(UInt64)",
            pa.uint64(),
            "Offset of the refused message that this one repeats",
        ),
    ),
    ("community_id", "group_id", "occurred_at"),
)

REJECTED = Table(
    "rejected",
    "log",
    "Every message that is not an event of the contract, whole, with the reason",
    (
        _word("reason", "not_json, wrong_shape, too_large, from_future or before_1970"),
        _text("error", "What is wrong, and with which field"),
        Column("payload", "String", pa.binary(), "The message as it came"),
        Column("key", "String", pa.binary(), "Its Kafka key"),
        Column("source_partition", "UInt16", pa.uint16(), "Partition of the topic of events"),
        Column("source_offset", "UInt64", pa.uint64(), "Offset in it"),
        Column(
            "replay_of",
            "Nullable(UInt64)",
            pa.uint64(),
            "Offset of the refused message that this one repeats",
        ),
    ),
    ("reason", "source_partition", "source_offset"),
)

SEGMENT_TRANSITIONS = Table(
    "segment_transitions",
    "log",
    "Each change of a person''s segment, when it became true, and why",
    (
        _word("community_id", "The community"),
        _text("user_id", "The person"),
        _word("ladder", "Which ladder: lifecycle, pyramid, intent, closeness or level"),
        _word("from_segment", "The segment before; empty for the first"),
        _word("to_segment", "The segment from now on"),
        _moment("at", "When it became true, not when it was noticed"),
        Column("day", "Date32", pa.date32(), "The day of at, in the time zone of the community"),
        _word("rule", "The rule that decided it"),
        _text("evidence", "JSON: the values that decided it"),
    ),
    ("community_id", "ladder", "at"),
)

MEDALS = Table(
    "medals",
    "log",
    "Each medal, once a person",
    (
        _word("community_id", "The community"),
        _text("user_id", "The person"),
        _word("medal", "first_post, streak, many_posts, many_invites, first_purchase or comeback"),
        _moment("at", "When it was earned"),
    ),
    ("community_id", "medal", "at"),
)

USERS = Table(
    "users",
    "entity",
    "Each person as of their last change",
    (
        _word("community_id", "The community"),
        _text("user_id", "The person"),
        _word("segment", "Lifecycle: new, active, core, resurrected, join_and_stay, silent or lost"),
        _moment("segment_since", "Since when"),
        _moment("first_at", "Their first event"),
        _moment("last_at", "Their last activity (any action but leave)"),
        _count("joins", "Events of that action so far"),
        _count("posts", "Events of that action so far"),
        _count("shares", "Events of that action so far"),
        _count("leaves", "Events of that action so far"),
        _count("purchases", "Events of that action so far"),
        _count("views", "Events of that action so far"),
        Column("active_days_28", "UInt8", pa.uint8(), "Active days of the 28 that end with their last one"),
        _count("actions_7", "Activities in the 7 days that end with their last active one"),
        _count("actions_28", "Activities in the 28 days that end with their last active one"),
        Column("score", "Float64", pa.float64(), "Weighted activity, half-life 7 days, as of score_at"),
        _moment("score_at", "When score was worked out"),
        _count("groups", "Groups they are in"),
        _count("groups_left", "Times they left a group"),
        _word("role", "Their last known role: member, operator or moderator"),
        _moment("joined_at", "Their first join; 1970 for none"),
        _moment("first_post_at", "Their first post; 1970 for none"),
        Column("activated", "UInt8", pa.uint8(), "1: posted within 24 h (a rule) of joining"),
        _text("inviter_id", "Who invited them, by their first join"),
        _text("via_share_id", "The share that brought them, if nobody is named"),
        _word("pyramid", "Pyramid: staff, organiser, valuable, general or invalid"),
        _moment("pyramid_since", "Since when; 1970: from the beginning"),
        _word("intent", "Intent: none, potential, intent, strong, buyer or hunter"),
        _moment("intent_since", "Since when; 1970: from the beginning"),
        Column(
            "intent_score", "Float64", pa.float64(), "Weighted intent, half-life 14 days, as of intent_at"
        ),
        _moment("intent_at", "When intent_score was worked out"),
        _word("closeness", "Closeness: know, like or rely"),
        _moment("closeness_since", "Since when; 1970: from the beginning"),
        _count("own_28", "Talks, questions and shares in the 28 days that end with their last active one"),
        _count("benefits_28", "Benefit actions in those days"),
        _count("benefits", "Benefit actions so far: posts of kind benefit as a member"),
        _count("replies", "Posts that answer another so far"),
        Column(
            "interaction_depth",
            "Nullable(Float64)",
            pa.float64(),
            "Replies of all posts; null under 20 (a rule) posts",
        ),
        Column(
            "reward_share",
            "Nullable(Float64)",
            pa.float64(),
            "Benefit actions of all activities; null under 20 (a rule)",
        ),
        _moment("purchase_at", "Their latest purchase; 1970 for none"),
        _moment("purchase_before", "The one before; 1970 for none"),
        Column("level", "UInt8", pa.uint8(), "Level: 0 and up"),
        _moment("level_since", "Since when; 1970: from the beginning"),
        _word("title", "The title of the level"),
        Column(
            "level_points", "Float64", pa.float64(), "Points that decay without activity; decide the level"
        ),
        _count("points_join", "Points earned by joining, so far"),
        _count("points_post", "Points earned by posts, so far"),
        _count("points_share", "Points earned by shares, so far"),
        _count("points_day", "Points earned by the first action of a day, so far"),
        _count("points_invite", "Points earned by invited people who stayed, so far"),
        _count("points_purchase", "Points earned by purchases, so far"),
        _count("invites", "People who joined on their invitation or share"),
        _count("invites_stayed", "Those of them who came to 2 (a rule) active days"),
        Column(
            "medals", "Array(LowCardinality(String))", pa.list_(TEXT), "Medals earned, in no order of time"
        ),
    ),
    ("community_id", "user_id"),
)

RECEIPTS = Table(
    "receipts",
    "entity",
    "What each stage did with each input partition: consumed = accepted + rejected + duplicate",
    (
        _word("stage", "The stage"),
        Column("partition", "UInt16", pa.uint16(), "Its input partition"),
        _total("consumed", "Events taken from the log"),
        _total("accepted", "Events absorbed"),
        _total("rejected", "Messages refused, kept in the table rejected"),
        _total("duplicate", "Events dropped as repeats of one seen before"),
        _total("skipped", "Replays of events already absorbed, beside the others"),
        _total("next_offset", "The offset from which the stage goes on"),
        _moment("clock", "The stream clock of the partition"),
    ),
    ("stage", "partition"),
)

TABLES: dict[str, Table] = {
    table.name: table for table in (EVENTS, REJECTED, SEGMENT_TRANSITIONS, MEDALS, USERS, RECEIPTS)
}
"""Every table by name."""
