-- Question: does each content still spread, how fast, and who carries it?
-- Grain: one row a content (community_id, content_id).
-- Columns: community_id; content_id; cycle_time_s (median time from a share to a share of it; null: there is none);
--          old_enough (shares whose 24 hours ended in the last 7 days); branching (shares of one of them within its 24
--          hours, on average; null for none), branching_low, branching_high (its 95 % interval); regime (dying:
--          branching_high < 1; growing: branching_low > 1; critical: neither; empty: unknown); shares_1h, shares_24h;
--          doubling_h (24 h * ln 2 / ln(shares / shares a day ago); null if none is new or all are); saturation (of
--          `contents`); core_share (the part of its shares that is in the largest subtree under the content; null
--          without shares); top_sharer (whose shares were viewed most, as in top_sharers; of two the first by id;
--          empty: none was viewed).
-- All spans end at the clock of the stage chains. Definitions: docs/spread.md.
WITH
    (SELECT max(clock) FROM receipts_snapshots FINAL WHERE stage = 'chains') AS now_at,
    trees AS
    (
        SELECT
            community_id,
            content_id,
            sum(made) AS size_now,
            sum(made_before) AS size_before,
            sum(made_last) AS last_hour,
            quantileExactInclusiveOrNullArray(0.5)(delays) AS delay,
            max(largest) AS core,
            if(max(reached) = 0, '', argMin(user_id, (-reached, user_id))) AS leader
        FROM
        (
            SELECT
                community_id,
                content_id,
                user_id,
                count() AS made,
                countIf(at < now_at - INTERVAL 24 HOUR) AS made_before,
                countIf(at >= now_at - INTERVAL 1 HOUR) AS made_last,
                groupArray(delay_s) AS delays,
                max(size) AS largest,
                toInt64(sumIf(reach, topmost)) AS reached
            FROM shares_snapshots FINAL
            GROUP BY community_id, content_id, user_id
        )
        GROUP BY community_id, content_id
    ),
    chances AS
    (
        SELECT
            community_id,
            content_id,
            count() AS ended,
            sum(children) AS came,
            if(
                came > 0 AND ended > 1,
                greatest(1, (sum(children * children) - came * came / ended) / (ended - 1) / (came / ended)),
                1
            ) AS scatter,
            came / scatter AS x
        FROM chain_children
        WHERE old_enough AND chance_ends_at > now_at - INTERVAL 7 DAY
        GROUP BY community_id, content_id
    )
SELECT
    community_id,
    content_id,
    delay AS cycle_time_s,
    ifNull(ended, 0) AS old_enough,
    if(old_enough = 0, NULL, came / ended) AS branching,
    if(
        old_enough = 0,
        NULL,
        if(x = 0, 0, x * pow(greatest(0, 1 - 1 / (9 * x) - 1.96 / (3 * sqrt(x))), 3)) * scatter / ended
    ) AS branching_low,
    if(
        old_enough = 0,
        NULL,
        (x + 1) * pow(1 - 1 / (9 * (x + 1)) + 1.96 / (3 * sqrt(x + 1)), 3) * scatter / ended
    ) AS branching_high,
    multiIf(
        old_enough = 0, '', ifNull(branching_high < 1, 0), 'dying', ifNull(branching_low > 1, 0), 'growing', 'critical'
    ) AS regime,
    ifNull(last_hour, 0) AS shares_1h,
    ifNull(size_now - size_before, 0) AS shares_24h,
    if(ifNull(size_before, 0) > 0 AND shares_24h > 0, 24 * ln(2) / ln(size_now / size_before), NULL) AS doubling_h,
    saturation,
    if(ifNull(core, 0) = 0, NULL, core / size_now) AS core_share,
    ifNull(leader, '') AS top_sharer
FROM (SELECT community_id, content_id, saturation FROM contents_snapshots FINAL) AS every
LEFT JOIN trees USING (community_id, content_id)
LEFT JOIN chances USING (community_id, content_id)
