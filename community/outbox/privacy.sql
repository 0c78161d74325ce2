-- name: export_messages
-- To the member, or to others about the member; those have no member of their own, and are one range of the intents.
SELECT id, stage, step, occurrence, method, state, reason, context, bundle, planned_at, due_at, sent_at, attempts
FROM messages
WHERE member_id = %(id)s OR (
    member_id IS NULL AND (
        chat_id = %(telegram_id)s
        OR context ->> 'telegram_id' = %(telegram_id)s::bigint::text
        OR context ->> 'user_id' = %(telegram_id)s::bigint::text
    )
)
ORDER BY id

-- name: erase_messages
-- The row stays for the figures of its plan, without whom, where and what. Whatever is not done is cancelled: what is
-- on its way may still arrive, and its outcome then changes nothing. In the order of `cancel_waiting`.
UPDATE messages
SET
    member_id = NULL, chat_id = CASE WHEN chat_id = %(telegram_id)s THEN 0 ELSE chat_id END,
    occurrence = 'erased:' || id, context = '{}', telegram_message_id = NULL, lease_until_wall = NULL,
    settled_wall = coalesce(settled_wall, clock_timestamp()),
    reason = CASE WHEN state IN ('waiting', 'sending', 'failed', 'uncertain') THEN 'erased' ELSE reason END,
    state = CASE WHEN state IN ('waiting', 'sending', 'failed', 'uncertain') THEN 'cancelled' ELSE state END
WHERE id = ANY (ARRAY(
    SELECT id FROM messages
    WHERE member_id = %(id)s OR (
        member_id IS NULL AND (
            chat_id = %(telegram_id)s
            OR context ->> 'telegram_id' = %(telegram_id)s::bigint::text
            OR context ->> 'user_id' = %(telegram_id)s::bigint::text
        )
    )
    ORDER BY id FOR UPDATE
))

-- name: erase_group_welcomes
-- They name people as they were called, without a number.
UPDATE messages SET context = jsonb_set(context, '{names}', (context -> 'names') - %(name)s::text)
WHERE member_id IS NULL AND template = 'group/welcome' AND jsonb_exists(context -> 'names', %(name)s)

-- name: erase_care_tasks
-- They name several members in one message to staff.
UPDATE messages SET context = jsonb_set(context, '{tasks}', (
    SELECT coalesce(jsonb_agg(task ORDER BY place), '[]')
    FROM jsonb_array_elements(context -> 'tasks') WITH ORDINALITY AS named (task, place)
    WHERE task ->> 'number' <> %(id)s::bigint::text
))
WHERE member_id IS NULL AND stage = 'staff' AND step = 'care_tasks'
    AND context -> 'tasks' @> jsonb_build_array(jsonb_build_object('number', %(id)s::bigint))

-- name: export_chat_paces
SELECT next_wall FROM chat_paces WHERE chat_id = %(telegram_id)s

-- name: erase_chat_paces
DELETE FROM chat_paces WHERE chat_id = %(telegram_id)s

-- name: export_halts
SELECT source, note, since_wall FROM halts WHERE scope = 'chat:' || %(telegram_id)s::bigint

-- name: erase_halts
DELETE FROM halts WHERE scope = 'chat:' || %(telegram_id)s::bigint
