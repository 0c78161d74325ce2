-- name: export_member_tags
SELECT tag, since_at FROM member_tags WHERE member_id = %(id)s ORDER BY since_at, tag

-- name: erase_member_tags
DELETE FROM member_tags WHERE member_id = %(id)s

-- name: export_follow_ups
SELECT kind, occurrence, note, created_at, due_at, done_at, outcome, group_id
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

-- name: export_persons
-- The member's other accounts, by their numbers.
SELECT o.member_id AS same_as FROM persons p
JOIN persons o USING (person)
WHERE p.member_id = %(id)s AND o.member_id <> p.member_id
ORDER BY o.member_id

-- name: erase_persons
-- A row with a hash stays, without the member.
DELETE FROM persons WHERE member_id = %(id)s AND hash IS NULL

-- name: export_members
SELECT * FROM members WHERE id = %(id)s

-- name: erase_members
DELETE FROM members WHERE id = %(id)s
