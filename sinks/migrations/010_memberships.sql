CREATE TABLE memberships_snapshots
(
    community_id     LowCardinality(String) COMMENT 'The community',
    group_id         LowCardinality(String) COMMENT 'The group',
    user_id          String COMMENT 'The person',
    member           UInt8 COMMENT '1: they are in the group',
    joined_at        DateTime64(3, 'UTC') COMMENT 'When they came in last; 1970: they never did',
    phase_at_joining LowCardinality(String) COMMENT 'The phase of the group then; empty: they never did',
    channel          LowCardinality(String) COMMENT 'What brought them, by their latest join that says so',
    inviter_id       String COMMENT 'Who invited them, by their latest join that says so',
    role             LowCardinality(String) COMMENT 'Their last known role: member, operator or moderator',
    first_post_at    DateTime64(3, 'UTC') COMMENT 'Their first post; 1970 for none',
    left_at          DateTime64(3, 'UTC') COMMENT 'When they left last; 1970: they never did',
    left_after       LowCardinality(String) COMMENT 'What came last before: unanswered, silence, talk, question, benefit or ad',
    _version         UInt64 COMMENT 'Grows with the input offset'
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (community_id, group_id, user_id)
SETTINGS min_age_to_force_merge_seconds = 60, non_replicated_deduplication_window = 1000
COMMENT 'Each person in each group that they ever did something in, as of the last change'
