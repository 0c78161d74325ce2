-- name: judge
-- The gates of one intent that is not among a plan's candidates: one that waits in the outbox, or is not due yet.
WITH candidates AS (
    SELECT
        %(key)s::bigint AS key, %(member_id)s::bigint AS member_id, %(chat_id)s::bigint AS chat_id,
        %(stage)s::text AS stage, %(due_at)s::timestamptz AS due_at, %(expires_at)s::timestamptz AS expires_at,
        %(promotional)s::boolean AS promotional, %(exempt)s::boolean AS exempt, %(goals)s::text[] AS goals,
        %(goal_since_at)s::timestamptz AS goal_since_at, %(reserve_lane)s::smallint AS reserve_lane,
        %(barred)s::text AS barred
),
{{gated}}
SELECT reason, from_at, send_at, {{gate_values}} AS gates FROM gated

-- name: segment_of
SELECT segment FROM v_member_values WHERE member_id = %(member_id)s

-- name: recorded_decisions
-- The last one of each intent: it held until another was written, as an unchanged answer is not written again.
SELECT DISTINCT ON (d.step, d.occurrence)
    d.step, d.occurrence, d.reason, d.due_at, d.gates, d.at, d.plan_id, p.bundle
FROM decisions d
LEFT JOIN plans p ON p.id = d.plan_id
WHERE d.member_id = %(member_id)s AND d.stage = %(stage)s AND d.at <= %(now_at)s
ORDER BY d.step, d.occurrence, d.at DESC, d.id DESC

-- name: messages_of_member
SELECT
    id, step, occurrence, state, reason, due_at, sent_at, planned_at, bundle, plan_id, variant,
    member_id, chat_id, stage, lane, promotional, exempt, goals, goal_since_at, expires_at, wanted_at, late_s
FROM v_messages
WHERE member_id = %(member_id)s AND stage = %(stage)s
ORDER BY due_at, id

-- name: proposals_of_member
-- What waits in proposals of the stage: by the partial index of open plans, and the member's frozen rows.
SELECT r.step, r.occurrence, r.due_at, r.variant, p.id AS plan_id, p.hash, p.kind, p.state, p.decide_by_at
FROM plans p
JOIN plan_rows r ON r.plan_id = p.id
WHERE p.stage = %(stage)s AND p.state IN ('proposed', 'approved')
    AND r.member_id = %(member_id)s AND r.reason IS NULL AND r.outcome IS NULL
ORDER BY p.kind DESC, p.id

-- name: promised
-- What goes before a message of that lane, as the caps count it: one range of messages_cap.
SELECT id, stage, step, due_at FROM v_messages
WHERE member_id = %(member_id)s AND counts_at > %(send_at)s::timestamptz - interval '7 days'
    AND counts_at < %(send_at)s::timestamptz + interval '7 days'
    AND state = 'waiting' AND lane <= %(reserve_lane)s AND id <> %(key)s
ORDER BY lane, due_at
LIMIT 5
