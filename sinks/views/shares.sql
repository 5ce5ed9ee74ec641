-- Question: what came through each share and all below it?
-- Grain: one row a share (community_id, content_id, share_id).
-- Columns: those of shares_snapshots, the newest snapshot of each share.
SELECT * EXCEPT (_version)
FROM shares_snapshots
FINAL
