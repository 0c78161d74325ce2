-- name: ask_start
-- Asked twice before it is answered, it is answered once. An order has one address, so that it is paid by one
-- subscription.
INSERT INTO subscription_requests (what, provider, subscription, member_id, cause, asked_at, address)
VALUES (
    'start', %(provider)s, %(subscription)s, %(member_id)s, %(cause)s, %(at)s,
    (
        SELECT max(address) FROM subscription_requests
        WHERE what = 'start' AND provider = %(provider)s AND subscription = %(subscription)s
    )
)
ON CONFLICT (what, provider, subscription) WHERE state = 'asked' DO NOTHING

-- name: ask_stop
-- A member's wish is answered, also when it was to be stopped for another reason before; a new one soon.
INSERT INTO subscription_requests (what, provider, subscription, charge, payer, member_id, cause, asked_at)
SELECT
    'stop', p.provider, p.subscription,
    (
        SELECT charge FROM payments
        WHERE provider = p.provider AND subscription = p.subscription AND paid_at IS NOT NULL
        ORDER BY paid_at, charge
        LIMIT 1
    ),
    coalesce(p.payer, (SELECT telegram_id FROM v_members WHERE id = p.member_id)),
    p.member_id, %(cause)s, %(at)s
FROM payments p
WHERE p.provider = %(provider)s AND p.charge = %(charge)s AND p.subscription IS NOT NULL
ON CONFLICT (what, provider, subscription) WHERE state = 'asked'
    DO UPDATE SET cause = excluded.cause, attempts = least(subscription_requests.attempts, %(most)s - 1), retry_wall = NULL
    WHERE excluded.cause <> ''

-- name: payment_of_term
SELECT p.* FROM v_terms t
JOIN payments p ON p.provider = t.source AND p.charge = t.granted_by
WHERE t.id = %(term_id)s AND t.member_id = %(member_id)s AND t.renews AND t.revoked_at IS NULL
    AND p.subscription IS NOT NULL

-- name: take
-- Committed before the provider is asked; after a crash it comes again, which changes nothing there. The pauses grow from
-- ten seconds to six hours.
UPDATE subscription_requests SET
    retry_wall = clock_timestamp() + least(interval '10 seconds' * 2 ^ least(attempts, 12), interval '6 hours')
WHERE id = (
    SELECT id FROM subscription_requests
    WHERE state = 'asked' AND (retry_wall IS NULL OR retry_wall <= clock_timestamp())
    ORDER BY id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING *

-- name: locale
SELECT locale FROM v_members WHERE id = %(member_id)s

-- name: answered
-- An answer counts when it is kept: whoever dies before that leaves the number of failures as it was.
UPDATE subscription_requests r SET
    error = %(error)s, address = coalesce(%(address)s, r.address), attempts = n.attempts, state = n.state,
    payer = CASE WHEN n.state = 'asked' THEN r.payer END
FROM (
    SELECT
        id, attempts + 1 AS attempts,
        CASE
            WHEN %(error)s::text IS NULL THEN 'done'
            WHEN %(final)s OR attempts + 1 >= %(most)s THEN 'failed'
            ELSE state
        END AS state
    FROM subscription_requests
    WHERE id = %(id)s AND state = 'asked'
    FOR UPDATE
) AS n
WHERE r.id = n.id
RETURNING r.*

-- name: ends
-- Until when what the subscription has given runs.
SELECT max(t.ends_at) AS ends_at FROM v_terms t
WHERE t.revoked_at IS NULL AND t.id IN (
    SELECT unnest(p.terms[:1]) FROM payments p
    WHERE p.provider = %(provider)s AND p.subscription = %(subscription)s
)
