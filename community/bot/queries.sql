-- name: store
-- One statement for a batch; replays change nothing.
INSERT INTO updates (bot_id, update_id, user_key, kind, payload, error, received_wall)
SELECT %(bot_id)s, u.update_id, u.user_key, u.kind, u.payload::jsonb, u.error, clock_timestamp()
FROM unnest(%(update_id)s::bigint[], %(user_key)s::bigint[], %(kind)s::text[], %(payload)s::text[], %(error)s::text[])
    AS u (update_id, user_key, kind, payload, error)
ON CONFLICT DO NOTHING

-- name: waiting_users
-- Whose updates wait, the longest waiting first; index-only over updates_pending. Questions before a payment have keys
-- of their own (checkouts.sql).
SELECT user_key, count(*) AS updates FROM updates
WHERE bot_id = %(bot_id)s AND state = 'pending' AND user_key <> ALL (%(busy)s::bigint[])
    AND user_key > -4611686018427387904
GROUP BY user_key
ORDER BY min(update_id)
LIMIT %(limit)s

-- name: claim
-- The user's oldest update, or nothing while another process handles it: it takes the next ones too when it is done.
-- Locking the oldest row only, never the one behind it, is what keeps a user's order over all replicas.
SELECT update_id, kind, payload, error, (SELECT virtual_now_at FROM v_sop_time) AS virtual_now_at FROM updates
WHERE bot_id = %(bot_id)s AND user_key = %(user_key)s AND state = 'pending' AND update_id = (
    SELECT min(update_id) FROM updates WHERE bot_id = %(bot_id)s AND user_key = %(user_key)s AND state = 'pending'
)
FOR UPDATE SKIP LOCKED

-- name: handled
UPDATE updates SET state = 'handled', handled_wall = clock_timestamp(), attempts = attempts + 1
WHERE bot_id = %(bot_id)s AND update_id = %(update_id)s

-- name: attempted
-- It failed. Errors of the database's own (a lost connection, a deadlock) may pass: those come again, a few times.
UPDATE updates
SET
    attempts = attempts + 1,
    error = %(error)s,
    state = CASE WHEN %(may_pass)s AND attempts + 1 < %(most)s THEN 'pending' ELSE 'failed' END,
    handled_wall = CASE WHEN %(may_pass)s AND attempts + 1 < %(most)s THEN NULL ELSE clock_timestamp() END
WHERE bot_id = %(bot_id)s AND update_id = %(update_id)s AND state = 'pending'
RETURNING state

-- name: troubles
-- What waits or failed, from the two partial indexes. An error is "class: text", and the text may hold members' words.
SELECT
    state, kind, split_part(error, ':', 1) AS error, count(*) AS updates, max(received_wall) AS latest_wall
FROM updates
WHERE bot_id = %(bot_id)s AND state IN ('pending', 'failed')
GROUP BY 1, 2, 3
ORDER BY updates DESC, kind

-- name: recent_activity
-- What the member did in the private chat within the last minute (SOP time).
SELECT count(*) AS times FROM v_events
WHERE member_id = %(member_id)s AND kind IN ('private', 'start', 'answer', 'button') AND group_id IS NULL
    AND at > %(at)s - interval '1 minute' AND at <= %(at)s

-- name: own_message
SELECT id FROM v_messages WHERE id = %(id)s AND member_id = %(member_id)s

-- name: survey_message
-- As a test it is one of nobody's askings.
SELECT occurrence, stage = 'member_care' AS counts FROM v_messages
WHERE id = %(id)s AND member_id = %(member_id)s
    AND ((stage = 'member_care' AND step = 'nps') OR (stage = 'test' AND step = 'member_care/nps'))

-- name: survey_sent
SELECT occurrence FROM v_messages
WHERE member_id = %(member_id)s AND stage = 'member_care' AND step = 'nps' AND state IN ('sent', 'uncertain')
    AND sent_at > %(since)s
ORDER BY sent_at DESC
LIMIT 1

-- name: tongue
SELECT zone, locale, group_title IS NOT NULL AS in_group FROM v_members WHERE id = %(id)s

-- name: groups_without_door
SELECT id, chat_id, title FROM v_groups WHERE lost_at IS NULL AND NOT has_door ORDER BY id

-- name: take_lead
SELECT pg_try_advisory_lock(hashtextextended(%(name)s, 0)) AS leads

-- name: forget_updates
-- One page of the primary key, so that no run reads a row twice, and none holds many locks.
WITH page AS (
    SELECT update_id, handled_wall FROM updates
    WHERE bot_id = %(bot_id)s AND update_id > %(after_id)s
    ORDER BY update_id
    LIMIT %(batch)s
),
gone AS (
    DELETE FROM updates u USING page p
    WHERE u.bot_id = %(bot_id)s AND u.update_id = p.update_id
        AND p.handled_wall < clock_timestamp() - %(after)s::interval
    RETURNING 1
)
SELECT max(update_id) AS last, (SELECT count(*) FROM gone) AS removed FROM page
