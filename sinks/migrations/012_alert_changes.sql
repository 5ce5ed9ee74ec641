CREATE TABLE alert_changes
(
    community_id LowCardinality(String) COMMENT 'The community',
    group_id     String COMMENT 'The group',
    rule         LowCardinality(String) COMMENT 'group_silence, group_quiet, churn_spike, falling_silent, a symptom, ...',
    severity     LowCardinality(String) COMMENT 'critical or warning',
    change       LowCardinality(String) COMMENT 'opened or resolved',
    at           DateTime64(3, 'UTC') COMMENT 'When it became true, not when it was noticed',
    opened_at    DateTime64(3, 'UTC') COMMENT 'When the alert opened',
    evidence     String COMMENT 'JSON: the values that decided it',
    _partition   LowCardinality(String) COMMENT 'Stage and input partition that wrote the row',
    _position    UInt64 COMMENT 'Input offset and row within it: unique in _partition',
    _ingested_at DateTime64(3, 'UTC') COMMENT 'When the broker took the message behind the row',
    PROJECTION positions (SELECT _partition, max(_position) GROUP BY _partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (community_id, group_id, rule, opened_at)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Each alert about a group, as it opened and as it resolved'
