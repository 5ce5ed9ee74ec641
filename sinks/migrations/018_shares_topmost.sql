ALTER TABLE shares_snapshots
    ADD COLUMN IF NOT EXISTS topmost UInt8 DEFAULT 1 COMMENT '1: no share of the same person is above it in the tree'
    AFTER orphan
