-- name: waiting
SELECT provider, charge FROM payments
WHERE order_id = %(order_id)s AND state = 'unmatched' AND why = 'second_payment'
ORDER BY paid_at, charge

-- name: try_turn
-- The lock of `take_turns`. We hold the order, for which whoever has this one waits: we must not wait for them.
SELECT pg_try_advisory_xact_lock(
    hashtextextended(concat_ws(':', 'payment', %(provider)s::text, %(charge)s::text), 0)
) AS ours
