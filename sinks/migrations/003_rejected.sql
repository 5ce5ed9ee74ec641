CREATE TABLE rejected
(
    reason           LowCardinality(String) COMMENT 'not_json, wrong_shape, too_large, from_future or before_1970',
    error            String COMMENT 'What is wrong, and with which field',
    payload          String COMMENT 'The message as it came',
    key              String COMMENT 'Its Kafka key',
    source_partition UInt16 COMMENT 'Partition of the topic of events',
    source_offset    UInt64 COMMENT 'Offset in it',
    replay_of        Nullable(UInt64) COMMENT 'Offset of the refused message that this one repeats',
    _partition       LowCardinality(String) COMMENT 'Stage and input partition that wrote the row',
    _position        UInt64 COMMENT 'Input offset and row within it: unique in _partition',
    _ingested_at     DateTime64(3, 'UTC') COMMENT 'When the broker took the message behind the row',
    PROJECTION positions (SELECT _partition, max(_position) GROUP BY _partition)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(_ingested_at)
ORDER BY (reason, source_partition, source_offset)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every message that is not an event of the contract, whole, with the reason'
