-- name: export_live_attendances
SELECT a.live_id, l.title, a.registered_at, a.registered_by, a.watched_at, a.watched_by, a.minutes
FROM live_attendances a JOIN lives l ON l.id = a.live_id
WHERE a.member_id = %(id)s ORDER BY a.live_id

-- name: erase_live_attendances
DELETE FROM live_attendances WHERE member_id = %(id)s

-- name: export_live_questions
SELECT live_id, at, question FROM live_questions WHERE member_id = %(id)s ORDER BY id

-- name: erase_live_questions
DELETE FROM live_questions WHERE member_id = %(id)s
