-- name: queue
-- One branch for each partial index; together they would be a scan of all that was ever sent. By class, which has ten
-- lanes: the first stands for them.
SELECT lane / 10 * 10 AS lane, state, count(*) AS messages, min(due_at) AS oldest_at
FROM (
    SELECT lane, state, due_at FROM messages WHERE bot_id = %(bot_id)s AND state = 'waiting'
    UNION ALL
    SELECT lane, state, due_at FROM messages WHERE bot_id = %(bot_id)s AND state = 'sending'
    UNION ALL
    SELECT lane, state, due_at FROM messages WHERE bot_id = %(bot_id)s AND state IN ('failed', 'uncertain')
) AS unsettled
GROUP BY lane / 10, state
ORDER BY lane / 10, state

-- name: listing
SELECT id, member_id, chat_id, stage, step, lane, state, reason, attempts, due_at, expires_at
FROM messages
WHERE bot_id = %(bot_id)s AND state = %(state)s
ORDER BY id DESC
LIMIT %(limit)s

-- name: failures
-- Over the partial index of what is in trouble.
SELECT stage, state, coalesce(reason, 'unknown') AS reason, count(*) AS messages
FROM messages
WHERE bot_id = %(bot_id)s AND state IN ('failed', 'uncertain')
GROUP BY stage, state, coalesce(reason, 'unknown')
ORDER BY messages DESC, stage, reason

-- name: in_trouble
SELECT id FROM messages
WHERE bot_id = %(bot_id)s AND state IN ('failed', 'uncertain') AND reason = %(reason)s
ORDER BY id

-- name: pace
-- Each outcome leaves its chat's pace behind: read instead of all that was ever sent.
SELECT
    b.rate,
    b.frozen_until_wall,
    (
        SELECT count(*) FROM chat_paces p
        WHERE p.bot_id = b.bot_id AND p.next_wall > clock_timestamp() - interval '1 minute'
    ) AS chats
FROM budgets b
WHERE b.bot_id = %(bot_id)s

-- name: last_publication
SELECT bundle, note, published_wall FROM publications ORDER BY id DESC LIMIT 1

-- name: history
SELECT id, stage, step, state, reason, due_at, sent_at FROM messages
WHERE member_id = %(member_id)s
ORDER BY id DESC
LIMIT %(limit)s
