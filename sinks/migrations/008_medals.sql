CREATE TABLE medals
(
    community_id LowCardinality(String) COMMENT 'The community',
    user_id      String COMMENT 'The person',
    medal        LowCardinality(String) COMMENT 'first_post, streak, many_posts, many_invites, first_purchase or comeback',
    at           DateTime64(3, 'UTC') COMMENT 'When it was earned',
    _partition   LowCardinality(String) COMMENT 'Stage and input partition that wrote the row',
    _position    UInt64 COMMENT 'Input offset and row within it: unique in _partition',
    _ingested_at DateTime64(3, 'UTC') COMMENT 'When the broker took the message behind the row',
    PROJECTION positions (SELECT _partition, max(_position) GROUP BY _partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (community_id, medal, at)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Each medal, once a person'
