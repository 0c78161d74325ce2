-- name: refused
-- Approvals that Telegram refused for good, of requests that are taken as passed. By the partial index of what failed.
WITH failed AS MATERIALIZED (
    SELECT id, substr(occurrence, 9)::bigint AS request_id, coalesce(reason, '') AS reason FROM v_messages
    WHERE bot_id = %(bot_id)s AND state = 'failed' AND stage = 'gate' AND step = 'approve' AND occurrence ~ '^request:[0-9]+$'
)
SELECT f.id AS message_id, f.request_id, f.reason, r.member_id, m.telegram_id, r.group_id, g.chat_id, g.title,
    r.decided_at
FROM failed f
JOIN join_requests r ON r.id = f.request_id AND r.state = 'passed'
JOIN groups g ON g.id = r.group_id
JOIN v_members m ON m.id = r.member_id
ORDER BY f.id
LIMIT 100

-- name: withdraw
UPDATE join_requests SET state = 'withdrawn' WHERE id = %(id)s AND state = 'passed' RETURNING decided_at

-- name: admitted
-- Inside by our record, and not by a later entry that Telegram has told us of.
SELECT FROM memberships
WHERE member_id = %(member_id)s AND group_id = %(group_id)s AND left_at IS NULL AND joined_at <= %(decided_at)s
