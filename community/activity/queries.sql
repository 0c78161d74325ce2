-- name: copy_events
COPY events (at, kind, member_id, group_id, data) FROM STDIN

-- name: record
-- One statement: the events (unless COPY has brought them in), milestones, last activity.
-- Milestones are ordered by key, so that two batches that meet take their row locks in the same order.
WITH happened AS MATERIALIZED (
    SELECT * FROM unnest(
        %(at)s::timestamptz[], %(kind)s::text[], %(member)s::bigint[], %(group)s::bigint[], %(data)s::text[]
    ) AS h (at, kind, member_id, group_id, data)
),
appended AS (
    INSERT INTO events (at, kind, member_id, group_id, data)
    SELECT at, kind, member_id, group_id, data::jsonb FROM happened WHERE NOT %(copied)s
),
late AS (
    INSERT INTO late_days (day)
    SELECT DISTINCT (h.at AT TIME ZONE c.zone)::date FROM happened h, counted c
    WHERE (h.at AT TIME ZONE c.zone)::date < c.before
),
reached AS (
    INSERT INTO milestones (member_id, kind, first_at, last_at)
    SELECT member_id, kind, min(at), max(at) FROM happened WHERE member_id IS NOT NULL
    GROUP BY member_id, kind
    ORDER BY member_id, kind
    ON CONFLICT (member_id, kind) DO UPDATE
    SET first_at = least(milestones.first_at, excluded.first_at),
        last_at = greatest(milestones.last_at, excluded.last_at)
)
UPDATE members SET last_active_at = greatest(members.last_active_at, lively.at)
FROM (
    SELECT member_id, max(at) AS at FROM happened WHERE kind = ANY (%(signs_of_life)s) GROUP BY member_id
) AS lively
WHERE members.id = lively.member_id

-- name: reach
-- Milestones without an event; as in `record`, ordered by key.
INSERT INTO milestones (member_id, kind, first_at, last_at)
SELECT member_id, kind, min(at), max(at)
FROM unnest(%(member)s::bigint[], %(kind)s::text[], %(at)s::timestamptz[]) AS r (member_id, kind, at)
GROUP BY member_id, kind
ORDER BY member_id, kind
ON CONFLICT (member_id, kind) DO UPDATE
SET first_at = least(milestones.first_at, excluded.first_at),
    last_at = greatest(milestones.last_at, excluded.last_at)
