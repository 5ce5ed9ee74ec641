-- Question: what do we know of each person now?
-- Grain: one row a person (community_id, user_id).
-- Columns: those of users_snapshots, the newest snapshot of each person.
SELECT * EXCEPT (_version)
FROM users_snapshots
FINAL
