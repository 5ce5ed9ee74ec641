-- Question: who is, or was, in which group, and what do we know of it?
-- Grain: one row a membership (community_id, group_id, user_id).
-- Columns: those of memberships_snapshots, the newest snapshot of each membership.
SELECT * EXCEPT (_version)
FROM memberships_snapshots
FINAL
