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
