ALTER TABLE alert_changes
    ADD COLUMN IF NOT EXISTS content_id String COMMENT 'The content; empty for alerts about a group' AFTER evidence,
    COMMENT COLUMN severity 'critical, warning or info',
    MODIFY COMMENT 'Each alert about a group or a content, as it opened and as it resolved'
