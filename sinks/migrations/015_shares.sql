CREATE TABLE shares_snapshots
(
    community_id    LowCardinality(String) COMMENT 'The community',
    content_id      String COMMENT 'The content',
    share_id        String COMMENT 'The share',
    group_id        String COMMENT 'The group in which it was shared',
    user_id         String COMMENT 'Who shared',
    channel         LowCardinality(String) COMMENT 'Where to',
    at              DateTime64(3, 'UTC') COMMENT 'When',
    parent_share_id String COMMENT 'The share above it in the tree; empty: the content itself',
    orphan          UInt8 COMMENT '1: it names a parent that has not come in time',
    depth           UInt32 COMMENT 'Shares from the content to it: 1 and up',
    size            UInt32 COMMENT 'Nodes of its subtree, itself included',
    direct_shares   UInt32 COMMENT 'Shares just below it',
    reach           UInt32 COMMENT 'Views through it and all below it',
    joins           UInt32 COMMENT 'Joins through it and all below it',
    purchases       UInt32 COMMENT 'Purchases through it and all below it',
    buyers          UInt32 COMMENT 'People whose first purchase of the content came so',
    amount          Float64 COMMENT 'What was paid so, whatever the currency',
    conversions     UInt32 COMMENT 'joins + purchases',
    delay_s         Nullable(Float64) COMMENT 'Time since the share above it; seconds; null under the content itself',
    _version        UInt64 COMMENT 'Grows with the input offset'
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (community_id, content_id, share_id)
SETTINGS min_age_to_force_merge_seconds = 60, non_replicated_deduplication_window = 1000
COMMENT 'Each share: a node of its content''s tree, with what came through it and all below it'
