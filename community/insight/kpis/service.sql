-- name: first_response
-- Of what members asked for and staff did in the window: how long they waited. Hit: by the time it was promised for.
SELECT
    f.id AS key, f.member_id, m.home_group_id AS group_id, f.kind AS part, f.done_at AS at, f.done_at <= f.due_at AS hit,
    NULL::bigint AS minor, NULL::text AS currency,
    extract(epoch FROM f.done_at - f.created_at)::double precision AS seconds
FROM v_follow_ups f
JOIN v_members m ON m.id = f.member_id
WHERE f.done_at >= %(since)s AND f.done_at < %(until)s AND {{asked}}

-- name: sla_met
-- Of all tasks of staff, each on the day it was done in time, or else on the one it fell due: hit if in time.
SELECT
    f.id AS key, f.member_id, m.home_group_id AS group_id, f.kind AS part, least(f.done_at, f.due_at) AS at,
    coalesce(f.done_at <= f.due_at, false) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_follow_ups f
JOIN v_members m ON m.id = f.member_id
WHERE least(f.done_at, f.due_at) >= %(since)s AND least(f.done_at, f.due_at) < %(until)s
    AND (f.done_at IS NOT NULL OR f.due_at < %(now)s)

-- name: callback_success
-- Of what payment providers told, as they date it: hit if it was taken into account, or rightly passed over. What has
-- not been tried yet is not in it.
SELECT
    hashtextextended(e.provider || ' ' || e.event_id, 0) AS key, p.member_id, m.home_group_id AS group_id,
    e.provider AS part, e.happened_at AS at, e.state IN ('handled', 'ignored') AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_provider_events e
LEFT JOIN v_payments p ON p.provider = e.provider AND p.charge = e.charge
LEFT JOIN v_members m ON m.id = p.member_id
WHERE e.happened_at >= %(since)s AND e.happened_at < %(until)s AND (e.state <> 'pending' OR e.attempts > 0)

-- name: automation_solved
-- Who wrote to the bot in private, by member and day, two days before: hit if nothing was opened for staff at their
-- asking on that day or the next.
SELECT
    d.member_id * 100000 + (d.day - DATE '2000-01-01') AS key, d.member_id, m.home_group_id AS group_id,
    NULL::text AS part, d.day::timestamp AT TIME ZONE %(zone)s AS at, f.member_id IS NULL AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM member_days d
JOIN v_members m ON m.id = d.member_id
LEFT JOIN (
    SELECT DISTINCT f.member_id, (f.created_at AT TIME ZONE %(zone)s)::date - ago.days AS day
    FROM v_follow_ups f
    CROSS JOIN generate_series(0, 1) AS ago (days)
    WHERE f.created_at >= (%(since_day)s::date - 2)::timestamp AT TIME ZONE %(zone)s AND f.created_at < %(until)s
        AND {{asked}}
) AS f USING (member_id, day)
WHERE d.day >= %(since_day)s::date - 2 AND d.day < %(until_day)s::date - 2 AND d.private > 0
