-- name: enqueue
-- One statement for any number of drafts; an intent that is there already adds nothing.
INSERT INTO messages (
    bot_id, member_id, chat_id, method, lane, stage, step, occurrence, promotional, exempt,
    template, context, bundle, planned_at, due_at, expires_at, delete_after_s
)
SELECT
    %(bot_id)s, d.member_id, d.chat_id, d.method, d.lane, d.stage, d.step, d.occurrence, d.promotional, d.exempt,
    d.template, d.context, %(bundle)s, %(at)s, d.due_at, d.expires_at, d.delete_after_s
FROM jsonb_to_recordset(%(drafts)s) AS d (
    member_id bigint, chat_id bigint, method text, lane smallint, stage text, step text, occurrence text,
    promotional boolean, exempt boolean, template text, context jsonb, due_at timestamptz, expires_at timestamptz,
    delete_after_s integer
)
ON CONFLICT ON CONSTRAINT messages_intent DO NOTHING

-- name: forget_contexts
-- In small batches over the partial index messages_context. The row stays: its intent is what nothing goes twice by.
UPDATE messages SET context = '{}'
WHERE id = ANY (ARRAY(
    SELECT id FROM messages
    WHERE context <> '{}' AND state IN ('sent', 'expired', 'cancelled')
        AND settled_wall < clock_timestamp() - %(after)s::interval
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
))

-- name: halt
INSERT INTO halts (scope, source, note, since_wall) VALUES (%(scope)s, %(source)s, %(note)s, clock_timestamp())
ON CONFLICT (scope, source) DO UPDATE SET note = excluded.note

-- name: resume
DELETE FROM halts WHERE scope = %(scope)s AND source = %(source)s RETURNING scope

-- name: halts
SELECT scope, source, note, since_wall FROM halts ORDER BY scope, source

-- name: mirror_switches
-- Stages switched off in the playbook are halts too, so that what is queued stops with them.
WITH off AS (SELECT 'stage:' || unnest(%(off)s::text[]) AS scope),
gone AS (DELETE FROM halts WHERE source = %(source)s AND scope NOT IN (SELECT scope FROM off))
INSERT INTO halts (scope, source, note, since_wall)
SELECT scope, %(source)s, %(note)s, clock_timestamp() FROM off
ON CONFLICT DO NOTHING

-- name: store_bundle
INSERT INTO bundles (hash, content, stored_wall) VALUES (%(hash)s, %(content)s, clock_timestamp())
ON CONFLICT DO NOTHING

-- name: newest_publication
SELECT bundle, returns_to FROM publications ORDER BY id DESC LIMIT 1

-- name: publish
INSERT INTO publications (bundle, note, published_wall, published_at, in_flight, returns_to)
VALUES (%(hash)s, %(note)s, clock_timestamp(), %(at)s, %(in_flight)s, %(returns_to)s)

-- name: in_force
SELECT bundle AS hash FROM publications ORDER BY id DESC LIMIT 1

-- name: bundle
SELECT content FROM bundles WHERE hash = %(hash)s

-- name: forecast
-- Everything due by now, at the bot's rate, through the whole queue.
SELECT
    count(*) FILTER (WHERE w.due_at <= %(now_at)s) AS due,
    count(*) FILTER (WHERE w.due_at > %(now_at)s) AS later,
    max(b.rate) AS rate
FROM budgets b
LEFT JOIN messages w ON w.bot_id = b.bot_id AND w.state = 'waiting'
WHERE b.bot_id = %(bot_id)s

-- name: recipient
SELECT
    telegram_id AS chat_id, first_name, last_name, username, locale, group_title, zone,
    dm = 'open' OR (dm = 'temporary' AND dm_until_at > %(at)s) AS reachable
FROM v_members
WHERE id = %(member_id)s

-- name: coupon_named
SELECT code, kind, value, currency, opens, remaining, valid_until_at FROM v_coupons WHERE code = %(key)s

-- name: live_named
SELECT id, title, speaker, url, materials, starts_at, ends_at, window_until_at, plan, coupon, remaining, cancelled_at
FROM v_lives WHERE id = %(key)s

-- name: newest_live
SELECT id FROM v_lives WHERE cancelled_at IS NULL ORDER BY id DESC LIMIT 1
