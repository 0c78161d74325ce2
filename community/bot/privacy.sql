-- name: export_updates
-- Questions before a payment are kept under another key (`inbox.CHECKOUT_KEYS`).
SELECT update_id, kind, state, received_wall, payload FROM updates
WHERE user_key IN (%(telegram_id)s, -4611686018427387904 - %(telegram_id)s) ORDER BY update_id

-- name: erase_mentions
-- Handled updates of others that hold the member's Telegram id: answers to them, an admin's doings. All are read, so
-- this comes before the lock that keeps the workers waiting.
UPDATE updates SET payload = '{}', error = NULL
WHERE state <> 'pending' AND user_key <> %(telegram_id)s
    AND payload::text ~ ('[ \[]' || %(telegram_id)s::bigint || '[],}]')

-- name: hold_updates
-- A worker in the middle of an update of the member would write about them after they are gone: it is waited for, and
-- the next one waits for the erasure.
LOCK TABLE updates IN EXCLUSIVE MODE

-- name: erase_updates
-- The row stays without content, so that the same update delivered again is known; one that waits is not handled.
UPDATE updates
SET payload = '{}', error = NULL, user_key = 0,
    state = CASE WHEN state = 'pending' THEN 'handled' ELSE state END,
    handled_wall = coalesce(handled_wall, clock_timestamp())
WHERE user_key IN (%(telegram_id)s, -4611686018427387904 - %(telegram_id)s)
