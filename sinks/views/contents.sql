-- Question: how far did each content spread, and what came of it?
-- Grain: one row a content (community_id, content_id).
-- Columns: those of contents_snapshots, the newest snapshot of each content.
SELECT * EXCEPT (_version)
FROM contents_snapshots
FINAL
