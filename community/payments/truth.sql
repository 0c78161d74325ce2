-- name: differences
-- What the ledger says was bought and is kept (the money is with us, or disputed), against the terms that its payment
-- has granted; and terms of payments of which the ledger knows nothing. Of one payment, of one member, or of all.
WITH booked AS (
    SELECT
        t.provider, t.charge,
        min(split_part(e.account, ':', 2)) FILTER (WHERE starts_with(e.account, 'revenue:') AND e.minor <> 0) AS plan,
        coalesce(sum(e.minor) FILTER (WHERE e.account ~ '^(cash|disputed):'), 0) > 0 AS kept
    FROM (
        SELECT DISTINCT provider, charge FROM ledger_transactions
        WHERE %(charge)s::text IS NULL OR (provider = %(provider)s AND charge = %(charge)s)
    ) AS t
    CROSS JOIN LATERAL (
        SELECT e.account, sum(e.amount_minor) AS minor
        FROM ledger_transactions lt
        JOIN ledger_entries e ON e.transaction_id = lt.id
        WHERE lt.provider = t.provider AND lt.charge = t.charge
        GROUP BY e.account
    ) AS e
    GROUP BY t.provider, t.charge
),
bought AS (
    SELECT p.member_id, b.provider, b.charge, b.plan, (b.plan IS NOT NULL AND b.kept)::int AS due
    FROM booked b
    JOIN payments p USING (provider, charge)
    WHERE p.member_id IS NOT NULL
),
held AS (
    SELECT
        member_id, source AS provider, granted_by AS charge, min(line) AS line,
        array_agg(plan ORDER BY id) FILTER (WHERE revoked_at IS NULL) AS plans,
        array_agg(1) FILTER (WHERE revoked_at IS NULL) AS positions
    FROM v_terms
    WHERE source = ANY (%(providers)s)
        AND (%(member_id)s::bigint IS NULL OR member_id = %(member_id)s)
        AND (%(charge)s::text IS NULL OR (source = %(provider)s AND granted_by = %(charge)s))
    GROUP BY member_id, source, granted_by
)
SELECT
    member_id, provider, charge, b.plan, h.line, coalesce(b.due, 0) AS due,
    coalesce(cardinality(CASE b.due WHEN 1 THEN array_positions(h.plans, b.plan) ELSE h.positions END), 0) AS held
FROM bought b
FULL JOIN held h USING (member_id, provider, charge)
WHERE (%(member_id)s::bigint IS NULL OR member_id = %(member_id)s) AND coalesce(b.due, 0)
    <> coalesce(cardinality(CASE b.due WHEN 1 THEN array_positions(h.plans, b.plan) ELSE h.positions END), 0)
ORDER BY member_id, provider, charge

-- name: providers
SELECT DISTINCT provider FROM payments

-- name: uneven
-- Payments whose ledger is not what they say: it never should be.
SELECT p.provider, p.charge
FROM payments p
LEFT JOIN LATERAL (
    SELECT
        coalesce(sum(e.amount_minor) FILTER (WHERE starts_with(e.account, 'cash:')), 0) AS cash,
        coalesce(sum(e.amount_minor) FILTER (WHERE starts_with(e.account, 'disputed:')), 0) AS disputed
    FROM ledger_transactions t
    JOIN ledger_entries e ON e.transaction_id = t.id
    WHERE t.provider = p.provider AND t.charge = p.charge
) AS l ON true
WHERE (%(charge)s::text IS NULL OR (p.provider = %(provider)s AND p.charge = %(charge)s))
    AND l.cash + l.disputed <> CASE
        WHEN p.paid_minor IS NULL THEN 0
        WHEN p.disputed = 'lost' THEN least(0, p.paid_minor - p.refunded_minor)
        ELSE p.paid_minor - p.refunded_minor
    END
ORDER BY p.provider, p.charge

-- name: payments
SELECT p.* FROM payments p
JOIN unnest(%(provider)s::text[], %(charge)s::text[]) AS c (provider, charge) USING (provider, charge)

-- name: notices
-- Of the next so many payments, by the index of their numbers.
WITH batch AS (
    SELECT provider, charge FROM provider_events
    WHERE charge IS NOT NULL AND state <> 'pending' AND (provider, charge) > (%(provider)s::text, %(charge)s::text)
    GROUP BY provider, charge
    ORDER BY provider, charge
    LIMIT %(limit)s
)
SELECT
    provider, event_id, kind, name, charge, order_number, plan, amount_minor, currency, payer, subscription,
    period_ends_at, happened_at
FROM provider_events
JOIN batch USING (provider, charge)
WHERE state <> 'pending'
ORDER BY provider, charge
