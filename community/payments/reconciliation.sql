-- name: outside
-- Who holds what opens a group, by the index of ends, and is not in it.
SELECT DISTINCT ON (t.member_id, o.group_id)
    t.member_id, m.telegram_id, o.group_id, g.chat_id, g.title, t.plan, s.left_at
FROM unnest(%(group_ids)s::bigint[], %(plans)s::text[]) AS o (group_id, plan)
JOIN v_groups g ON g.id = o.group_id
JOIN v_terms t ON t.plan = o.plan AND t.revoked_at IS NULL
    AND (t.ends_at IS NULL OR t.ends_at > %(at)s)
JOIN v_members m ON m.id = t.member_id
LEFT JOIN v_memberships s ON s.member_id = t.member_id AND s.group_id = o.group_id
WHERE s.present IS NOT TRUE AND (%(member_id)s::bigint IS NULL OR t.member_id = %(member_id)s)
ORDER BY t.member_id, o.group_id, t.ends_at DESC NULLS FIRST

-- name: inside
-- Who is in a group that plans open, holds none of them, and is none of staff. `due_at`: when the grace of the last one
-- was over; NULL: never held any. Those whose grace runs are left out.
WITH opens AS MATERIALIZED (
    SELECT * FROM unnest(%(group_ids)s::bigint[], %(plans)s::text[], %(graces)s::interval[]) AS o (group_id, plan, grace)
)
SELECT s.member_id, m.telegram_id, s.group_id, g.chat_id, g.title, l.plan, l.due_at, r.state
FROM v_memberships s
JOIN v_groups g ON g.id = s.group_id
JOIN v_members m ON m.id = s.member_id
LEFT JOIN LATERAL (
    SELECT t.id, t.plan, least(t.ends_at, t.revoked_at) + o.grace AS due_at
    FROM v_terms t
    JOIN opens o ON o.plan = t.plan AND o.group_id = s.group_id
    WHERE t.member_id = s.member_id AND least(t.ends_at, t.revoked_at) <= %(at)s
    ORDER BY due_at DESC, t.id DESC
    LIMIT 1
) AS l ON true
LEFT JOIN v_removals r ON r.term_id = l.id AND r.group_id = s.group_id
WHERE s.present AND s.group_id = ANY (%(group_ids)s::bigint[])
    AND (%(member_id)s::bigint IS NULL OR s.member_id = %(member_id)s)
    AND (l.due_at IS NULL OR l.due_at <= %(at)s)
    AND NOT EXISTS (
        SELECT FROM v_terms t
        JOIN opens o ON o.plan = t.plan AND o.group_id = s.group_id
        WHERE t.member_id = s.member_id AND t.revoked_at IS NULL
            AND (t.ends_at IS NULL OR t.ends_at > %(at)s)
    )
    AND NOT EXISTS (
        SELECT FROM v_memberships w
        JOIN v_groups x ON x.id = w.group_id
        WHERE w.member_id = s.member_id AND w.present AND x.chat_id = %(staff_chat)s
    )
ORDER BY s.group_id, s.member_id

-- name: given
-- Terms that a payment has granted and that count.
SELECT id FROM v_terms
WHERE member_id = %(member_id)s AND source = %(provider)s AND granted_by = %(charge)s AND revoked_at IS NULL
ORDER BY id

-- name: gives
UPDATE payments SET terms = terms || %(term_id)s::bigint WHERE provider = %(provider)s AND charge = %(charge)s
