-- name: orders
SELECT * FROM orders
WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(member_id)s::bigint IS NULL OR member_id = %(member_id)s)
ORDER BY id DESC
LIMIT %(limit)s

-- name: payments
SELECT * FROM payments
WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(member_id)s::bigint IS NULL OR member_id = %(member_id)s)
ORDER BY changed_at DESC, provider, charge
LIMIT %(limit)s

-- name: payments_of_order
SELECT * FROM payments WHERE order_id = %(order_id)s ORDER BY paid_at, provider, charge

-- name: payments_named
SELECT * FROM payments
WHERE charge = %(text)s OR provider || ':' || charge = %(text)s OR order_id = %(order_id)s
ORDER BY paid_at, provider, charge
LIMIT 10

-- name: ledger
SELECT t.at, t.what, t.by, t.note, e.account, e.amount_minor, e.currency
FROM ledger_transactions t
JOIN ledger_entries e ON e.transaction_id = t.id
WHERE t.provider = %(provider)s AND t.charge = %(charge)s
ORDER BY t.id, e.amount_minor DESC, e.account

-- name: events
SELECT event_id, kind, name, amount_minor, currency, happened_at, state, result, error FROM provider_events
WHERE provider = %(provider)s AND charge = %(charge)s
ORDER BY happened_at, event_id

-- name: refunds
SELECT * FROM refund_requests WHERE provider = %(provider)s AND charge = %(charge)s ORDER BY id

-- name: problems
SELECT
    'payment' AS kind, provider || ':' || charge AS subject, state AS what, coalesce(why, '') AS why, member_id,
    paid_minor AS amount_minor, currency, changed_at AS since
FROM payments WHERE state IN ('unmatched', 'unclaimed')
UNION ALL
SELECT 'dispute', provider || ':' || charge, 'open', '', member_id, paid_minor, currency, changed_at
FROM payments WHERE disputed = 'open'
UNION ALL
SELECT 'event', provider || ':' || event_id, 'failed', split_part(coalesce(error, ''), ':', 1), NULL,
    amount_minor, currency, happened_at
FROM provider_events WHERE state = 'failed'
UNION ALL
SELECT
    'refund', r.provider || ':' || r.charge, r.state, coalesce(r.error, ''), r.member_id, r.amount_minor, r.currency,
    r.asked_at
FROM refund_requests r
JOIN payments p ON p.provider = r.provider AND p.charge = r.charge
WHERE r.state <> 'refused' AND p.state <> 'reversed'
ORDER BY since, subject
LIMIT %(limit)s

-- name: invoices
SELECT
    o.number, o.plan, o.amount_minor, o.currency, o.member_id, i.title, i.tax_id, i.email, i.address, i.state,
    i.requested_at, i.done_at
FROM invoice_requests i
JOIN orders o ON o.id = i.order_id
WHERE %(everything)s OR i.state = 'open'
ORDER BY i.requested_at, o.id
LIMIT %(limit)s

-- name: variants
-- What came of each way in which a plan's page begins: seen, ordered from it, paid, and what of that is still ours.
WITH seen AS (
    SELECT data ->> 'plan' AS plan, data ->> 'variant' AS variant, count(*) AS views FROM v_events
    WHERE kind = 'page_view' AND at >= %(since)s
    GROUP BY 1, 2
),
ordered AS (
    SELECT plan, variant, count(*) AS orders, count(*) FILTER (WHERE state = 'paid') AS paid FROM orders
    WHERE source = 'page' AND variant <> '' AND created_at >= %(since)s
    GROUP BY plan, variant
),
earned AS (
    SELECT plan, variant, jsonb_object_agg(currency, minor ORDER BY currency) AS money
    FROM (
        SELECT o.plan, o.variant, p.currency, sum(p.paid_minor - p.refunded_minor) AS minor
        FROM orders o
        JOIN payments p ON p.order_id = o.id
        WHERE o.source = 'page' AND o.variant <> '' AND o.created_at >= %(since)s AND p.state IN ('matched', 'unclaimed')
        GROUP BY o.plan, o.variant, p.currency
    ) AS by_currency
    GROUP BY plan, variant
)
SELECT
    plan, variant, coalesce(views, 0) AS views, coalesce(orders, 0) AS orders, coalesce(paid, 0) AS paid,
    coalesce(money, '{}') AS money
FROM seen
FULL JOIN ordered USING (plan, variant)
LEFT JOIN earned USING (plan, variant)
ORDER BY plan, variant
