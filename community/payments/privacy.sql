-- name: hold_payments
-- A settlement in the middle of its work would still write to the member, and holds terms while it waits for an order.
SELECT pg_advisory_xact_lock(hashtextextended('payments', 0))

-- name: export_provider_events
SELECT provider, event_id, kind, name, charge, amount_minor, currency, payer, happened_at, body
FROM provider_events e
WHERE payer = %(telegram_id)s
    OR (provider, charge) IN (SELECT provider, charge FROM payments WHERE member_id = %(id)s)
    OR order_number IN (SELECT number FROM orders WHERE member_id = %(id)s)
ORDER BY happened_at, event_id

-- name: erase_provider_events
-- That there was a payment of so much stays, for the books; whose it was, and what the provider wrote of them, does not.
UPDATE provider_events SET body = '', payer = NULL
WHERE payer = %(telegram_id)s
    OR (provider, charge) IN (SELECT provider, charge FROM payments WHERE member_id = %(id)s)
    OR order_number IN (SELECT number FROM orders WHERE member_id = %(id)s)

-- name: export_invoice_requests
SELECT o.number, i.title, i.tax_id, i.email, i.address, i.state, i.requested_at, i.done_at
FROM invoice_requests i
JOIN orders o ON o.id = i.order_id
WHERE o.member_id = %(id)s
ORDER BY i.order_id

-- name: erase_invoice_requests
DELETE FROM invoice_requests WHERE order_id IN (SELECT id FROM orders WHERE member_id = %(id)s)

-- name: export_refund_requests
SELECT provider, charge, amount_minor, currency, state, asked_at, decided_at
FROM refund_requests WHERE member_id = %(id)s ORDER BY id

-- name: erase_refund_requests
-- What was decided about the money stays; whose it was does not.
UPDATE refund_requests SET member_id = NULL WHERE member_id = %(id)s

-- name: export_subscription_requests
SELECT what, provider, subscription, state, asked_at FROM subscription_requests WHERE member_id = %(id)s ORDER BY id

-- name: erase_subscription_requests
-- Whoever is forgotten is charged no more: what runs, or may yet be renewed late, is stopped, by staff where its provider
-- cannot be asked. Telegram's number of who pays, which that takes, goes with the answer.
WITH running AS (
    SELECT p.provider, p.subscription, max(p.payer) AS payer
    FROM payments p
    JOIN v_terms t ON t.id = ANY (p.terms)
    WHERE (p.member_id = %(id)s OR p.payer = %(telegram_id)s) AND p.subscription IS NOT NULL
        AND t.renews AND t.revoked_at IS NULL AND t.ends_at > %(at)s::timestamptz - interval '35 days'
    GROUP BY p.provider, p.subscription
),
stop AS (
    INSERT INTO subscription_requests (what, provider, subscription, charge, payer, asked_at)
    SELECT
        'stop', r.provider, r.subscription,
        (
            SELECT charge FROM payments
            WHERE provider = r.provider AND subscription = r.subscription AND paid_at IS NOT NULL
            ORDER BY paid_at, charge
            LIMIT 1
        ),
        coalesce(r.payer, %(telegram_id)s), %(at)s
    FROM running r
    ON CONFLICT (what, provider, subscription) WHERE state = 'asked' DO NOTHING
)
UPDATE subscription_requests SET
    member_id = NULL,
    -- The task of a stop that hangs is erased too: it is tried anew, and staff are told again if it still hangs.
    attempts = CASE WHEN what = 'stop' AND state = 'asked' THEN 0 ELSE attempts END,
    retry_wall = CASE WHEN what = 'stop' AND state = 'asked' THEN NULL ELSE retry_wall END
WHERE member_id = %(id)s

-- name: export_payments
SELECT provider, charge, order_id, plan, paid_minor, refunded_minor, currency, disputed, paid_at, state, why
FROM payments WHERE member_id = %(id)s OR payer = %(telegram_id)s ORDER BY paid_at, charge

-- name: erase_payments
-- What was moved to another account stays that one's, whichever of the two is forgotten.
UPDATE payments SET member_id = nullif(member_id, %(id)s), payer = nullif(payer, %(telegram_id)s)
WHERE member_id = %(id)s OR payer = %(telegram_id)s

-- name: export_orders
SELECT number, plan, amount_minor, currency, list_minor, coupon_code, state, source, created_at, expires_at, paid_at
FROM orders WHERE member_id = %(id)s ORDER BY id

-- name: export_order_moves
SELECT m.at, o.number, m.provider, m.charge, m.member_id = %(id)s AS to_you, m.note
FROM order_moves m
LEFT JOIN orders o ON o.id = m.order_id
WHERE m.member_id = %(id)s OR m.from_member_id = %(id)s
ORDER BY m.id

-- name: erase_order_moves
-- That it was moved stays, and what staff wrote of them does not.
UPDATE order_moves SET
    member_id = nullif(member_id, %(id)s), from_member_id = nullif(from_member_id, %(id)s), note = ''
WHERE member_id = %(id)s OR from_member_id = %(id)s

-- name: erase_orders
-- Its number and sum are the books'. Nobody can claim it any more.
UPDATE orders SET member_id = NULL, claim_hash = NULL, opened_by = NULL WHERE member_id = %(id)s
