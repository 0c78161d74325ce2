-- name: forget
DELETE FROM cohort_weeks WHERE week = %(since_day)s

-- name: count
INSERT INTO cohort_weeks (entered, week, source, active)
SELECT
    e.week, %(since_day)s, CASE grouping(s.source) WHEN 0 THEN s.source ELSE '' END, count(DISTINCT d.member_id)
FROM member_days d
JOIN v_members m ON m.id = d.member_id AND m.entered_at < %(until)s
JOIN v_sources s ON s.member_id = d.member_id
CROSS JOIN LATERAL (SELECT date_trunc('week', m.entered_at AT TIME ZONE %(zone)s)::date AS week) AS e
WHERE d.day >= %(since_day)s AND d.day < %(until_day)s AND {{shows}}
GROUP BY GROUPING SETS ((e.week), (e.week, s.source))

-- name: triangle
SELECT
    c.entered,
    -- A member who was erased is in none of them any more.
    (SELECT count(*) FROM v_members m JOIN v_sources s ON s.member_id = m.id
        WHERE m.entered_at >= c.entered::timestamp AT TIME ZONE %(zone)s
            AND m.entered_at < (c.entered + 7)::timestamp AT TIME ZONE %(zone)s
            AND (%(source)s = '' OR s.source = %(source)s)) AS size,
    array_agg((c.week - c.entered) / 7 ORDER BY c.week) AS weeks,
    array_agg(c.active ORDER BY c.week) AS active
FROM cohort_weeks c
WHERE c.entered >= %(since)s AND c.entered < %(until)s AND c.source = %(source)s AND c.week >= c.entered
GROUP BY c.entered
ORDER BY c.entered
