-- name: export_events
SELECT at, kind, group_id, data FROM events WHERE member_id = %(id)s ORDER BY at, id

-- name: erase_events
-- That it happened stays, for figures over time; whom it was about does not.
UPDATE events SET member_id = NULL, data = data - 'message' WHERE member_id = %(id)s

-- name: export_milestones
SELECT kind, first_at, last_at FROM milestones WHERE member_id = %(id)s ORDER BY kind

-- name: erase_milestones
DELETE FROM milestones WHERE member_id = %(id)s
