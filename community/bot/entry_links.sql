-- name: take_turn
-- Held while calls are on their way, so by the session; a process that dies gives it back with its connection.
SELECT pg_try_advisory_lock(hashtextextended('entry links of a bot', %(bot_id)s)) AS taken

-- name: end_turn
SELECT pg_advisory_unlock(hashtextextended('entry links of a bot', %(bot_id)s))

-- name: chat
SELECT chat_id, title FROM v_groups WHERE id = %(group_id)s AND lost_at IS NULL
