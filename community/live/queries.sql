-- name: add
INSERT INTO lives (title, speaker, url, materials, announce_at, starts_at, ends_at, window_until_at, plan, created_at)
VALUES (
    %(title)s, %(speaker)s, %(url)s, %(materials)s, %(announce_at)s, %(starts_at)s, %(ends_at)s, %(window_until_at)s, %(plan)s, %(at)s
)
RETURNING *

-- name: set_coupon
UPDATE lives SET coupon = %(code)s WHERE id = %(id)s RETURNING *

-- name: lock
SELECT * FROM lives WHERE id = %(id)s FOR UPDATE

-- name: move
UPDATE lives
SET
    announce_at = %(announce_at)s, starts_at = %(starts_at)s, ends_at = %(ends_at)s,
    window_until_at = %(window_until_at)s, version = version + 1,
    moved_at = CASE WHEN %(starts_otherwise)s THEN %(at)s ELSE moved_at END
WHERE id = %(id)s
RETURNING *

-- name: cancel
-- Another version: nothing of the ladder so far may go out any more, while the word of it may.
UPDATE lives SET cancelled_at = %(at)s, version = version + 1 WHERE id = %(id)s RETURNING *

-- name: by_id
SELECT * FROM lives WHERE id = %(id)s

-- name: find
SELECT * FROM lives
WHERE id = %(id)s OR strpos(lower(title), lower(%(text)s)) > 0
ORDER BY id = %(id)s DESC NULLS LAST, id DESC
LIMIT 1

-- name: coming
SELECT * FROM lives WHERE window_until_at > %(since)s ORDER BY starts_at, id

-- name: overview
-- The counts are of one session's rows each, by the primary key's beginning.
SELECT l.*, p.*
FROM v_lives l
CROSS JOIN LATERAL (
    SELECT count(registered_at) AS registered, count(watched_at) AS watched
    FROM live_attendances WHERE live_id = l.id
) AS p
WHERE l.window_until_at > %(since)s
ORDER BY l.starts_at, l.id

-- name: standing
-- A session, and how a member stands to it.
SELECT l.starts_at, l.ends_at, l.cancelled_at, a.registered_at, a.watched_at
FROM lives l
LEFT JOIN live_attendances a ON a.live_id = l.id AND a.member_id = %(member_id)s
WHERE l.id = %(live_id)s

-- name: register
INSERT INTO live_attendances AS known (live_id, member_id, registered_at, registered_by)
VALUES (%(live_id)s, %(member_id)s, %(at)s, %(by)s)
ON CONFLICT (live_id, member_id) DO UPDATE
SET registered_at = excluded.registered_at, registered_by = excluded.registered_by
WHERE known.registered_at IS NULL

-- name: watch
-- The list of viewers may say how long for somebody whom a link has noted already.
INSERT INTO live_attendances AS known (live_id, member_id, watched_at, watched_by, minutes)
SELECT %(live_id)s, w.member_id, %(at)s, %(by)s, w.minutes
FROM unnest(%(member_ids)s::bigint[], %(minutes)s::integer[]) AS w (member_id, minutes)
ORDER BY w.member_id
ON CONFLICT (live_id, member_id) DO UPDATE
SET watched_at = coalesce(known.watched_at, excluded.watched_at),
    watched_by = coalesce(known.watched_by, excluded.watched_by),
    minutes = coalesce(excluded.minutes, known.minutes)

-- name: ask
INSERT INTO live_questions (live_id, member_id, at, question)
SELECT %(live_id)s, %(member_id)s, %(at)s, %(question)s
WHERE (
    SELECT count(*) FROM live_questions WHERE live_id = %(live_id)s AND member_id = %(member_id)s
) < %(most)s

-- name: questions
SELECT q.at, q.member_id, q.question, m.first_name, m.last_name, m.username
FROM live_questions q
JOIN v_members m ON m.id = q.member_id
WHERE q.live_id = %(live_id)s
ORDER BY q.at, q.id

-- name: members_named
-- A username passes from one account to another; the account seen with it last has it.
SELECT
    v.place,
    coalesce(
        (SELECT id FROM v_members WHERE telegram_id = v.telegram_id),
        (
            SELECT id FROM v_members WHERE v.telegram_id IS NULL AND lower(username) = lower(v.username)
            ORDER BY last_active_at DESC NULLS LAST, id DESC
            LIMIT 1
        )
    ) AS member_id
FROM unnest(%(telegram_id)s::bigint[], %(username)s::text[])
    WITH ORDINALITY AS v (telegram_id, username, place)
ORDER BY v.place

-- name: close
UPDATE lives SET closed_at = %(at)s
WHERE window_until_at <= %(at)s AND closed_at IS NULL AND cancelled_at IS NULL
RETURNING *

-- name: sold_out
SELECT coupon FROM v_lives WHERE sold_out AND cancelled_at IS NULL AND window_until_at > %(at)s

-- name: former
-- Sessions of which nothing of a former version may wait any more.
SELECT id, version, cancelled_at IS NOT NULL AS cancelled FROM lives
WHERE window_until_at > %(since)s AND version > 1

-- name: to_tell
SELECT * FROM lives
WHERE window_until_at <= %(until)s AND result_at IS NULL AND cancelled_at IS NULL
ORDER BY window_until_at, id
FOR UPDATE SKIP LOCKED

-- name: told
UPDATE lives SET result_at = %(at)s WHERE id = %(id)s

-- name: attended
-- Who bought is who reached the goal of the ladder since the session was added and before its window closed.
SELECT
    count(a.registered_at) AS registered,
    count(a.watched_at) AS watched,
    count(b.first_at) AS bought,
    count(b.first_at) FILTER (WHERE a.watched_at IS NOT NULL) AS viewers_bought,
    (SELECT count(*) FROM live_questions WHERE live_id = %(id)s) AS questions
FROM live_attendances a
LEFT JOIN v_milestones b ON b.member_id = a.member_id AND b.kind = 'purchase:' || %(plan)s::text
    AND b.last_at >= %(since)s AND b.first_at < %(until)s
WHERE a.live_id = %(id)s

-- name: redeemed
-- Lines of the ledger and those that take them back sum up to what stands.
SELECT
    count(*) FILTER (WHERE reverses IS NULL) - count(*) FILTER (WHERE reverses IS NOT NULL) AS coupons,
    currency,
    sum(CASE WHEN reverses IS NULL THEN price_minor ELSE -abs(price_minor) END - discount_minor) AS revenue_minor
FROM v_redemptions
WHERE code = %(code)s
GROUP BY currency
ORDER BY currency
