"""Every ClickHouse table, once. Those of groups and chains are in ``group_tables.py``, ``chain_tables.py``.

The Arrow schema between the stages and the sink and the DDL both come from here. The numbered files in
``sinks/migrations/`` are what was applied when; a test holds them against this module.
"""

from __future__ import annotations

import pyarrow as pa

from schemas.chain_tables import CONTENTS, REFUSED_SHARES, SHARES
from schemas.group_tables import ALERT_CHANGES, GROUPS, MEMBERSHIPS
from schemas.table import MONEY, TEXT, Column, Table, count, moment, text, total, word

EVENTS = Table(
    "events",
    "log",
    "Every accepted event, once",
    (
        text("event_id", "Unique for each thing that happened"),
        word("action", "join, post, share, leave, purchase or view"),
        word("community_id", "The community"),
        word("group_id", "The group in which it happened"),
        text("user_id", "The member who did it"),
        moment("occurred_at", "When it happened"),
        word("channel", "Join: what brought them. Share: where to"),
        text("inviter_id", "Join: who invited them"),
        text("content_id", "The content written, shared, viewed, or that led to it"),
        text("via_share_id", "The share through which they came"),
        word("role", "Join, post: member, operator or moderator"),
        text("reply_to", "Post: the content that it answers"),
        word("kind", "Post: talk, question, benefit or ad"),
        text("share_id", "Share: its id"),
        text("parent_share_id", "Share: the share through which they had got it"),
        text("reason", "Leave: why"),
        text("order_id", "Purchase: the order"),
        Column("amount", "Decimal(18, 6)", MONEY, "Purchase: what was paid, in `currency`"),
        word("currency", "Purchase: ISO 4217"),
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
        word("reason", "not_json, wrong_shape, too_large, from_future or before_1970"),
        text("error", "What is wrong, and with which field"),
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
        word("community_id", "The community"),
        text("user_id", "The person"),
        word("ladder", "Which ladder: lifecycle, pyramid, intent, closeness or level"),
        word("from_segment", "The segment before; empty for the first"),
        word("to_segment", "The segment from now on"),
        moment("at", "When it became true, not when it was noticed"),
        Column("day", "Date32", pa.date32(), "The day of at, in the time zone of the community"),
        word("rule", "The rule that decided it"),
        text("evidence", "JSON: the values that decided it"),
    ),
    ("community_id", "ladder", "at"),
)

MEDALS = Table(
    "medals",
    "log",
    "Each medal, once a person",
    (
        word("community_id", "The community"),
        text("user_id", "The person"),
        word("medal", "first_post, streak, many_posts, many_invites, first_purchase or comeback"),
        moment("at", "When it was earned"),
    ),
    ("community_id", "medal", "at"),
)

USERS = Table(
    "users",
    "entity",
    "Each person as of their last change",
    (
        word("community_id", "The community"),
        text("user_id", "The person"),
        word("segment", "Lifecycle: new, active, core, resurrected, join_and_stay, silent or lost"),
        moment("segment_since", "Since when"),
        moment("first_at", "Their first event"),
        moment("last_at", "Their last activity (any action but leave)"),
        count("joins", "Events of that action so far"),
        count("posts", "Events of that action so far"),
        count("shares", "Events of that action so far"),
        count("leaves", "Events of that action so far"),
        count("purchases", "Events of that action so far"),
        count("views", "Events of that action so far"),
        Column("active_days_28", "UInt8", pa.uint8(), "Active days of the 28 that end with their last one"),
        count("actions_7", "Activities in the 7 days that end with their last active one"),
        count("actions_28", "Activities in the 28 days that end with their last active one"),
        Column("score", "Float64", pa.float64(), "Weighted activity, half-life 7 days, as of score_at"),
        moment("score_at", "When score was worked out"),
        count("groups", "Groups they are in"),
        count("groups_left", "Times they left a group"),
        word("role", "Their last known role: member, operator or moderator"),
        moment("joined_at", "Their first join; 1970 for none"),
        moment("first_post_at", "Their first post; 1970 for none"),
        Column("activated", "UInt8", pa.uint8(), "1: posted within 24 h (a rule) of joining"),
        text("inviter_id", "Who invited them, by their first join"),
        text("via_share_id", "The share that brought them, if nobody is named"),
        word("pyramid", "Pyramid: staff, organiser, valuable, general or invalid"),
        moment("pyramid_since", "Since when; 1970: from the beginning"),
        word("intent", "Intent: none, potential, intent, strong, buyer or hunter"),
        moment("intent_since", "Since when; 1970: from the beginning"),
        Column(
            "intent_score", "Float64", pa.float64(), "Weighted intent, half-life 14 days, as of intent_at"
        ),
        moment("intent_at", "When intent_score was worked out"),
        word("closeness", "Closeness: know, like or rely"),
        moment("closeness_since", "Since when; 1970: from the beginning"),
        count("own_28", "Talks, questions and shares in the 28 days that end with their last active one"),
        count("benefits_28", "Benefit actions in those days"),
        count("benefits", "Benefit actions so far: posts of kind benefit as a member"),
        count("replies", "Posts that answer another so far"),
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
        moment("purchase_at", "Their latest purchase; 1970 for none"),
        moment("purchase_before", "The one before; 1970 for none"),
        Column("level", "UInt8", pa.uint8(), "Level: 0 and up"),
        moment("level_since", "Since when; 1970: from the beginning"),
        word("title", "The title of the level"),
        Column(
            "level_points", "Float64", pa.float64(), "Points that decay without activity; decide the level"
        ),
        count("points_join", "Points earned by joining, so far"),
        count("points_post", "Points earned by posts, so far"),
        count("points_share", "Points earned by shares, so far"),
        count("points_day", "Points earned by the first action of a day, so far"),
        count("points_invite", "Points earned by invited people who stayed, so far"),
        count("points_purchase", "Points earned by purchases, so far"),
        count("invites", "People who joined on their invitation or share"),
        count("invites_stayed", "Those of them who came to 2 (a rule) active days"),
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
        word("stage", "The stage"),
        Column("partition", "UInt16", pa.uint16(), "Its input partition"),
        total("consumed", "Events taken from the log"),
        total("accepted", "Events absorbed"),
        total("rejected", "Messages refused, kept in the table rejected"),
        total("duplicate", "Events dropped as repeats of one seen before"),
        total("skipped", "Replays of events already absorbed, beside the others"),
        total("next_offset", "The offset from which the stage goes on"),
        moment("clock", "The stream clock of the partition"),
    ),
    ("stage", "partition"),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        EVENTS,
        REJECTED,
        SEGMENT_TRANSITIONS,
        MEDALS,
        USERS,
        MEMBERSHIPS,
        GROUPS,
        ALERT_CHANGES,
        CONTENTS,
        SHARES,
        REFUSED_SHARES,
        RECEIPTS,
    )
}
"""Every table by name."""
