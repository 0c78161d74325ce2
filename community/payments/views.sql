-- Orders, for whoever shows or reports them; of whom and how it is claimed stays here.
CREATE OR REPLACE VIEW v_orders AS
SELECT
    id, number, member_id, plan, amount_minor, currency, list_minor, coupon_code, variant, state, source, upgrade_of,
    created_at, expires_at, paid_at, renews
FROM orders;

-- Payments as they stand.
CREATE OR REPLACE VIEW v_payments AS
SELECT
    provider, charge, order_id, member_id, payer, plan, paid_minor, refunded_minor, currency, disputed, paid_at,
    subscription, terms, state, why, changed_at
FROM payments;

-- The ledger, an entry a row.
CREATE OR REPLACE VIEW v_ledger AS
SELECT t.id, t.at, t.what, t.provider, t.charge, t.order_id, e.account, e.currency, e.amount_minor
FROM ledger_transactions t
JOIN ledger_entries e ON e.transaction_id = t.id;

-- What providers said, without the words: how much waits, and what failed.
CREATE OR REPLACE VIEW v_provider_events AS
SELECT provider, event_id, kind, name, charge, state, result, attempts, happened_at, received_wall FROM provider_events;
