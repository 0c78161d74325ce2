-- name: take_checkouts
-- Questions before a payment have keys of their own below all chats' (`inbox.checkout_key`), so that the index leads to
-- them past any backlog. They are handled by being judged: who dies before the answer leaves the member to try again.
WITH asked AS (
    SELECT update_id FROM updates
    WHERE bot_id = %(bot_id)s AND state = 'pending' AND user_key <= -4611686018427387904
    ORDER BY update_id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
UPDATE updates u SET state = 'handled', handled_wall = clock_timestamp(), attempts = attempts + 1
FROM asked a
WHERE u.bot_id = %(bot_id)s AND u.update_id = a.update_id
RETURNING
    u.update_id, u.payload, u.payload #>> '{pre_checkout_query,id}' AS query_id,
    u.received_wall < clock_timestamp() - interval '10 seconds' AS late,
    (SELECT m.locale FROM v_members m WHERE m.telegram_id = -4611686018427387904 - u.user_key) AS locale

-- name: checkout_failed
UPDATE updates SET state = 'failed', error = coalesce(error, %(error)s)
WHERE bot_id = %(bot_id)s AND update_id = %(update_id)s
