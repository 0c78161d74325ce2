-- name: refundable
SELECT * FROM payments
WHERE order_id = %(order_id)s AND state IN ('matched', 'unclaimed', 'unmatched') AND paid_minor > refunded_minor
    AND disputed NOT IN ('open', 'lost')
ORDER BY paid_at DESC, charge
LIMIT 1

-- name: ask
INSERT INTO refund_requests (
    provider, charge, order_id, member_id, amount_minor, currency, state, asked_at, asked_by, decided_at, decided_by
)
VALUES (
    %(provider)s, %(charge)s, %(order_id)s, %(member_id)s, %(amount_minor)s, %(currency)s, %(state)s, %(at)s, %(by)s,
    %(decided_at)s, %(decided_by)s
)
ON CONFLICT (provider, charge) WHERE state in ('asked', 'approved', 'sent') DO NOTHING
RETURNING *

-- name: by_id
SELECT * FROM refund_requests WHERE id = %(id)s

-- name: open_request
SELECT * FROM refund_requests
WHERE provider = %(provider)s AND charge = %(charge)s AND state IN ('asked', 'approved', 'sent')

-- name: decide
UPDATE refund_requests SET
    decided_at = %(at)s, decided_by = %(by)s,
    state = CASE
        WHEN NOT %(approve)s THEN 'refused'
        WHEN provider = ANY (%(by_itself)s) THEN 'approved'
        ELSE 'sent'
    END
WHERE id = %(id)s AND state = 'asked' AND NOT (%(approve)s AND EXISTS (
    SELECT FROM payments p
    WHERE p.provider = refund_requests.provider AND p.charge = refund_requests.charge AND p.disputed IN ('open', 'lost')
))
RETURNING *

-- name: take
-- Committed before the provider is asked; after a crash it comes again, and the provider knows it by the same number.
WITH taken AS (
    UPDATE refund_requests SET
        attempts = attempts + 1,
        retry_wall = clock_timestamp() + least(interval '30 seconds' * 2 ^ attempts, interval '6 hours')
    WHERE id = (
        SELECT id FROM refund_requests
        WHERE state = 'approved' AND (retry_wall IS NULL OR retry_wall <= clock_timestamp())
        ORDER BY id
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING *
)
SELECT
    t.*, p.payer,
    (SELECT max(also) FROM provider_events e WHERE e.provider = t.provider AND e.charge = t.charge) AS also
FROM taken t
LEFT JOIN payments p ON p.provider = t.provider AND p.charge = t.charge

-- name: answered
UPDATE refund_requests SET
    error = %(error)s,
    state = CASE
        WHEN %(error)s::text IS NULL THEN 'sent'
        WHEN attempts >= %(most)s THEN 'failed'
        ELSE state
    END
WHERE id = %(id)s
RETURNING state

-- name: bounced
UPDATE refund_requests SET state = 'failed', error = %(error)s
WHERE provider = %(provider)s AND charge = %(charge)s AND state = 'sent'

-- name: sent
SELECT id, member_id FROM refund_requests
WHERE provider = %(provider)s AND charge = %(charge)s AND state = 'sent' AND member_id IS NOT NULL
