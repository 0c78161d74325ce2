-- name: pace_chats
-- Written with the outcome: the answer has been seen, so the message had arrived by now, and the next one keeps its
-- distance from that. Until then the one on its way keeps others back.
INSERT INTO chat_paces (bot_id, chat_id, next_wall)
SELECT %(bot_id)s, chat_id, clock_timestamp() + make_interval(secs => gap)
FROM unnest(%(chats)s::bigint[], %(gaps)s::float[]) AS paced (chat_id, gap)
ON CONFLICT (bot_id, chat_id) DO UPDATE SET next_wall = greatest(chat_paces.next_wall, excluded.next_wall)

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
