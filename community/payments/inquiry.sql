-- name: holders
-- Who is in a group by our records and holds what opens it, with since when.
SELECT s.member_id, m.telegram_id, s.group_id, g.chat_id, s.joined_at
FROM v_memberships s
JOIN v_groups g ON g.id = s.group_id
JOIN v_members m ON m.id = s.member_id
WHERE s.present AND s.group_id = ANY (%(group_ids)s::bigint[])
    AND EXISTS (
        SELECT FROM unnest(%(group_ids)s::bigint[], %(plans)s::text[]) AS o (group_id, plan)
        JOIN v_terms t ON t.plan = o.plan AND t.revoked_at IS NULL AND (t.ends_at IS NULL OR t.ends_at > %(at)s)
        WHERE o.group_id = s.group_id AND t.member_id = s.member_id
    )
ORDER BY s.group_id, s.member_id
