CREATE TABLE contents_snapshots
(
    community_id        LowCardinality(String) COMMENT 'The community',
    content_id          String COMMENT 'The content',
    group_id            String COMMENT 'The group of its first action',
    first_at            DateTime64(3, 'UTC') COMMENT 'Its first action',
    last_at             DateTime64(3, 'UTC') COMMENT 'Its latest action',
    first_share_at      DateTime64(3, 'UTC') COMMENT 'Its first share; 1970 for none',
    views               UInt64 COMMENT 'Views',
    joins               UInt64 COMMENT 'Joins that name it',
    purchases           UInt64 COMMENT 'Purchases that name it',
    buyers              UInt32 COMMENT 'People who bought',
    amount              Float64 COMMENT 'What was paid, whatever the currency',
    conversions         UInt64 COMMENT 'joins + purchases',
    shares              UInt32 COMMENT 'Shares in its tree',
    sharers             UInt32 COMMENT 'People who made them',
    roots               UInt32 COMMENT 'Shares that name no parent',
    orphans             UInt32 COMMENT 'Shares under the root whose parent has not come in time',
    direct_shares       UInt32 COMMENT 'Shares under the root: roots + orphans',
    refused             UInt32 COMMENT 'Shares that were refused',
    size                UInt32 COMMENT 'Nodes of the tree: shares + 1',
    depth               UInt32 COMMENT 'Depth of the deepest node; the root has 0',
    max_breadth         UInt32 COMMENT 'Most nodes of one depth',
    structural_virality Nullable(Float64) COMMENT 'Mean distance between two nodes',
    saturation          Nullable(Float64) COMMENT '1 - sharers / shares: how often the same people share it again',
    shares_first_hour   UInt32 COMMENT 'Shares within an hour of the first',
    explosive_at        DateTime64(3, 'UTC') COMMENT 'When it was found explosive; 1970: never',
    _version            UInt64 COMMENT 'Grows with the input offset'
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (community_id, content_id)
SETTINGS min_age_to_force_merge_seconds = 60, non_replicated_deduplication_window = 1000
COMMENT 'Each content that was shared, viewed, or led to a join or purchase, and the tree of its shares'
