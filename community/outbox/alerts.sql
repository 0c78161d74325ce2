-- name: alert
-- The newest words stand. What lasts counts once until staff are told of it.
INSERT INTO alerts AS known (subject, what, place, next_step, times, since_at, last_at)
VALUES (%(subject)s, %(what)s, %(place)s, %(next_step)s, 1, %(at)s, %(at)s)
ON CONFLICT (subject) DO UPDATE
SET what = excluded.what,
    place = excluded.place,
    next_step = excluded.next_step,
    times = CASE WHEN %(lasting)s THEN 1 ELSE known.times + 1 END,
    since_at = CASE WHEN known.times = 0 THEN excluded.since_at ELSE known.since_at END,
    last_at = greatest(known.last_at, excluded.last_at)

-- name: note
-- Told already.
UPDATE alerts SET times = 0, told_at = %(at)s WHERE subject = %(subject)s

-- name: ready
-- How many subjects staff may be told of now.
SELECT count(*) AS subjects FROM alerts
WHERE times > 0 AND (told_at IS NULL OR told_at <= %(at)s - %(again)s::interval)

-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended('alerts', 0))

-- name: told_lately
-- Over the unique key of intents: messages to no member, of this stage and step.
SELECT
    count(*) AS messages,
    coalesce(max(planned_at) > %(at)s - %(together)s::interval, false) AS just_now
FROM messages
WHERE member_id IS NULL AND stage = 'staff' AND step = 'alert' AND bot_id = %(bot_id)s
    AND planned_at > %(at)s - interval '1 hour'

-- name: take
-- A subject that is being counted right now waits for the next message, rather than this for its transaction.
WITH ready AS (
    SELECT subject, what, place, next_step, times, since_at FROM alerts
    WHERE times > 0 AND (told_at IS NULL OR told_at <= %(at)s - %(again)s::interval)
    ORDER BY since_at, subject
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
),
told AS (
    UPDATE alerts a SET times = 0, told_at = %(at)s FROM ready r WHERE a.subject = r.subject
)
SELECT what, place, next_step, times FROM ready ORDER BY since_at, subject

-- name: forget
DELETE FROM alerts WHERE times = 0 AND last_at <= %(at)s - interval '30 days'

-- name: lately
SELECT subject, what, place, next_step, times, last_at, told_at FROM alerts
WHERE times > 0 OR last_at > %(at)s - interval '1 day'
ORDER BY last_at DESC, subject

-- name: undelivered
SELECT coalesce(reason, 'unknown') AS reason, count(*) AS messages FROM messages
WHERE member_id IS NULL AND stage = 'staff' AND bot_id = %(bot_id)s AND state = 'failed'
    AND planned_at > %(at)s - interval '1 day'
GROUP BY reason
ORDER BY messages DESC, reason

-- name: doubtful
-- Over the index of what is in trouble; what was settled or confirmed since is not counted.
SELECT count(*) AS messages FROM messages
WHERE bot_id = %(bot_id)s AND state = 'uncertain' AND settled_wall > clock_timestamp() - interval '1 hour'
