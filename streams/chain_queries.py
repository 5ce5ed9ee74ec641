"""The statements behind ``groupbeat chain``: each gives a few rows, however large the tree is.

Definitions of branching and regime, and of what counts for a sharer: docs/spread.md.
"""

from __future__ import annotations

CONTENT = """
SELECT * EXCEPT (_version)
FROM contents_snapshots FINAL
WHERE content_id = {content:String}
ORDER BY community_id
"""

NEAR = """
SELECT
    content_id,
    community_id,
    editDistanceUTF8(lowerUTF8(content_id), lowerUTF8({content:String})) AS distance
FROM contents_snapshots FINAL
WHERE distance <= greatest(1, lengthUTF8({content:String}) / 4)
    OR startsWith(lowerUTF8(content_id), lowerUTF8({content:String}))
ORDER BY community_id != {community:String}, distance, content_id, community_id
LIMIT 5
"""

GENERATIONS = """
WITH (SELECT max(clock) FROM receipts WHERE stage = 'chains') AS now
SELECT
    if(depth <= {first:UInt32} OR depth > {after:UInt32}, depth, 0) AS generation,
    count() AS nodes,
    countIf(old_enough) AS old,
    sumIf(of.children, old_enough) AS children_of_old,
    sumIf(of.children * of.children, old_enough) AS squares_of_old,
    countIf(is_recent) AS recent,
    sumIf(of.children, is_recent) AS children_of_recent,
    sumIf(of.children * of.children, is_recent) AS squares_of_recent
FROM
(
    SELECT *, old_enough AND chance_ends_at > now - INTERVAL 7 DAY AS is_recent
    FROM chain_children
    WHERE community_id = {community:String} AND content_id = {content:String}
) AS of
GROUP BY generation
ORDER BY generation
"""
"""The shares of each depth up to `first` and beyond `after`; in generation 0, those between."""

WHOLE = """
SELECT
    quantileExactInclusiveOrNull(0.5)(delay_s) AS cycle_time_s,
    count(delay_s) AS shares_of_shares,
    max(depth) AS deepest,
    argMin(share_id, (-toInt64(depth), at, share_id)) AS deepest_share,
    (SELECT max(clock) FROM receipts WHERE stage = 'chains') AS clock
FROM shares_snapshots FINAL
WHERE community_id = {community:String} AND content_id = {content:String}
"""

POINTERS = """
SELECT share_id, parent_share_id
FROM shares_snapshots FINAL
WHERE community_id = {community:String} AND content_id = {content:String}
    AND depth + size > {deepest:UInt32} AND (depth < {deepest:UInt32} OR share_id = {share:String})
"""
"""What may be above a share at the greatest depth: a node with a subtree that can reach so deep."""

PATH = """
SELECT depth, share_id, user_id, channel, at, delay_s, orphan, size, reach
FROM shares_snapshots FINAL
WHERE community_id = {community:String} AND content_id = {content:String} AND share_id IN {ids:Array(String)}
ORDER BY depth
"""

SHARERS = """
SELECT
    user_id,
    shares,
    reach,
    joins,
    buyers,
    amount,
    row_number() OVER (ORDER BY reach DESC, amount DESC, user_id) AS rank_by_reach,
    row_number() OVER (ORDER BY amount DESC, reach DESC, user_id) AS rank_by_money
FROM (
    SELECT * EXCEPT (rank_by_reach, rank_by_amount)
    FROM top_sharers
    WHERE community_id = {community:String} AND content_id = {content:String}
)
QUALIFY (rank_by_reach <= {most:UInt32} AND reach > 0) OR (rank_by_money <= {most:UInt32} AND amount > 0)
ORDER BY rank_by_reach
"""

OPEN_ALERTS = """
SELECT rule, severity, opened_at, anyIf(evidence, change = 'opened') AS opened_evidence
FROM alert_changes
WHERE community_id = {community:String} AND content_id = {content:String}
GROUP BY rule, severity, opened_at
HAVING countIf(change = 'opened') > countIf(change = 'resolved')
ORDER BY opened_at DESC, rule
"""

DRAWN = """
SELECT share_id, parent_share_id, user_id, depth, size, orphan, reach, joins, buyers, amount, conversions
FROM shares_snapshots FINAL
WHERE community_id = {community:String} AND content_id = {content:String} AND depth <= {depth:UInt32}
ORDER BY size DESC, reach DESC, share_id
LIMIT {children:UInt32} BY parent_share_id
LIMIT {nodes:UInt32}
"""
"""The largest subtrees. One is larger than each below it, so these hang together."""
