-- name: promise
-- What a member asks for in the same words waits only once; for an occasion there is one, done or not.
INSERT INTO follow_ups (member_id, kind, occurrence, note, created_at, due_at, group_id)
SELECT %(member_id)s, %(kind)s, %(occurrence)s, %(note)s, %(at)s, %(due_at)s, %(group_id)s
WHERE %(occurrence)s::text IS NOT NULL OR NOT EXISTS (
    SELECT FROM follow_ups
    WHERE member_id = %(member_id)s AND kind = %(kind)s AND note = %(note)s AND done_at IS NULL
)
ON CONFLICT (member_id, kind, occurrence) DO NOTHING
RETURNING id

-- name: open_due
-- Any number in one statement; the first of them are named.
WITH opened AS (
    INSERT INTO follow_ups (member_id, kind, occurrence, note, created_at, due_at)
    SELECT d.member_id, d.kind, d.occurrence, coalesce(d.note, ''), %(at)s, %(at)s::timestamptz + %(within)s
    FROM (
        {{due}}
    ) AS d
    ON CONFLICT (member_id, kind, occurrence) DO NOTHING
    RETURNING id, member_id, kind, note, created_at, due_at
)
SELECT o.*, m.telegram_id, m.first_name, m.last_name, m.username, count(*) OVER () AS opened
FROM opened o
JOIN members m ON m.id = o.member_id
ORDER BY o.id
LIMIT %(listed)s

-- name: waiting
SELECT
    f.id, f.member_id, f.kind, f.note, f.created_at, f.due_at, m.telegram_id, m.first_name, m.last_name, m.username
FROM follow_ups f
JOIN members m ON m.id = f.member_id
WHERE f.done_at IS NULL AND (%(kind)s::text IS NULL OR f.kind = %(kind)s)
ORDER BY f.due_at, f.id
LIMIT %(limit)s

-- name: how_many
SELECT kind, count(*) AS waiting, count(*) FILTER (WHERE due_at < %(at)s) AS late
FROM follow_ups
WHERE done_at IS NULL
GROUP BY kind
ORDER BY kind

-- name: close
UPDATE follow_ups f SET done_at = %(at)s, done_by = %(by)s, outcome = %(outcome)s
FROM members m
WHERE f.id = %(id)s AND f.done_at IS NULL AND m.id = f.member_id
RETURNING
    f.id, f.member_id, f.kind, f.note, f.created_at, f.due_at, m.telegram_id, m.first_name, m.last_name, m.username

-- name: close_of
UPDATE follow_ups SET done_at = %(at)s, done_by = %(by)s, outcome = %(outcome)s
WHERE member_id = %(member_id)s AND kind = %(kind)s AND occurrence = %(occurrence)s AND done_at IS NULL

-- name: task_for
SELECT id FROM follow_ups
WHERE member_id = %(member_id)s AND kind = %(kind)s AND occurrence = %(occurrence)s AND done_at IS NULL

-- name: how_many_since
SELECT count(*) AS opened FROM follow_ups
WHERE member_id = %(member_id)s AND kind = ANY (%(kinds)s) AND created_at > %(since)s

-- name: opened
-- Of these kinds, opened in the window; of everybody by follow_ups_made, of one member by follow_ups_once.
SELECT
    f.id, f.member_id, f.kind, f.note, f.created_at, f.due_at, f.done_at, f.done_by, f.outcome, f.group_id,
    m.telegram_id, m.first_name, m.last_name, m.username
FROM follow_ups f
JOIN members m ON m.id = f.member_id
WHERE f.kind = ANY (%(kinds)s) AND f.created_at >= %(since)s AND f.created_at < %(until)s
    AND (%(member_id)s::bigint IS NULL OR f.member_id = %(member_id)s)
ORDER BY f.created_at DESC, f.id DESC
LIMIT %(limit)s
