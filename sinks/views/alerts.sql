-- Question: which alerts about groups and contents are there: since when and why, and which of them are over?
-- Grain: one row an alert; one that is still open has no resolved_at.
-- Columns: community_id; group_id; content_id (empty for alerts about a group); rule; severity (critical, warning or
--          info); opened_at; resolved_at (null while open); opened_evidence and resolved_evidence (JSON: the values
--          that decided it; empty while open).
-- Moments are when it became true, not when it was noticed. An alert that resolves and opens again within one
-- millisecond is two: each opening belongs to the resolution of the same number.
SELECT
    community_id,
    group_id,
    content_id,
    rule,
    severity,
    opened_at,
    maxOrNullIf(at, change = 'resolved') AS resolved_at,
    anyIf(evidence, change = 'opened') AS opened_evidence,
    anyIf(evidence, change = 'resolved') AS resolved_evidence
FROM
(
    SELECT
        *,
        row_number() OVER (
            PARTITION BY community_id, group_id, content_id, rule, opened_at, change ORDER BY _partition, _position
        ) AS number
    FROM alert_changes
)
GROUP BY community_id, group_id, content_id, rule, severity, opened_at, number
