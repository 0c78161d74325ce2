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

-- name: ensure_budget
INSERT INTO budgets (bot_id, rate, next_wall) VALUES (%(bot_id)s, %(rate)s, clock_timestamp())
ON CONFLICT (bot_id) DO UPDATE SET rate = excluded.rate

-- name: lock_budget
-- A statement of its own: the claim that follows must see what the former holder of this row has committed.
-- Slots in the past are lost, never caught up: a burst would break the limit it makes up for.
-- The clock is read outside the CTE, which is after waiting for the lock: slots granted by an older clock would overlap
-- with the next claim's.
-- Slots are granted once half the horizon is free: claims of single rows would cost more than they bring.
WITH locked AS MATERIALIZED (SELECT * FROM budgets WHERE bot_id = %(bot_id)s FOR UPDATE)
SELECT
    rate,
    greatest(next_wall, clock_timestamp()) AS first_slot,
    extract(epoch FROM greatest(next_wall, clock_timestamp()))::float AS first_slot_s,
    extract(epoch FROM clock_timestamp())::float AS now_s,
    CASE
        WHEN frozen_until_wall > clock_timestamp() THEN 0
        WHEN rate IS NULL THEN %(limit)s
        WHEN next_wall > clock_timestamp() + %(horizon)s / 2 THEN 0
        ELSE least(
            %(limit)s,
            1 + floor(
                extract(epoch FROM clock_timestamp() + %(horizon)s - greatest(next_wall, clock_timestamp()))
                * rate / %(margin)s
            )
        )
    END::int AS slots,
    extract(
        epoch FROM greatest(next_wall - %(horizon)s::interval / 2, frozen_until_wall) - clock_timestamp()
    )::float AS next_in_s
FROM locked

-- name: claim
-- Walks the queue one (lane, stage) at a time, so that a halted stage or messages due tomorrow cost one index probe,
-- not a scan. One message a chat, none while another is on its way there: order within a chat holds. That is a probe
-- for each chat, not an anti join: the planner would read all that is on its way and its dead entries, 20 ms a claim.
WITH RECURSIVE queues AS (
    (
        SELECT lane, stage FROM messages WHERE bot_id = %(bot_id)s AND state = 'waiting' ORDER BY lane, stage LIMIT 1
    )
    UNION ALL
    SELECT following.lane, following.stage
    FROM queues q
    CROSS JOIN LATERAL (
        SELECT w.lane, w.stage FROM messages w
        WHERE w.bot_id = %(bot_id)s AND w.state = 'waiting' AND (w.lane, w.stage) > (q.lane, q.stage)
        ORDER BY w.lane, w.stage LIMIT 1
    ) AS following
),
due AS (
    SELECT first.*
    FROM queues q
    CROSS JOIN LATERAL (
        SELECT w.id, w.chat_id, w.lane, w.due_at FROM messages w
        WHERE w.bot_id = %(bot_id)s AND w.state = 'waiting' AND w.lane = q.lane AND w.stage = q.stage
            AND w.due_at <= %(now_at)s
            AND (w.not_before_wall IS NULL OR w.not_before_wall <= clock_timestamp())
            AND (SELECT s.id FROM messages s WHERE s.chat_id = w.chat_id AND s.state = 'sending' LIMIT 1) IS NULL
            AND NOT EXISTS (
                SELECT FROM chat_paces p
                WHERE p.bot_id = %(bot_id)s AND p.chat_id = w.chat_id AND p.next_wall > clock_timestamp()
            )
            AND NOT EXISTS (SELECT FROM halts h WHERE h.scope = 'chat:' || w.chat_id)
        ORDER BY w.due_at, w.id
        LIMIT %(slots)s
    ) AS first
    WHERE NOT EXISTS (SELECT FROM halts h WHERE h.scope IN ('all', 'stage:' || q.stage))
),
one_a_chat AS (
    SELECT DISTINCT ON (chat_id) id, lane, due_at FROM due ORDER BY chat_id, lane, due_at, id
),
chosen AS MATERIALIZED (
    SELECT w.*
    FROM messages w
    WHERE w.id = ANY (ARRAY(SELECT id FROM one_a_chat ORDER BY lane, due_at, id LIMIT %(slots)s))
        AND w.state = 'waiting'
    FOR UPDATE SKIP LOCKED
),
candidates AS (
    SELECT
        id AS key, member_id, chat_id, stage, due_at, expires_at, promotional, exempt, goals, goal_since_at,
        lane - 1 AS reserve_lane,
        -- Whoever left while a planner was at work: what it added then was not there yet to be dropped.
        CASE WHEN NOT exempt AND (SELECT left_at FROM v_members WHERE id = chosen.member_id) >= planned_at
            THEN 'left'
        END AS barred
    FROM chosen
),
{{gated}},
verdict AS (
    SELECT
        key,
        reason,
        send_at,
        CASE
            WHEN reason IN ('stale', 'quiet_hours') THEN 'expired'
            WHEN reason IN ('frequency_cap', 'outranked') AND expires_at <= %(now_at)s + interval '1 hour' THEN 'expired'
            WHEN reason IN ('frequency_cap', 'outranked') OR (reason IS NULL AND send_at > %(now_at)s) THEN 'waiting'
            WHEN reason IS NOT NULL THEN 'cancelled'
            ELSE 'sending'
        END AS state
    FROM gated
    WHERE reason IS DISTINCT FROM 'halted'
),
claimed AS (
    UPDATE messages w
    SET
        state = v.state,
        -- What put it off stays with it when it goes; and who lost their place to a better message and then found the
        -- cap full, lost it to that one.
        reason = CASE
            WHEN v.reason = 'frequency_cap' AND w.reason = 'outranked' THEN 'outranked'
            WHEN v.reason IS NOT NULL THEN v.reason
            WHEN v.state = 'waiting' THEN 'quiet_hours'
            WHEN w.reason IN ('quiet_hours', 'frequency_cap', 'outranked') THEN w.reason
        END,
        late_s = w.late_s + CASE
            WHEN v.state = 'waiting' AND w.reason IN ('frequency_cap', 'outranked') THEN 0
            WHEN v.state = 'waiting' THEN greatest(0, extract(epoch FROM %(now_at)s - w.due_at))
            ELSE 0
        END,
        due_at = CASE
            WHEN v.state <> 'waiting' THEN w.due_at
            WHEN v.reason IN ('frequency_cap', 'outranked') THEN %(now_at)s + interval '1 hour'
            ELSE v.send_at
        END,
        sent_at = CASE WHEN v.state = 'sending' THEN %(now_at)s END,
        attempts = least(w.attempts + (v.state = 'sending')::int, 32767),
        claimed_by = %(process)s,
        lease_until_wall = CASE WHEN v.state = 'sending' THEN clock_timestamp() + %(lease)s END,
        settled_wall = CASE WHEN v.state IN ('expired', 'cancelled') THEN clock_timestamp() END
    FROM verdict v
    WHERE w.id = v.key
    RETURNING w.*
),
spent AS (
    -- Slots are spaced by slightly more than 1/rate: the margin absorbs jitter on the way, so that a sliding second at
    -- Telegram never sees one too many.
    UPDATE budgets
    SET next_wall = %(first_slot)s::timestamptz + make_interval(secs => taken.slots * %(margin)s / rate)
    FROM (SELECT count(*) AS slots FROM claimed WHERE state = 'sending') AS taken
    WHERE bot_id = %(bot_id)s AND rate IS NOT NULL AND taken.slots > 0
)
SELECT
    c.id, c.member_id, c.chat_id, c.method, c.lane, c.template, c.context, c.bundle, c.attempts, c.state, c.promotional,
    m.first_name, m.last_name, m.username, m.locale, m.group_title, m.telegram_id, m.zone
FROM claimed c
LEFT JOIN v_members m ON m.id = c.member_id
ORDER BY c.lane, c.due_at, c.id

-- name: pace_chats
-- Written with the outcome: the answer has been seen, so the message had arrived by now, and the next one keeps its
-- distance from that. Until then the one on its way keeps others back.
INSERT INTO chat_paces (bot_id, chat_id, next_wall)
SELECT %(bot_id)s, chat_id, clock_timestamp() + make_interval(secs => gap)
FROM unnest(%(chats)s::bigint[], %(gaps)s::float[]) AS paced (chat_id, gap)
ON CONFLICT (bot_id, chat_id) DO UPDATE SET next_wall = greatest(chat_paces.next_wall, excluded.next_wall)

-- name: next_slot
-- The next free one: for a message that missed its slot, and for calls that are no messages.
UPDATE budgets
SET next_wall = greatest(next_wall, clock_timestamp()) + make_interval(secs => %(margin)s / rate)
WHERE bot_id = %(bot_id)s AND rate IS NOT NULL
RETURNING
    extract(epoch FROM next_wall)::float - %(margin)s / rate AS slot_s,
    extract(epoch FROM clock_timestamp())::float AS now_s

-- name: make_up
-- A message that arrived late stands in the second after, too; so that second gets less. Of those that one hitch held
-- up together each is late by one distance less than the one before: counted up to one distance each, their sum is the
-- length of the hitch.
UPDATE budgets SET next_wall = greatest(next_wall, clock_timestamp()) + make_interval(
    secs => (SELECT sum(least(late, %(margin)s / rate)) FROM unnest(%(late)s::float[]) AS late)
)
WHERE bot_id = %(bot_id)s AND rate IS NOT NULL

-- name: record
-- Outcomes in one statement a batch. `attempt` guards against a process that slept past its lease and comes back:
-- it may still turn uncertain into sent, and nothing else.
WITH outcome AS (
    SELECT * FROM jsonb_to_recordset(%(outcomes)s) AS o (
        id bigint, attempt smallint, state text, reason text, telegram_message_id bigint, retry_in_s float,
        chat_id bigint
    )
)
UPDATE messages w
SET
    state = o.state,
    reason = CASE
        WHEN o.reason IS NULL AND w.reason IN ('quiet_hours', 'frequency_cap', 'outranked') THEN w.reason
        ELSE o.reason
    END,
    telegram_message_id = coalesce(o.telegram_message_id, w.telegram_message_id),
    sent_at = CASE WHEN o.state IN ('sent', 'uncertain') THEN w.sent_at END,
    chat_id = coalesce(o.chat_id, w.chat_id),
    not_before_wall = clock_timestamp() + make_interval(secs => o.retry_in_s),
    lease_until_wall = NULL,
    settled_wall = CASE WHEN o.state <> 'waiting' THEN clock_timestamp() END
FROM outcome o
WHERE w.id = o.id
    AND (
        (w.state = 'sending' AND w.attempts = o.attempt)
        OR (o.state = 'sent' AND w.state IN ('uncertain', 'waiting') AND w.attempts = o.attempt)
    )
RETURNING w.id, w.state, w.chat_id, w.bot_id, w.telegram_message_id, w.delete_after_s, w.due_at

-- name: freeze_chat
INSERT INTO chat_paces (bot_id, chat_id, next_wall)
VALUES (%(bot_id)s, %(chat_id)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (bot_id, chat_id) DO UPDATE SET next_wall = greatest(chat_paces.next_wall, excluded.next_wall)

-- name: freeze_bot
-- Answers that come while it is frozen already belong to the same freeze. Freezes are counted for ten minutes.
UPDATE budgets
SET
    frozen_until_wall = greatest(frozen_until_wall, clock_timestamp() + make_interval(secs => %(seconds)s)),
    freezes = CASE
        WHEN frozen_until_wall > clock_timestamp() THEN freezes
        WHEN freezes_since_wall > clock_timestamp() - interval '10 minutes' THEN least(freezes + 1, 1000)
        ELSE 1
    END,
    freezes_since_wall = CASE
        WHEN frozen_until_wall > clock_timestamp() THEN freezes_since_wall
        WHEN freezes_since_wall > clock_timestamp() - interval '10 minutes' THEN freezes_since_wall
        ELSE clock_timestamp()
    END
WHERE bot_id = %(bot_id)s
RETURNING freezes

-- name: move_chat
-- A group became a supergroup: whatever still waits for it goes to its new id.
UPDATE messages SET chat_id = %(new)s WHERE bot_id = %(bot_id)s AND chat_id = %(old)s AND state = 'waiting'

-- name: recover_leases
-- The process that held these died, or slept past its lease: they may or may not have been sent.
-- Transactional ones go again (at least once); marketing is parked (at most once).
UPDATE messages
SET
    state = CASE WHEN promotional THEN 'uncertain' ELSE 'waiting' END,
    reason = 'lease_lost',
    lease_until_wall = NULL,
    settled_wall = CASE WHEN promotional THEN clock_timestamp() END
WHERE bot_id = %(bot_id)s AND state = 'sending' AND lease_until_wall < clock_timestamp()
RETURNING state

-- name: doubt
-- A restored database does not know what the lost one sent after the backup: whatever was on its way, and every
-- promotional message that came due meanwhile. It counts against the cap as if it had been sent when it was due.
UPDATE messages
SET
    state = CASE WHEN promotional THEN 'uncertain' ELSE 'waiting' END,
    reason = 'restored',
    sent_at = CASE WHEN promotional THEN coalesce(sent_at, greatest(due_at, %(taken_at)s)) END,
    lease_until_wall = NULL,
    settled_wall = CASE WHEN promotional THEN clock_timestamp() END
WHERE bot_id = %(bot_id)s AND (state = 'sending' OR (state = 'waiting' AND promotional AND due_at <= %(due_by)s))
RETURNING state

-- name: due_unparked
SELECT count(*) AS messages FROM messages
WHERE bot_id = %(bot_id)s AND state = 'waiting' AND reason IS DISTINCT FROM 'restored' AND due_at <= %(due_by)s

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

-- name: follow_clock
-- Moments that were to come shortly would come that much later. A lease may have been taken by the new clock already:
-- those are left alone, as ending one early would send a message again that is on its way.
WITH bot AS (
    UPDATE budgets SET next_wall = next_wall - %(back)s, frozen_until_wall = frozen_until_wall - %(back)s
    WHERE next_wall > clock_timestamp() OR frozen_until_wall > clock_timestamp()
),
chats AS (
    UPDATE chat_paces SET next_wall = next_wall - %(back)s WHERE next_wall > clock_timestamp()
)
UPDATE messages
SET not_before_wall = not_before_wall - %(back)s, lease_until_wall = lease_until_wall - %(back)s
WHERE (state = 'waiting' AND not_before_wall > clock_timestamp())
    OR (state = 'sending' AND lease_until_wall > clock_timestamp() + %(lease)s)

-- name: expire_waiting
-- One that waited for its member's morning had that behind it. What somebody else is at work on is left to the next time.
UPDATE messages
SET
    state = 'expired',
    reason = CASE WHEN reason = 'quiet_hours' THEN 'stale' ELSE coalesce(reason, 'stale') END,
    settled_wall = clock_timestamp()
WHERE id = ANY (ARRAY(
    SELECT id FROM messages
    WHERE bot_id = %(bot_id)s AND state = 'waiting' AND due_at <= %(now_at)s AND expires_at <= %(now_at)s
    FOR UPDATE SKIP LOCKED
))
RETURNING id

-- name: cancel_waiting
-- A member left or was erased: what still waits for them is not sent. In the order in which a version that takes over
-- locks what waits, as in all that follow here: no two then wait for each other.
UPDATE messages SET state = 'cancelled', reason = %(reason)s, settled_wall = clock_timestamp()
WHERE id = ANY (ARRAY(
    SELECT id FROM messages WHERE member_id = %(member_id)s AND state = 'waiting' AND NOT exempt
    ORDER BY id FOR UPDATE
))
RETURNING id

-- name: cancel_occurrences
-- The queue has no index by occurrence: one short range of messages_queue for each lane, of what waits of the stage.
UPDATE messages SET state = 'cancelled', reason = %(reason)s, settled_wall = clock_timestamp()
WHERE id = ANY (ARRAY(
    SELECT id FROM messages
    WHERE bot_id = %(bot_id)s AND state = 'waiting' AND lane = ANY (%(lanes)s::smallint[]) AND stage = %(stage)s
        AND occurrence = ANY (%(occurrences)s::text[])
    ORDER BY id FOR UPDATE
))
RETURNING id

-- name: withdraw
-- Over the unique key, in which actions without a member stand together. One that is on its way cannot be called back;
-- should it have to be tried again, it is of no use any more.
UPDATE messages SET
    state = CASE state WHEN 'waiting' THEN 'cancelled' ELSE state END,
    reason = CASE state WHEN 'waiting' THEN %(reason)s ELSE reason END,
    settled_wall = CASE state WHEN 'waiting' THEN clock_timestamp() ELSE settled_wall END,
    expires_at = CASE state WHEN 'sending' THEN due_at ELSE expires_at END
WHERE member_id IS NULL AND stage = %(stage)s AND step = %(step)s AND occurrence = ANY (%(occurrences)s::text[])
    AND state IN ('waiting', 'sending')
RETURNING occurrence, state

-- name: cancel_offers
-- Once for each coupon, when its last piece is gone: all that waits is read, behind messages_queue.
UPDATE messages SET state = 'cancelled', reason = 'sold_out', settled_wall = clock_timestamp()
WHERE id = ANY (ARRAY(
    SELECT id FROM messages
    WHERE bot_id = ANY (ARRAY(SELECT bot_id FROM budgets)) AND state = 'waiting' AND promotional
        AND context ->> 'coupon' = %(code)s
    ORDER BY id FOR UPDATE
))
RETURNING id

-- name: cancel_offers_of_stage
-- The same again and again while something is sold out: of one stage, by short ranges as in cancel_occurrences.
UPDATE messages SET state = 'cancelled', reason = 'sold_out', settled_wall = clock_timestamp()
WHERE id = ANY (ARRAY(
    SELECT id FROM messages
    WHERE bot_id = ANY (ARRAY(SELECT bot_id FROM budgets)) AND state = 'waiting' AND promotional
        AND lane = ANY (%(lanes)s::smallint[]) AND stage = %(stage)s AND context ->> 'coupon' = %(code)s
    ORDER BY id FOR UPDATE
))
RETURNING id

-- name: count_anew
-- By the member's part of messages_intent.
UPDATE messages
SET
    state = 'waiting',
    reason = CASE WHEN state = 'waiting' THEN reason END,
    settled_wall = NULL,
    goal_since_at = %(at)s::timestamptz + interval '1 microsecond',
    context = context || %(context)s::jsonb
WHERE id = ANY (ARRAY(
    SELECT id FROM messages
    WHERE member_id = %(member_id)s AND %(goal)s = ANY (goals) AND expires_at > %(at)s
        AND (state = 'waiting' OR (state = 'cancelled' AND reason = 'goal_reached'))
    ORDER BY id FOR UPDATE
))

-- name: confirm
-- A click or button that carries the message's number proves that it arrived.
UPDATE messages SET state = 'sent', reason = 'confirmed_by_member', settled_wall = clock_timestamp()
WHERE id = %(id)s AND state = 'uncertain'
RETURNING sent_at

-- name: retry
-- An operator's own decision, message by message. The moment of one in doubt is kept: its sender may still come back
-- and say that it arrived, and then it counts against the caps.
UPDATE messages
SET state = 'waiting', reason = 'retried_by_operator', not_before_wall = NULL, settled_wall = NULL
WHERE id = ANY(%(ids)s) AND state IN ('failed', 'uncertain')
RETURNING id

-- name: settle
UPDATE messages SET state = %(state)s, reason = 'settled_by_operator', settled_wall = clock_timestamp()
WHERE id = ANY(%(ids)s) AND state = 'uncertain'
RETURNING sent_at

-- name: arrived
UPDATE messages SET state = 'sent', reason = 'seen_at_telegram', settled_wall = clock_timestamp()
WHERE id = %(id)s AND state = 'failed'
RETURNING id

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

-- name: queue
-- One branch for each partial index; together they would be a scan of all that was ever sent. By class, which has ten
-- lanes: the first stands for them.
SELECT lane / 10 * 10 AS lane, state, count(*) AS messages, min(due_at) AS oldest_at
FROM (
    SELECT lane, state, due_at FROM messages WHERE bot_id = %(bot_id)s AND state = 'waiting'
    UNION ALL
    SELECT lane, state, due_at FROM messages WHERE bot_id = %(bot_id)s AND state = 'sending'
    UNION ALL
    SELECT lane, state, due_at FROM messages WHERE bot_id = %(bot_id)s AND state IN ('failed', 'uncertain')
) AS unsettled
GROUP BY lane / 10, state
ORDER BY lane / 10, state

-- name: listing
SELECT id, member_id, chat_id, stage, step, lane, state, reason, attempts, due_at, expires_at
FROM messages
WHERE bot_id = %(bot_id)s AND state = %(state)s
ORDER BY id DESC
LIMIT %(limit)s

-- name: forecast
-- Everything due by now, at the bot's rate, through the whole queue.
SELECT
    count(*) FILTER (WHERE w.due_at <= %(now_at)s) AS due,
    count(*) FILTER (WHERE w.due_at > %(now_at)s) AS later,
    max(b.rate) AS rate
FROM budgets b
LEFT JOIN messages w ON w.bot_id = b.bot_id AND w.state = 'waiting'
WHERE b.bot_id = %(bot_id)s

-- name: delete_later
-- A message with a lifetime (the collected group welcome) brings its own deletion.
INSERT INTO messages (
    bot_id, chat_id, method, lane, stage, step, occurrence, exempt, context, planned_at, due_at
)
SELECT
    bot_id, chat_id, 'deleteMessage', lane, stage, 'delete', 'message:' || id, true,
    jsonb_build_object('message_id', telegram_message_id), sent_at, sent_at + make_interval(secs => delete_after_s)
FROM messages
WHERE id = %(id)s AND telegram_message_id IS NOT NULL
ON CONFLICT ON CONSTRAINT messages_intent DO NOTHING

-- name: failures
-- Over the partial index of what is in trouble.
SELECT stage, state, coalesce(reason, 'unknown') AS reason, count(*) AS messages
FROM messages
WHERE bot_id = %(bot_id)s AND state IN ('failed', 'uncertain')
GROUP BY stage, state, coalesce(reason, 'unknown')
ORDER BY messages DESC, stage, reason

-- name: in_trouble
SELECT id FROM messages
WHERE bot_id = %(bot_id)s AND state IN ('failed', 'uncertain') AND reason = %(reason)s
ORDER BY id

-- name: pace
-- Each outcome leaves its chat's pace behind: read instead of all that was ever sent.
SELECT
    b.rate,
    b.frozen_until_wall,
    (
        SELECT count(*) FROM chat_paces p
        WHERE p.bot_id = b.bot_id AND p.next_wall > clock_timestamp() - interval '1 minute'
    ) AS chats
FROM budgets b
WHERE b.bot_id = %(bot_id)s

-- name: last_publication
SELECT bundle, note, published_wall FROM publications ORDER BY id DESC LIMIT 1

-- name: history
SELECT id, stage, step, state, reason, due_at, sent_at FROM messages
WHERE member_id = %(member_id)s
ORDER BY id DESC
LIMIT %(limit)s

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
