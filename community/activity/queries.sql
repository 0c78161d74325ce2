-- name: copy_events
COPY events (at, kind, member_id, group_id, data) FROM STDIN

-- name: reach_milestones
-- Ordered by key, so that two batches that meet take their row locks in the same order.
INSERT INTO milestones (member_id, kind, first_at, last_at)
SELECT member_id, kind, min(at), max(at)
FROM unnest(%(member)s::bigint[], %(kind)s::text[], %(at)s::timestamptz[]) AS happened (member_id, kind, at)
GROUP BY member_id, kind
ORDER BY member_id, kind
ON CONFLICT (member_id, kind) DO UPDATE
SET first_at = least(milestones.first_at, excluded.first_at), last_at = greatest(milestones.last_at, excluded.last_at)

-- name: touch_members
UPDATE members SET last_active_at = greatest(members.last_active_at, lively.at)
FROM (
    SELECT member_id, max(at) AS at
    FROM unnest(%(member)s::bigint[], %(at)s::timestamptz[]) AS happened (member_id, at)
    GROUP BY member_id
) AS lively
WHERE members.id = lively.member_id
