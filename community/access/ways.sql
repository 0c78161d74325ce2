-- name: who
SELECT m.telegram_id, g.title FROM v_members m CROSS JOIN v_groups g
WHERE m.id = %(member_id)s AND g.id = %(group_id)s

-- name: owed
-- Who holds what opens a group, is not in it, and has no way in: no link that is unused, or that they used for this term. Payments and
-- coupons give it at once.
SELECT DISTINCT t.member_id, o.group_id
FROM unnest(%(group_ids)s::bigint[], %(plans)s::text[]) AS o (group_id, plan)
JOIN terms t ON t.plan = o.plan AND t.revoked_at IS NULL AND t.source <> 'list'
    AND t.starts_at > %(since)s AND (t.ends_at IS NULL OR t.ends_at > %(at)s)
JOIN v_groups g ON g.id = o.group_id
WHERE NOT EXISTS (
        SELECT FROM v_memberships s WHERE s.member_id = t.member_id AND s.group_id = o.group_id AND s.present
    )
    AND NOT EXISTS (
        SELECT FROM entry_links l
        WHERE l.member_id = t.member_id AND l.group_id = o.group_id AND l.revoked_at IS NULL
            AND (l.used_at IS NULL OR l.used_at >= t.starts_at)
    )
ORDER BY t.member_id, o.group_id
LIMIT 500

-- name: close
-- Links of whoever holds nothing that opens the group, now or later. Nobody comes in by them any more.
UPDATE entry_links l SET revoked_at = %(at)s
WHERE l.member_id IS NOT NULL AND l.revoked_at IS NULL AND l.group_id = ANY (%(group_ids)s::bigint[])
    AND (%(member_id)s::bigint IS NULL OR l.member_id = %(member_id)s)
    AND NOT EXISTS (
        SELECT FROM unnest(%(group_ids)s::bigint[], %(plans)s::text[]) AS o (group_id, plan)
        JOIN terms t ON t.plan = o.plan AND t.revoked_at IS NULL AND (t.ends_at IS NULL OR t.ends_at > %(at)s)
        WHERE o.group_id = l.group_id AND t.member_id = l.member_id
    )
