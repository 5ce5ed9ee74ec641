CREATE TABLE log_identity
(
    name     String COMMENT 'What is identified: the cluster, or a topic',
    identity String COMMENT 'Its id, as the broker gives it',
    seen_at  DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'When the sink first met it'
)
ENGINE = MergeTree
ORDER BY name
COMMENT 'Which Kafka log fills this database: its positions are offsets of that log and of no other'
