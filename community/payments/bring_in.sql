-- name: alone
-- Nothing is settled, and nobody erased, while a list comes in: the lock that settling shares.
SELECT pg_advisory_xact_lock(hashtextextended('payments', 0))

-- name: members
SELECT telegram_id, id FROM v_members WHERE telegram_id = ANY (%(telegram_ids)s::bigint[])

-- name: there
SELECT p.provider, p.charge, p.plan, p.member_id, p.paid_minor, p.currency, p.refunded_minor
FROM unnest(%(provider)s::text[], %(charge)s::text[]) AS l (provider, charge)
JOIN payments p USING (provider, charge)

-- name: held
-- Terms for which no payment is known, in the order in which they begin.
SELECT m.telegram_id, t.plan, t.starts_at, t.ends_at
FROM v_terms t
JOIN v_members m ON m.id = t.member_id
WHERE t.member_id = ANY (%(member_ids)s::bigint[]) AND t.source IN ('list', 'staff') AND t.revoked_at IS NULL
    AND NOT t.trial
ORDER BY t.starts_at, t.id

-- name: add_events
-- As the provider would have told them, so that what it tells later is added to them.
INSERT INTO provider_events (
    provider, event_id, kind, name, charge, plan, amount_minor, currency, payer, happened_at, received_wall, state,
    result
)
SELECT
    l.provider, 'list:' || k.kind || ':' || l.charge, k.kind, 'list', l.charge, l.plan, k.minor, l.currency, l.payer, k.at,
    clock_timestamp(), 'handled', 'from a list'
FROM unnest(
    %(provider)s::text[], %(charge)s::text[], %(plan)s::text[], %(paid_minor)s::bigint[], %(currency)s::text[],
    %(payer)s::bigint[], %(paid_at)s::timestamptz[], %(refunded_minor)s::bigint[], %(refunded_at)s::timestamptz[]
) AS l (provider, charge, plan, paid_minor, currency, payer, paid_at, refunded_minor, refunded_at)
CROSS JOIN LATERAL (
    VALUES ('paid', l.paid_minor, l.paid_at), ('refunded', l.refunded_minor, l.refunded_at)
) AS k (kind, minor, at)
WHERE k.minor > 0

-- name: add_payments
INSERT INTO payments (
    provider, charge, member_id, payer, plan, paid_minor, refunded_minor, currency, paid_at, state, placed_by, changed_at,
    terms
)
SELECT
    l.provider, l.charge, l.member_id, l.payer, l.plan, l.paid_minor, l.refunded_minor, l.currency, l.paid_at,
    CASE WHEN l.kept THEN 'matched' ELSE 'reversed' END, %(by)s, %(at)s,
    ARRAY(
        SELECT t.id FROM v_terms t
        WHERE t.member_id = l.member_id AND t.source = l.provider AND t.granted_by = l.charge AND t.revoked_at IS NULL
        ORDER BY t.id
    )
FROM unnest(
    %(provider)s::text[], %(charge)s::text[], %(member_id)s::bigint[], %(payer)s::bigint[], %(plan)s::text[],
    %(paid_minor)s::bigint[], %(refunded_minor)s::bigint[], %(currency)s::text[], %(paid_at)s::timestamptz[],
    %(kept)s::boolean[]
) AS l (provider, charge, member_id, payer, plan, paid_minor, refunded_minor, currency, paid_at, kept)

-- name: book
WITH entries AS MATERIALIZED (
    SELECT * FROM unnest(
        %(provider)s::text[], %(charge)s::text[], %(what)s::text[], %(happened_at)s::timestamptz[], %(account)s::text[],
        %(currency)s::text[], %(minor)s::bigint[]
    ) AS e (provider, charge, what, happened_at, account, currency, minor)
),
booked AS (
    INSERT INTO ledger_transactions (at, happened_at, what, provider, charge, version, by, note)
    SELECT DISTINCT %(at)s::timestamptz, happened_at, what, provider, charge, 1, %(by)s, %(note)s FROM entries
    RETURNING id, provider, charge, what
)
INSERT INTO ledger_entries (transaction_id, account, currency, amount_minor)
SELECT b.id, e.account, e.currency, e.minor
FROM booked b
JOIN entries e USING (provider, charge, what)
