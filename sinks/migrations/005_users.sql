CREATE TABLE users_snapshots
(
    community_id   LowCardinality(String) COMMENT 'The community',
    user_id        String COMMENT 'The person',
    segment        LowCardinality(String) COMMENT 'Lifecycle: new, active, core, resurrected, join_and_stay, silent or lost',
    segment_since  DateTime64(3, 'UTC') COMMENT 'Since when',
    first_at       DateTime64(3, 'UTC') COMMENT 'Their first event',
    last_at        DateTime64(3, 'UTC') COMMENT 'Their last activity (any action but leave)',
    joins          UInt32 COMMENT 'Events of that action so far',
    posts          UInt32 COMMENT 'Events of that action so far',
    shares         UInt32 COMMENT 'Events of that action so far',
    leaves         UInt32 COMMENT 'Events of that action so far',
    purchases      UInt32 COMMENT 'Events of that action so far',
    views          UInt32 COMMENT 'Events of that action so far',
    active_days_28 UInt8 COMMENT 'Active days of the 28 that end with their last one',
    actions_7      UInt32 COMMENT 'Activities in the 7 days that end with their last active one',
    actions_28     UInt32 COMMENT 'Activities in the 28 days that end with their last active one',
    score          Float64 COMMENT 'Weighted activity, half-life 7 days, as of score_at',
    score_at       DateTime64(3, 'UTC') COMMENT 'When score was worked out',
    groups         UInt32 COMMENT 'Groups they are in',
    groups_left    UInt32 COMMENT 'Times they left a group',
    role           LowCardinality(String) COMMENT 'Their last known role: member, operator or moderator',
    _version       UInt64 COMMENT 'Grows with the input offset'
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (community_id, user_id)
SETTINGS min_age_to_force_merge_seconds = 60, non_replicated_deduplication_window = 1000
COMMENT 'Each person as of their last change'
