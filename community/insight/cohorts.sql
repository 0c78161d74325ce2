-- name: forget
DELETE FROM cohort_weeks WHERE week = %(since_day)s

-- name: there
-- Who had been admitted by the end of the week that is looked at and showed a sign in it, each once: since which day of
-- it, and in which week they had entered.
SELECT d.member_id, min(d.day) AS day, e.week AS entered, m.source
FROM member_days d
JOIN v_sources m ON m.member_id = d.member_id AND m.entered_at < %(until)s
CROSS JOIN LATERAL (SELECT date_trunc('week', m.entered_at AT TIME ZONE %(zone)s)::date AS week) AS e
WHERE d.day >= %(since_day)s AND d.day < %(until_day)s AND {{shows}} AND {{whose}}
GROUP BY d.member_id, e.week, m.source

-- name: count
INSERT INTO cohort_weeks (entered, week, source, active)
SELECT entered, %(since_day)s, CASE grouping(source) WHEN 0 THEN source ELSE '' END, count(*)
FROM ({{there}}) AS t
GROUP BY GROUPING SETS ((entered), (entered, source))

-- name: of_one_week
m.entered_at >= %(entered)s::date::timestamp AT TIME ZONE %(zone)s
    AND m.entered_at < (%(entered)s::date + 7)::timestamp AT TIME ZONE %(zone)s

-- name: rows
SELECT
    t.member_id AS key, t.member_id, t.day::timestamp AT TIME ZONE %(zone)s AS at, t.source, NULL::text AS part,
    1::bigint AS number
FROM ({{there}}) AS t
WHERE %(source)s = '' OR t.source = %(source)s

-- name: triangle
SELECT
    c.entered,
    -- A member who was erased is in none of them any more.
    (SELECT count(*) FROM v_sources m
        WHERE m.entered_at >= c.entered::timestamp AT TIME ZONE %(zone)s
            AND m.entered_at < (c.entered + 7)::timestamp AT TIME ZONE %(zone)s
            AND (%(source)s = '' OR m.source = %(source)s)) AS size,
    array_agg((c.week - c.entered) / 7 ORDER BY c.week) AS weeks,
    array_agg(c.active ORDER BY c.week) AS active
FROM cohort_weeks c
WHERE c.entered >= %(since)s AND c.entered < %(until)s AND c.source = %(source)s AND c.week >= c.entered
GROUP BY c.entered
ORDER BY c.entered
