-- name: audience
-- Offers of every local day for everyone in a group: they contest the caps with whatever else there is.
SELECT
    m.id AS member_id, s.step, d.day::text AS occurrence, due.due_at, due.due_at + s.expires_after AS expires_at,
    due.due_at - interval '3 days' AS since_at, %(goals)s::text[] AS goals, NULL::text AS barred, '{}'::jsonb AS context
FROM v_members m
CROSS JOIN steps s
CROSS JOIN (SELECT (%(as_of)s::timestamptz)::date + n AS day FROM generate_series(-3, 1) AS n) AS d
CROSS JOIN LATERAL (
    SELECT (d.day + s.local_time) AT TIME ZONE coalesce(m.zone, %(zone)s) AS due_at OFFSET 0
) AS due
WHERE m.in_group AND m.id = ANY (%(members)s) AND due.due_at <= %(as_of)s AND due.due_at >= m.entered_at

-- name: absence
SELECT 'left' AS absence, NULL::timestamptz AS since_at
