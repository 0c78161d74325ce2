-- name: outcome
-- What was planned ahead of its time and waits for it has that for a reason.
SELECT
    step, state,
    CASE WHEN state = 'waiting' AND reason IS NULL AND due_at > planned_at THEN 'ahead' ELSE reason END AS reason,
    count(*) AS messages
FROM v_messages WHERE plan_id = %(plan_id)s
GROUP BY 1, 2, 3

-- name: outcome_of_occurrences
-- By the plans of that time: messages are found by their member or their plan, not by their occurrence.
SELECT m.step, m.state, count(DISTINCT m.member_id) AS members
FROM plans p
JOIN v_messages m ON m.plan_id = p.id
WHERE p.stage = %(stage)s AND p.as_of_at >= %(since)s AND p.as_of_at <= %(until)s
    AND m.occurrence = ANY (%(occurrences)s::text[])
GROUP BY m.step, m.state

-- name: outcome_of_day
SELECT o.step, o.state, o.reason, count(*) AS messages
FROM plan_rows r
JOIN v_messages o USING (plan_id, member_id, step, occurrence)
WHERE r.plan_id = %(plan_id)s AND r.on_day = %(day)s
GROUP BY 1, 2, 3

-- name: last_plans
-- One probe of plans_stage for each stage. What a publication planned anew is no run of it.
SELECT p.stage, p.as_of_at, p.planned_wall, p.counts
FROM unnest(%(stages)s::text[]) WITH ORDINALITY AS s (stage, place)
CROSS JOIN LATERAL (
    SELECT * FROM plans WHERE stage = s.stage AND NOT jsonb_exists(counts, 'no_run')
    ORDER BY as_of_at DESC, id DESC LIMIT 1
) AS p
ORDER BY s.place
