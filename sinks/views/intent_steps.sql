-- Question: when did each person come to each step of intent, the first time and the last?
-- Grain: one row a person and step that they came to: potential, intent, strong, buyer or hunter.
-- Columns: community_id; user_id; step; first_at and last_at (when they came to it, not how long they stayed).
SELECT
    community_id,
    user_id,
    to_segment AS step,
    min(at) AS first_at,
    max(at) AS last_at
FROM segment_transitions
WHERE ladder = 'intent' AND to_segment != 'none'
GROUP BY community_id, user_id, step
