-- name: export_memberships
SELECT s.group_id, g.title, s.joined_at, s.left_at, s.link_token, s.greeting
FROM memberships s JOIN groups g ON g.id = s.group_id
WHERE s.member_id = %(id)s ORDER BY s.group_id

-- name: erase_memberships
DELETE FROM memberships WHERE member_id = %(id)s

-- name: export_join_requests
SELECT group_id, link_token, state, attempts, requested_at, decided_at
FROM join_requests WHERE member_id = %(id)s ORDER BY id

-- name: erase_join_requests
DELETE FROM join_requests WHERE member_id = %(id)s

-- name: export_setup_wishes
SELECT group_id, part, value, wished_at FROM setup_wishes WHERE member_id = %(id)s ORDER BY id

-- name: erase_setup_wishes
DELETE FROM setup_wishes WHERE member_id = %(id)s
