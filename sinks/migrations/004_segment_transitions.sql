CREATE TABLE segment_transitions
(
    community_id LowCardinality(String) COMMENT 'The community',
    user_id      String COMMENT 'The person',
    ladder       LowCardinality(String) COMMENT 'Which ladder: lifecycle',
    from_segment LowCardinality(String) COMMENT 'The segment before; empty for the first',
    to_segment   LowCardinality(String) COMMENT 'The segment from now on',
    at           DateTime64(3, 'UTC') COMMENT 'When it became true, not when it was noticed',
    rule         LowCardinality(String) COMMENT 'The rule that decided it',
    evidence     String COMMENT 'JSON: the values that decided it',
    _partition   LowCardinality(String) COMMENT 'Stage and input partition that wrote the row',
    _position    UInt64 COMMENT 'Input offset and row within it: unique in _partition',
    _ingested_at DateTime64(3, 'UTC') COMMENT 'When the broker took the message behind the row',
    PROJECTION positions (SELECT _partition, max(_position) GROUP BY _partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (community_id, ladder, at)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Each change of a person''s segment, when it became true, and why'
