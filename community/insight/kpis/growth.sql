-- name: new_members
-- Who was first admitted to a group. Coming back is not new.
SELECT
    m.id AS key, m.id AS member_id, m.home_group_id AS group_id, NULL::text AS part, m.entered_at AS at, true AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_members m
WHERE m.entered_at >= %(since)s AND m.entered_at < %(until)s

-- name: retention_7
-- Of who was admitted two weeks before a day of the window: hit if they were there in their second week (their days 7
-- to 13, the day of admission being 0).
SELECT
    m.id AS key, m.id AS member_id, m.home_group_id AS group_id, NULL::text AS part, m.entered_at AS at,
    EXISTS (
        SELECT FROM member_days d
        WHERE d.member_id = m.id AND d.day BETWEEN e.day + 7 AND e.day + 13
    ) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_members m
CROSS JOIN LATERAL (SELECT (m.entered_at AT TIME ZONE %(zone)s)::date AS day) AS e
WHERE m.entered_at >= %(since)s::timestamptz - interval '14 days'
    AND m.entered_at < %(until)s::timestamptz - interval '14 days'
