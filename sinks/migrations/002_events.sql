CREATE TABLE events
(
    event_id         String COMMENT 'Unique for each thing that happened',
    action           LowCardinality(String) COMMENT 'join, post, share, leave, purchase or view',
    community_id     LowCardinality(String) COMMENT 'The community',
    group_id         LowCardinality(String) COMMENT 'The group in which it happened',
    user_id          String COMMENT 'The member who did it',
    occurred_at      DateTime64(3, 'UTC') COMMENT 'When it happened',
    channel          LowCardinality(String) COMMENT 'Join: what brought them. Share: where to',
    inviter_id       String COMMENT 'Join: who invited them',
    content_id       String COMMENT 'The content written, shared, viewed, or that led to it',
    via_share_id     String COMMENT 'The share through which they came',
    role             LowCardinality(String) COMMENT 'Join, post: member, operator or moderator',
    reply_to         String COMMENT 'Post: the content that it answers',
    kind             LowCardinality(String) COMMENT 'Post: talk, question, benefit or ad',
    share_id         String COMMENT 'Share: its id',
    parent_share_id  String COMMENT 'Share: the share through which they had got it',
    reason           String COMMENT 'Leave: why',
    order_id         String COMMENT 'Purchase: the order',
    amount           Decimal(18, 6) COMMENT 'Purchase: what was paid, in `currency`',
    currency         LowCardinality(String) COMMENT 'Purchase: ISO 4217',
    late             UInt8 COMMENT '1: older than 28 days behind the stream clock, left out of windows',
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
ORDER BY (community_id, group_id, occurred_at)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every accepted event, once'
