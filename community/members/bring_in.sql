-- name: bring_in
-- Ordered by key, so that two batches that meet take their row locks in the same order.
INSERT INTO members (telegram_id, first_name, dm, first_seen_at)
SELECT telegram_id, name, CASE WHEN name = '' THEN 'gone' ELSE 'none' END, at
FROM unnest(%(telegram_id)s::bigint[], %(name)s::text[], %(at)s::timestamptz[]) AS n (telegram_id, name, at)
ORDER BY telegram_id
ON CONFLICT (telegram_id) DO UPDATE
SET first_name = CASE WHEN members.first_name = '' THEN excluded.first_name ELSE members.first_name END,
    dm = CASE WHEN members.dm = 'none' THEN excluded.dm ELSE members.dm END,
    first_seen_at = least(members.first_seen_at, excluded.first_seen_at)
RETURNING id, telegram_id, xmax = 0 AS is_new

-- name: settle_in
UPDATE members m
SET entered_at = coalesce(m.entered_at, s.joined_at),
    home_group_id = coalesce(m.home_group_id, %(group_id)s),
    left_at = CASE WHEN s.present THEN NULL ELSE s.left_at END
FROM (
    SELECT member_id, min(joined_at) AS joined_at, max(left_at) AS left_at, bool_or(present) AS present
    FROM v_memberships WHERE member_id = ANY (%(ids)s) AND joined_at IS NOT NULL
    GROUP BY member_id
) AS s
WHERE m.id = s.member_id
