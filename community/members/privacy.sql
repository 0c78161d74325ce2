-- name: export_member_tags
SELECT tag, since_at FROM member_tags WHERE member_id = %(id)s ORDER BY since_at, tag

-- name: erase_member_tags
DELETE FROM member_tags WHERE member_id = %(id)s

-- name: export_follow_ups
SELECT kind, occurrence, note, created_at, due_at, done_at, outcome
FROM follow_ups WHERE member_id = %(id)s ORDER BY id

-- name: erase_follow_ups
DELETE FROM follow_ups WHERE member_id = %(id)s

-- name: export_dialogues
SELECT expecting, asked_at FROM dialogues WHERE member_id = %(id)s

-- name: erase_dialogues
DELETE FROM dialogues WHERE member_id = %(id)s

-- name: export_member_origins
SELECT source, consent, listed_at FROM member_origins WHERE member_id = %(id)s

-- name: erase_member_origins
DELETE FROM member_origins WHERE member_id = %(id)s

-- name: export_members
SELECT * FROM members WHERE id = %(id)s

-- name: erase_members
DELETE FROM members WHERE id = %(id)s
