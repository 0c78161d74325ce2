-- name: booked
-- What the ledger says of a payment, by account.
SELECT e.account, e.currency, sum(e.amount_minor)::bigint AS minor
FROM ledger_transactions t
JOIN ledger_entries e ON e.transaction_id = t.id
WHERE t.provider = %(provider)s AND t.charge = %(charge)s
GROUP BY e.account, e.currency
HAVING sum(e.amount_minor) <> 0

-- name: book
-- Who books holds the payment's lock, so that the version is the next.
WITH booked AS (
    INSERT INTO ledger_transactions (at, happened_at, what, provider, charge, version, order_id, event_id, by, note)
    SELECT
        %(at)s, %(happened_at)s, %(what)s, %(provider)s, %(charge)s, 1 + count(*), %(order_id)s, %(event_id)s, %(by)s, %(note)s
    FROM ledger_transactions
    WHERE provider = %(provider)s AND charge = %(charge)s AND what = %(what)s
    RETURNING id
)
INSERT INTO ledger_entries (transaction_id, account, currency, amount_minor)
SELECT booked.id, e.account, e.currency, e.minor
FROM booked, unnest(%(account)s::text[], %(currency)s::text[], %(minor)s::bigint[]) AS e (account, currency, minor)

-- name: balances
SELECT account, currency, sum(amount_minor)::bigint AS minor FROM ledger_entries
GROUP BY account, currency ORDER BY account, currency
