CREATE TABLE refused_shares
(
    community_id    LowCardinality(String) COMMENT 'The community',
    content_id      String COMMENT 'The content',
    share_id        String COMMENT 'The share',
    parent_share_id String COMMENT 'The parent that it names',
    group_id        String COMMENT 'The group',
    user_id         String COMMENT 'Who shared',
    at              DateTime64(3, 'UTC') COMMENT 'When',
    reason          LowCardinality(String) COMMENT 'known_share, own_parent or own_ancestor',
    _partition      LowCardinality(String) COMMENT 'Stage and input partition that wrote the row',
    _position       UInt64 COMMENT 'Input offset and row within it: unique in _partition',
    _ingested_at    DateTime64(3, 'UTC') COMMENT 'When the broker took the message behind the row',
    PROJECTION positions (SELECT _partition, max(_position) GROUP BY _partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (community_id, content_id, share_id)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Each share that could not be taken into the tree of its content, and why'
