-- Question: do people stay who joined a group in one phase of it, by one channel, and how many leave at once?
-- Grain: one row a community, phase of the group at joining, and channel.
-- Columns: community_id; phase (seed, outbreak, platform or decline); channel (organic: direct, organic, or none
--          named); joined (memberships); still_in (those of them who are in); in_share (still_in / joined; null where
--          joined is under 20); old_enough_7 (those who joined at least 7 x 24 hours before the clock of the stage
--          groups, the others can't tell yet); left_7 (those of them who are out, and left within 7 x 24 hours);
--          left_share_7 (left_7 / old_enough_7; null where old_enough_7 is under 20).
-- Who ever joined a group counts once there, with their last joining.
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'groups') AS now_at,
    joinings AS
    (
        SELECT
            community_id,
            phase_at_joining AS phase,
            if(m.channel IN ('', 'direct', 'organic'), 'organic', toString(m.channel)) AS brought_by,
            member,
            joined_at + INTERVAL 7 DAY <= now_at AS is_old_enough,
            NOT member AND left_at < joined_at + INTERVAL 7 DAY AS left_at_once
        FROM memberships_snapshots AS m
        FINAL
        WHERE joined_at > 0
    )
SELECT
    community_id,
    phase,
    brought_by AS channel,
    count() AS joined,
    countIf(member) AS still_in,
    if(joined < 20, NULL, still_in / joined) AS in_share,
    countIf(is_old_enough) AS old_enough_7,
    countIf(is_old_enough AND left_at_once) AS left_7,
    if(old_enough_7 < 20, NULL, left_7 / old_enough_7) AS left_share_7
FROM joinings
GROUP BY community_id, phase, brought_by
