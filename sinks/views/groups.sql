-- Question: how is each group now?
-- Grain: one row a group (community_id, group_id).
-- Columns: those of groups_snapshots, the newest snapshot of each group.
SELECT * EXCEPT (_version)
FROM groups_snapshots
FINAL
