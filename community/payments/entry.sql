-- name: title
SELECT title FROM v_groups WHERE id = %(group_id)s
