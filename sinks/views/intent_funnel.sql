-- Question: how many people came to each step of intent, how many of those on the step before, and how fast?
-- Grain: one row a community and step: potential, intent, strong, buyer, hunter.
-- Columns: community_id; step; people (who ever came to it); step_before (everybody for potential, then potential,
--          intent, strong; for hunter, who stand beside the others, potential); people_before (who ever came to that
--          step); went_on (those of them who came to this step at the same moment or later, first times compared);
--          rate (went_on / people_before; null where people_before is under 20); median_days (between the two first
--          times of those who went on; null where they are under 20).
-- People may skip steps: who buys at once is among `people` of buyer and not in its went_on.
WITH
    firsts AS -- when each person first came: at all, and to each step
    (
        SELECT
            community_id,
            [
                toNullable(min(at)),
                minOrNullIf(at, ladder = 'intent' AND to_segment = 'potential'),
                minOrNullIf(at, ladder = 'intent' AND to_segment = 'intent'),
                minOrNullIf(at, ladder = 'intent' AND to_segment = 'strong'),
                minOrNullIf(at, ladder = 'intent' AND to_segment = 'buyer'),
                minOrNullIf(at, ladder = 'intent' AND to_segment = 'hunter')
            ] AS first_at
        FROM segment_transitions
        GROUP BY community_id, user_id
    ),
    steps AS
    (
        SELECT
            community_id,
            names[step_number] AS step,
            names[before_number] AS step_before,
            first_at[step_number] AS came,
            first_at[before_number] AS came_before
        FROM
        (
            SELECT
                community_id,
                first_at,
                ['everybody', 'potential', 'intent', 'strong', 'buyer', 'hunter'] AS names,
                arrayJoin([(2, 1), (3, 2), (4, 3), (5, 4), (6, 2)]) AS numbers,
                numbers.1 AS step_number,
                numbers.2 AS before_number
            FROM firsts
        )
    )
SELECT
    community_id,
    step,
    count(came) AS people,
    step_before,
    count(came_before) AS people_before,
    countIf(came >= came_before) AS went_on,
    if(people_before < 20, NULL, went_on / people_before) AS rate,
    if(
        went_on < 20,
        NULL,
        quantileExactInclusiveIf(0.5)(
            ifNull(dateDiff('millisecond', came_before, came), 0), ifNull(came >= came_before, 0)
        ) / 86400000
    ) AS median_days
FROM steps
GROUP BY community_id, step, step_before
