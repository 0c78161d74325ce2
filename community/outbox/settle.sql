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
