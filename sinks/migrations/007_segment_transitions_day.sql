ALTER TABLE segment_transitions
    ADD COLUMN IF NOT EXISTS day Date32 DEFAULT toDate32(at) COMMENT 'The day of at, in the time zone of the community' AFTER at,
    COMMENT COLUMN ladder 'Which ladder: lifecycle, pyramid, intent, closeness or level'
