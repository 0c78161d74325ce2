-- name: take_turn
SELECT pg_try_advisory_lock(hashtext('import')) AS ours

-- name: end_turn
SELECT pg_advisory_unlock(hashtext('import'))

-- name: unreachable
-- Members of a group to whom the bot may not write, as they have not opened the private chat.
SELECT count(*) AS members
FROM v_memberships s JOIN v_members m ON m.id = s.member_id
WHERE s.group_id = %(group_id)s AND s.present AND m.dm = 'none'
