-- name: ends
-- Until when what the order gives runs; NULL: for life, or nothing.
SELECT max(t.ends_at) AS ends_at FROM v_terms t
WHERE t.revoked_at IS NULL
    AND t.id IN (SELECT unnest(p.terms) FROM v_payments p WHERE p.order_id = %(order_id)s)

-- name: entries
-- Ways in that the member has not used yet.
SELECT g.title, l.invite_link AS address
FROM v_entry_links l
JOIN v_groups g ON g.id = l.group_id
WHERE l.member_id = %(member_id)s AND l.invite_link IS NOT NULL AND l.revoked_at IS NULL AND l.used_at IS NULL
    AND l.term_id IN (SELECT unnest(p.terms) FROM v_payments p WHERE p.order_id = %(order_id)s)
ORDER BY l.id
LIMIT 10
