-- name: settled
SELECT
    provider, charge, member_id, plan, state, why, disputed, paid_minor, currency,
    (SELECT number FROM orders o WHERE o.id = order_id) AS order_number,
    state = 'matched' AND terms <> '{}' AS has_access,
    state = 'unmatched' OR disputed = 'open' AS needs_human
FROM payments
WHERE member_id = ANY (%(members)s::bigint[]) AND changed_at >= %(since)s AND changed_at <= %(until)s
ORDER BY changed_at, provider, charge

-- name: waiting
-- Over the partial index of what waits; disputes are few.
SELECT
    provider, charge, member_id, plan, state, why, disputed, paid_minor, currency,
    (SELECT number FROM orders o WHERE o.id = order_id) AS order_number, false AS has_access,
    state = 'unmatched' OR disputed = 'open' AS needs_human
FROM payments
WHERE state IN ('unmatched', 'unclaimed') OR disputed = 'open'
ORDER BY changed_at, provider, charge

-- name: overdue
SELECT count(*) AS events FROM provider_events
WHERE state = 'pending' AND received_wall < clock_timestamp() - make_interval(secs => %(seconds)s)

-- name: awaited
SELECT count(*) AS links FROM v_entry_links
WHERE given_at IS NOT NULL AND made_at IS NULL AND revoked_at IS NULL
