-- name: take_turns
-- One settlement of a payment at a time; the shared lock keeps out whoever erases a member. Taken before anything else.
SELECT
    pg_advisory_xact_lock_shared(hashtextextended('payments', 0)),
    pg_advisory_xact_lock(hashtextextended(concat_ws(':', 'payment', %(provider)s::text, %(charge)s::text), 0))

-- name: notices
-- Refunds and disputes may name a payment by another of its numbers, which some event gives beside the one under which
-- what was paid came.
SELECT * FROM provider_events WHERE provider = %(provider)s AND charge = %(charge)s
UNION ALL
SELECT * FROM provider_events
WHERE provider = %(provider)s AND kind <> 'paid' AND charge IN (
    SELECT e.also FROM provider_events e
    WHERE e.provider = %(provider)s AND e.charge = %(charge)s AND e.also <> e.charge AND EXISTS (
        SELECT FROM provider_events p WHERE p.provider = e.provider AND p.charge = e.charge AND p.kind = 'paid'
    )
)

-- name: drop_namesakes
-- What was noted under another number of a payment before it was known to be the same.
DELETE FROM payments p USING provider_events e
WHERE e.provider = %(provider)s AND e.charge = %(charge)s AND e.also <> e.charge
    AND p.provider = e.provider AND p.charge = e.also AND p.state = 'received'

-- name: payment
SELECT * FROM payments WHERE provider = %(provider)s AND charge = %(charge)s

-- name: keep
INSERT INTO payments (
    provider, charge, order_id, member_id, payer, plan, paid_minor, refunded_minor, currency, disputed, paid_at,
    subscription, terms, state, why, placed_by, changed_at
)
VALUES (
    %(provider)s, %(charge)s, %(order_id)s, %(member_id)s, %(payer)s, %(plan)s, %(paid_minor)s, %(refunded_minor)s,
    %(currency)s, %(disputed)s, %(paid_at)s, %(subscription)s, %(terms)s, %(state)s, %(why)s, %(placed_by)s,
    %(changed_at)s
)
ON CONFLICT (provider, charge) DO UPDATE SET
    order_id = excluded.order_id, member_id = excluded.member_id, payer = excluded.payer, plan = excluded.plan,
    paid_minor = excluded.paid_minor, refunded_minor = excluded.refunded_minor, currency = excluded.currency,
    disputed = excluded.disputed, paid_at = excluded.paid_at, subscription = excluded.subscription,
    terms = excluded.terms, state = excluded.state, why = excluded.why, placed_by = excluded.placed_by,
    changed_at = excluded.changed_at

-- name: first_of_subscription
-- What the subscription began with says what the payments that follow are for.
SELECT order_id, member_id, plan FROM payments
WHERE provider = %(provider)s AND subscription = %(subscription)s AND charge <> %(charge)s AND state <> 'received'
ORDER BY paid_at, charge
LIMIT 1

-- name: member_of_payer
SELECT id FROM v_members WHERE telegram_id = %(payer)s

-- name: account
SELECT telegram_id FROM v_members WHERE id = %(member_id)s

-- name: of_order
SELECT * FROM payments WHERE order_id = %(order_id)s ORDER BY paid_at, charge

-- name: other_for
-- Another payment of an order that stands, and was of so much.
SELECT FROM payments
WHERE order_id = %(order_id)s AND (provider, charge) <> (%(provider)s, %(charge)s)
    AND state = 'matched' AND paid_minor = %(minor)s
LIMIT 1

-- name: unclaimed_of_payer
SELECT provider, charge FROM payments WHERE state = 'unclaimed' AND payer = %(payer)s ORDER BY provider, charge

-- name: coupon_is_used
-- Whether one of the terms has used the coupon.
SELECT FROM v_redemptions r
WHERE code = %(code)s AND term_id = ANY (%(term_ids)s) AND reverses IS NULL
    AND NOT EXISTS (SELECT FROM v_redemptions b WHERE b.reverses = r.id)

-- name: terms
SELECT id FROM v_terms WHERE id = ANY (%(ids)s)

-- name: standing_terms
SELECT id FROM v_terms WHERE id = ANY (%(ids)s) AND revoked_at IS NULL ORDER BY array_position(%(ids)s, id)

-- name: earlier_terms
-- What the subscription's other payments gave, as far as it is still said to renew.
SELECT id FROM v_terms
WHERE renews AND revoked_at IS NULL AND id <> ALL (%(ids)s) AND id IN (
    SELECT unnest(terms) FROM payments WHERE provider = %(provider)s AND subscription = %(subscription)s
)
ORDER BY id

-- name: ended
-- Of a subscription: when its provider said last that it does not go on; nothing if it has said since that it does.
SELECT e.at FROM (
    SELECT
        max(happened_at) FILTER (WHERE kind = 'subscription_ended') AS at,
        max(happened_at) FILTER (WHERE kind = 'subscription_changed') AS goes_on_at
    FROM provider_events WHERE provider = %(provider)s AND subscription = %(subscription)s
) AS e
WHERE e.at >= coalesce(e.goes_on_at, e.at)

-- name: stopped
SELECT FROM provider_events
WHERE provider = %(provider)s AND subscription = %(subscription)s AND kind = 'subscription_ended'
LIMIT 1

-- name: last_of_subscription
SELECT * FROM payments
WHERE provider = %(provider)s AND subscription = %(subscription)s AND state = 'matched'
ORDER BY paid_at DESC, charge DESC
LIMIT 1

-- name: astray
-- Later payments of a subscription that said nothing of what they are for, and came before the one that does.
SELECT provider, charge FROM payments
WHERE provider = %(provider)s AND subscription = %(subscription)s AND charge <> %(charge)s
    AND state = 'unmatched' AND why = 'unknown_plan' AND placed_by IS NULL
ORDER BY charge
