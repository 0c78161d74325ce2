-- name: waiting
-- Over the partial index of what waits. Without a plan it is no campaign: the bot's own answers, tests.
SELECT w.*, l.title
FROM (
    SELECT
        stage, plan_id, (context ->> 'live')::bigint AS live, count(*) AS messages,
        min(due_at) AS oldest_at, max(due_at) AS latest_at
    FROM messages
    WHERE bot_id = %(bot_id)s AND state = 'waiting' AND plan_id IS NOT NULL
    GROUP BY 1, 2, 3
) AS w
LEFT JOIN v_lives l ON l.id = w.live
ORDER BY w.messages DESC, w.stage, w.plan_id

-- name: of_plan
-- All three in the order in which they would be claimed.
SELECT id FROM messages
WHERE bot_id = %(bot_id)s AND state = 'waiting' AND plan_id = %(plan_id)s
ORDER BY lane, due_at, id

-- name: of_live
SELECT id FROM messages
WHERE bot_id = %(bot_id)s AND state = 'waiting' AND context @> %(live)s
ORDER BY lane, due_at, id

-- name: of_stage
SELECT id FROM messages
WHERE bot_id = %(bot_id)s AND state = 'waiting' AND stage = %(stage)s
ORDER BY lane, due_at, id

-- name: stop
-- One that is being claimed is waited for, and left alone if it is on its way then. In the order of `cancel_waiting`.
UPDATE messages SET state = 'cancelled', reason = 'stopped', settled_wall = clock_timestamp()
WHERE id = ANY (ARRAY(
    SELECT id FROM messages WHERE id = ANY (%(ids)s) AND state = 'waiting' ORDER BY id FOR UPDATE
))
