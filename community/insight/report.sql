-- name: trends
-- Of everything, and by part: one range of the primary key for each KPI.
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM kpi_values
WHERE kpi = ANY (%(kpis)s) AND span = %(span)s AND since >= %(since)s AND since < %(until)s
    AND group_id = 0 AND source = ''
ORDER BY kpi, part, currency, since

-- name: by_source
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM kpi_values
WHERE kpi = ANY (%(kpis)s) AND span = %(span)s AND since = %(since)s AND source <> ''
ORDER BY source, currency

-- name: counted
SELECT EXISTS (SELECT FROM kpi_values WHERE kpi = ANY (%(kpis)s) AND span = %(span)s AND since = %(since)s) AS counted

-- name: sessions
-- Live sessions of the window and these, with who came.
SELECT
    l.id, l.title, l.speaker, l.starts_at,
    count(*) FILTER (WHERE a.registered_at IS NOT NULL) AS registered,
    count(*) FILTER (WHERE a.watched_at IS NOT NULL) AS viewers
FROM v_lives l
LEFT JOIN v_attendances a ON a.live_id = l.id
WHERE l.starts_at >= %(since)s AND l.starts_at < %(until)s AND l.cancelled_at IS NULL OR l.id = ANY (%(ids)s)
GROUP BY l.id, l.title, l.speaker, l.starts_at
ORDER BY l.starts_at, l.id

-- name: live_titles
SELECT id, title FROM v_lives WHERE id = ANY (%(ids)s)

-- name: group_titles
SELECT id, title FROM v_groups WHERE id = ANY (%(ids)s)

-- name: incidents
-- What staff were alerted to in the window. Of a subject only the last time is kept.
SELECT what, place, since_at, last_at, told_at, times FROM v_alerts
WHERE last_at >= %(since)s AND since_at < %(until)s
ORDER BY last_at DESC, subject

-- name: load
-- As the window ends.
SELECT
    (SELECT count(*) FROM v_groups WHERE registered_at < %(until)s AND (lost_at IS NULL OR lost_at >= %(until)s)) AS groups,
    count(*) AS open,
    count(*) FILTER (WHERE due_at < %(until)s) AS late
FROM v_follow_ups
WHERE created_at < %(until)s AND (done_at IS NULL OR done_at >= %(until)s)

-- name: by_operator
SELECT coalesce(done_by, '') AS operator, count(*) AS done, count(*) FILTER (WHERE done_at > due_at) AS late
FROM v_follow_ups
WHERE done_at >= %(since)s AND done_at < %(until)s
GROUP BY operator
ORDER BY done DESC, operator

-- name: mix
-- Who showed a sign in the window, by what they hold as it ends.
SELECT
    count(*) FILTER (WHERE paid) AS paid,
    count(*) FILTER (WHERE trial AND NOT paid) AS trial,
    count(*) FILTER (WHERE NOT paid AND NOT trial) AS free
FROM (
    SELECT a.member_id, p.member_id IS NOT NULL AS paid, t.member_id IS NOT NULL AS trial
    FROM (
        SELECT DISTINCT d.member_id FROM member_days d
        WHERE d.day >= %(since_day)s AND d.day < %(until_day)s AND {{shows}}
    ) AS a
    LEFT JOIN (SELECT DISTINCT member_id FROM ({{paying}}) AS t) AS p USING (member_id)
    LEFT JOIN (
        SELECT DISTINCT member_id FROM v_terms
        WHERE trial AND starts_at < %(until)s AND (ends_at IS NULL OR ends_at >= %(until)s)
            AND (revoked_at IS NULL OR revoked_at >= %(until)s)
    ) AS t USING (member_id)
) AS active

-- name: store
INSERT INTO reports (kind, since, made_at, content) VALUES (%(kind)s, %(since)s, %(made_at)s, %(content)s)
RETURNING id

-- name: newest
SELECT id, content FROM reports
WHERE kind = %(kind)s AND (%(since)s::date IS NULL OR since = %(since)s)
ORDER BY since DESC, id DESC LIMIT 1

-- name: kept
SELECT kind, since, made_at
FROM (
    SELECT kind, since, max(made_at) AS made_at, row_number() OVER (PARTITION BY kind ORDER BY since DESC) AS place
    FROM reports
    WHERE kind = ANY (%(kinds)s)
    GROUP BY kind, since
) AS newest
WHERE place <= %(most)s
ORDER BY since DESC, kind

-- name: one_watch
SELECT pg_advisory_xact_lock(hashtextextended('daily watch', 0))

-- name: one_learning
SELECT pg_advisory_xact_lock(hashtextextended('what the SOP has taught', 0))

-- name: up_to
SELECT content FROM reports WHERE kind = %(kind)s AND since <= %(day)s ORDER BY since DESC, id DESC LIMIT 1
