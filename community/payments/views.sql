-- Orders, for whoever shows or reports them; of whom and how it is claimed stays here.
CREATE OR REPLACE VIEW v_orders AS
SELECT
    id, number, member_id, plan, amount_minor, currency, list_minor, coupon_code, variant, state, source, upgrade_of,
    created_at, expires_at, paid_at, renews, credit_minor, upgraded_until_at
FROM orders;

-- Payments as they stand.
CREATE OR REPLACE VIEW v_payments AS
SELECT
    provider, charge, order_id, member_id, payer, plan, paid_minor, refunded_minor, currency, disputed, paid_at,
    subscription, terms, state, why, changed_at
FROM payments;

-- The ledger, an entry a row.
CREATE OR REPLACE VIEW v_ledger AS
SELECT t.id, t.at, t.what, t.provider, t.charge, t.order_id, e.account, e.currency, e.amount_minor, t.happened_at
FROM ledger_transactions t
JOIN ledger_entries e ON e.transaction_id = t.id;

-- What providers said, without the words: how much waits, and what failed.
CREATE OR REPLACE VIEW v_provider_events AS
SELECT provider, event_id, kind, name, charge, state, result, attempts, happened_at, received_wall FROM provider_events;

-- Terms that were paid for: by a payment, or with a sum that staff or a list say. What a bundle brings besides is not:
-- its money is the bundle's. `provider` NULL: no payment is known.
CREATE OR REPLACE VIEW v_paid_terms AS
SELECT
    t.id, t.member_id, t.plan, t.line, t.starts_at, t.ends_at, t.revoked_at, t.counted_from_at,
    coalesce(p.currency, t.currency) AS currency, p.provider, p.charge, p.order_id, p.paid_minor
FROM v_terms t
LEFT JOIN payments p ON p.provider = t.source AND p.charge = t.granted_by AND p.plan = t.plan
WHERE NOT t.trial AND (p.charge IS NOT NULL OR t.paid_minor > 0);

-- What members paid, and when: by the ledger; of terms without a payment what staff or a list say.
CREATE OR REPLACE VIEW v_purchases AS
SELECT
    p.member_id, l.happened_at AS at, split_part(l.account, ':', 2) AS plan, -l.amount_minor AS minor, l.currency,
    l.provider, l.charge
FROM v_ledger l
JOIN payments p USING (provider, charge)
WHERE starts_with(l.account, 'revenue:') AND l.amount_minor < 0 AND p.member_id IS NOT NULL
UNION ALL
SELECT member_id, starts_at, plan, paid_minor, currency, NULL, NULL
FROM v_terms
WHERE source IN ('staff', 'list') AND paid_minor > 0 AND NOT trial;
