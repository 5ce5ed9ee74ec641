"""The ClickHouse tables of the chains stage. What each figure is: docs/chains.md."""

from __future__ import annotations

import pyarrow as pa

from schemas.table import Column, Table, count, moment, number, rate, text, total, word

REFUSALS = ("known_share", "own_parent", "own_ancestor")
"""Why a share is refused."""

EXPLOSIVE_CONTENT = "explosive_content"
CONTENT_ALERT_RULES: dict[str, str] = {EXPLOSIVE_CONTENT: "info"}
"""The rules of alerts about contents, and their severity."""

CONTENTS = Table(
    "contents",
    "entity",
    "Each content that was shared, viewed, or led to a join or purchase, and the tree of its shares",
    (
        word("community_id", "The community"),
        text("content_id", "The content"),
        text("group_id", "The group of its first action"),
        moment("first_at", "Its first action"),
        moment("last_at", "Its latest action"),
        moment("first_share_at", "Its first share; 1970 for none"),
        total("views", "Views"),
        total("joins", "Joins that name it"),
        total("purchases", "Purchases that name it"),
        count("buyers", "People who bought"),
        number("amount", "What was paid, whatever the currency"),
        total("conversions", "joins + purchases"),
        count("shares", "Shares in its tree"),
        count("sharers", "People who made them"),
        count("roots", "Shares that name no parent"),
        count("orphans", "Shares under the root whose parent has not come in time"),
        count("direct_shares", "Shares under the root: roots + orphans"),
        count("refused", "Shares that were refused"),
        count("size", "Nodes of the tree: shares + 1"),
        count("depth", "Depth of the deepest node; the root has 0"),
        count("max_breadth", "Most nodes of one depth"),
        rate("structural_virality", "Mean distance between two nodes"),
        rate("saturation", "1 - sharers / shares: how often the same people share it again"),
        count("shares_first_hour", "Shares within an hour of the first"),
        moment("explosive_at", "When it was found explosive; 1970: never"),
    ),
    ("community_id", "content_id"),
)

SHARES = Table(
    "shares",
    "entity",
    "Each share: a node of its content''s tree, with what came through it and all below it",
    (
        word("community_id", "The community"),
        text("content_id", "The content"),
        text("share_id", "The share"),
        text("group_id", "The group in which it was shared"),
        text("user_id", "Who shared"),
        word("channel", "Where to"),
        moment("at", "When"),
        text("parent_share_id", "The share above it in the tree; empty: the content itself"),
        Column("orphan", "UInt8", pa.uint8(), "1: it names a parent that has not come in time"),
        Column("topmost", "UInt8", pa.uint8(), "1: no share of the same person is above it in the tree"),
        count("depth", "Shares from the content to it: 1 and up"),
        count("size", "Nodes of its subtree, itself included"),
        count("direct_shares", "Shares just below it"),
        count("reach", "Views through it and all below it"),
        count("joins", "Joins through it and all below it"),
        count("purchases", "Purchases through it and all below it"),
        count("buyers", "People whose first purchase of the content came so"),
        number("amount", "What was paid so, whatever the currency"),
        count("conversions", "joins + purchases"),
        rate("delay_s", "Time since the share above it; seconds; null under the content itself"),
    ),
    ("community_id", "content_id", "share_id"),
)

REFUSED_SHARES = Table(
    "refused_shares",
    "log",
    "Each share that could not be taken into the tree of its content, and why",
    (
        word("community_id", "The community"),
        text("content_id", "The content"),
        text("share_id", "The share"),
        text("parent_share_id", "The parent that it names"),
        text("group_id", "The group"),
        text("user_id", "Who shared"),
        moment("at", "When"),
        word("reason", "known_share, own_parent or own_ancestor"),
    ),
    ("community_id", "content_id", "share_id"),
)
