-- name: store
-- Any number in one statement; an event that was stored before changes nothing.
INSERT INTO provider_events (
    provider, event_id, kind, name, charge, also, order_number, plan, amount_minor, currency, payer, subscription,
    period_ends_at, happened_at, received_wall, body
)
SELECT
    e.provider, e.event_id, e.kind, e.name, e.charge, e.also, e.order_number, e.plan, e.amount_minor, e.currency,
    e.payer, e.subscription, e.period_ends_at, e.happened_at, clock_timestamp(), e.body
FROM unnest(
    %(provider)s::text[], %(event_id)s::text[], %(kind)s::text[], %(name)s::text[], %(charge)s::text[],
    %(also)s::text[], %(order_number)s::text[], %(plan)s::text[], %(amount_minor)s::bigint[], %(currency)s::text[],
    %(payer)s::bigint[], %(subscription)s::text[], %(period_ends_at)s::timestamptz[],
    %(happened_at)s::timestamptz[], %(body)s::text[]
) AS e (
    provider, event_id, kind, name, charge, also, order_number, plan, amount_minor, currency, payer, subscription,
    period_ends_at, happened_at, body
)
ON CONFLICT DO NOTHING
RETURNING provider, event_id

-- name: let_in
-- The lock by which an erasure keeps settlements out: taken before the event's row, which it changes, too.
SELECT pg_advisory_xact_lock_shared(hashtextextended('payments', 0))

-- name: claim
-- One that waits, for this transaction alone. Those that failed before wait their time.
SELECT * FROM provider_events
WHERE state = 'pending' AND (retry_wall IS NULL OR retry_wall <= clock_timestamp())
ORDER BY received_wall, event_id
LIMIT 1
FOR UPDATE SKIP LOCKED

-- name: payment_of
-- The number under which a payment is kept that an event names by another: what was paid came under that one.
SELECT e.charge FROM provider_events e
WHERE e.provider = %(provider)s AND e.also = %(charge)s AND EXISTS (
    SELECT FROM provider_events p WHERE p.provider = e.provider AND p.charge = e.charge AND p.kind = 'paid'
)
ORDER BY e.received_wall, e.event_id
LIMIT 1

-- name: done
UPDATE provider_events SET state = %(state)s, result = %(result)s, error = NULL
WHERE provider = %(provider)s AND event_id = %(event_id)s

-- name: failed
UPDATE provider_events SET
    attempts = attempts + 1, error = %(error)s,
    retry_wall = clock_timestamp() + least(power(2, attempts) * interval '1 second', interval '5 minutes'),
    state = CASE WHEN attempts + 1 >= %(most)s THEN 'failed' ELSE 'pending' END
WHERE provider = %(provider)s AND event_id = %(event_id)s AND state = 'pending'
RETURNING state

-- name: retry
UPDATE provider_events SET state = 'pending', attempts = 0, retry_wall = NULL WHERE state = 'failed'

-- name: pending
SELECT count(*) AS events, min(received_wall) AS oldest_wall FROM provider_events WHERE state = 'pending'
