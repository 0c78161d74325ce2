-- name: under_way
-- Updates first: once none is left, all that they cause is in the outbox.
SELECT
    (SELECT count(*) FROM updates WHERE bot_id = %(bot_id)s AND state = 'pending') AS "updates not handled",
    (SELECT count(*) FROM messages WHERE bot_id = %(bot_id)s AND state = 'sending') AS "messages on their way",
    (
        SELECT count(*) FROM messages, installation
        WHERE messages.bot_id = %(bot_id)s AND state = 'waiting' AND due_at <= virtual_now_at
    ) AS "messages due",
    (SELECT count(*) FROM provider_events WHERE state = 'pending') AS "payments not settled",
    (SELECT count(*) FROM refund_requests WHERE state = 'approved') AS "refunds not made",
    (SELECT count(*) FROM entry_links WHERE given_at IS NOT NULL AND made_at IS NULL AND revoked_at IS NULL)
        AS "ways in not made"
