-- name: strangers
-- Of events, behind their index by member.
SELECT count(DISTINCT data ->> 'by') AS strangers FROM v_events
WHERE member_id = %(owner)s AND kind = 'leak' AND (data ->> 'link')::bigint = %(link)s

-- name: revoke
UPDATE entry_links SET revoked_at = %(at)s WHERE id = %(link)s AND revoked_at IS NULL
