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
    %(payer)s::bigint[], %(subscription)s::text[], %(period_ends_at)s::timestamptz[], %(happened_at)s::timestamptz[], %(body)s::text[]
) AS e (
    provider, event_id, kind, name, charge, also, order_number, plan, amount_minor, currency, payer, subscription,
    period_ends_at, happened_at, body
)
ON CONFLICT DO NOTHING
RETURNING provider, event_id
