-- Question: what did each stage do with each partition of its input? consumed = accepted + rejected + duplicate.
-- Grain: one row a stage and input partition.
-- Columns: those of receipts_snapshots, the newest snapshot of each.
SELECT * EXCEPT (_version)
FROM receipts_snapshots
FINAL
