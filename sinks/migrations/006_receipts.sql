CREATE TABLE receipts_snapshots
(
    stage       LowCardinality(String) COMMENT 'The stage',
    partition   UInt16 COMMENT 'Its input partition',
    consumed    UInt64 COMMENT 'Events taken from the log',
    accepted    UInt64 COMMENT 'Events absorbed',
    rejected    UInt64 COMMENT 'Messages refused, kept in the table rejected',
    duplicate   UInt64 COMMENT 'Events dropped as repeats of one seen before',
    skipped     UInt64 COMMENT 'Replays of events already absorbed, beside the others',
    next_offset UInt64 COMMENT 'The offset from which the stage goes on',
    clock       DateTime64(3, 'UTC') COMMENT 'The stream clock of the partition',
    _version    UInt64 COMMENT 'Grows with the input offset'
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (stage, partition)
SETTINGS min_age_to_force_merge_seconds = 60, non_replicated_deduplication_window = 1000
COMMENT 'What each stage did with each input partition: consumed = accepted + rejected + duplicate'
