-- name: holding
SELECT * FROM terms
WHERE member_id = %(member_id)s AND plan = ANY (%(plans)s::text[]) AND revoked_at IS NULL
    AND starts_at <= %(at)s AND (ends_at IS NULL OR ends_at > %(at)s)
ORDER BY ends_at DESC NULLS FIRST, id
LIMIT 1

-- name: link_behind
SELECT * FROM entry_links
WHERE group_id = %(group_id)s AND (invite_link = %(address)s OR name = %(name)s)
ORDER BY invite_link = %(address)s DESC NULLS LAST, id
LIMIT 1
