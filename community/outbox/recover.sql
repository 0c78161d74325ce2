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
