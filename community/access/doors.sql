-- name: holding
SELECT * FROM terms
WHERE member_id = %(member_id)s AND plan = ANY (%(plans)s::text[]) AND revoked_at IS NULL
    AND (ends_at IS NULL OR ends_at > %(at)s)
ORDER BY ends_at DESC NULLS FIRST, id
LIMIT 1

-- name: guarded
SELECT DISTINCT group_id FROM opened_chats ORDER BY group_id

-- name: namesakes
-- Groups that have taken the title by which plans name another one.
SELECT g.id, g.title, b.group_id AS stays FROM opened_chats b
JOIN v_groups g ON g.title = b.wish AND g.lost_at IS NULL AND g.id <> b.group_id
WHERE b.wish = ANY (%(wishes)s::text[])
ORDER BY g.id

-- name: link_behind
SELECT * FROM entry_links
WHERE group_id = %(group_id)s AND (invite_link = %(address)s OR name = %(name)s)
ORDER BY invite_link = %(address)s DESC NULLS LAST, id
LIMIT 1
