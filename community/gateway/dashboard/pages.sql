-- name: limits
-- A look changes nothing, and lets go when it takes too long; for this transaction alone.
SELECT set_config('statement_timeout', %(most_ms)s::text, true), set_config('transaction_read_only', 'on', true)

-- name: counted
-- Of everything, or of one group or source: each KPI's part of the primary key.
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM v_kpi_values
WHERE kpi = ANY (%(kpis)s) AND span = %(span)s AND since >= %(since)s AND since < %(until)s AND part = ''
    AND group_id = %(group_id)s AND source = %(source)s
ORDER BY kpi, since, currency

-- name: begun
-- The first window of which anything is counted; of each KPI the first of the primary key.
SELECT min(f.since) AS since
FROM unnest(%(kpis)s::text[]) AS k (kpi)
CROSS JOIN LATERAL (
    SELECT v.since FROM v_kpi_values v WHERE v.kpi = k.kpi AND v.span = %(span)s ORDER BY v.since LIMIT 1
) AS f

-- name: counted_by_group
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM v_kpi_values
WHERE kpi = ANY (%(kpis)s) AND span = %(span)s AND since = %(since)s AND part = '' AND group_id <> 0
ORDER BY kpi, group_id, currency

-- name: counted_by_part
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM v_kpi_values
WHERE kpi = ANY (%(kpis)s) AND span = %(span)s AND since = %(since)s AND part <> ''
ORDER BY kpi, part, currency

-- name: groups
SELECT id, title, registered_at, lost_at FROM v_groups ORDER BY lost_at IS NOT NULL, title, id

-- name: sources
-- Those that anybody came from, by months: a few rows of the primary key.
SELECT source FROM v_kpi_values
WHERE kpi = 'new_members' AND span = 'month' AND part = '' AND group_id = 0 AND source <> ''
GROUP BY source
ORDER BY sum(hits) DESC, source
LIMIT 200

-- name: lives
-- The newest first; who came is of each one's own few rows.
SELECT
    l.id, l.title, l.speaker, l.starts_at, l.window_until_at, l.cancelled_at, l.plan, l.coupon, l.redeemed,
    p.registered, p.watched, m.revenue
FROM (
    SELECT * FROM v_lives
    WHERE starts_at >= %(since)s AND starts_at < %(until)s
    ORDER BY starts_at DESC
    LIMIT %(limit)s
) AS l
CROSS JOIN LATERAL (
    SELECT count(a.registered_at) AS registered, count(a.watched_at) AS watched
    FROM v_attendances a
    WHERE a.live_id = l.id
) AS p
CROSS JOIN LATERAL (
    SELECT jsonb_object_agg(r.currency, r.minor) AS revenue
    FROM (
        SELECT currency, sum(CASE WHEN reverses IS NULL THEN price_minor ELSE -abs(price_minor) END - discount_minor) AS minor
        FROM v_redemptions
        WHERE code = l.coupon AND currency IS NOT NULL
        GROUP BY currency
    ) AS r
) AS m
ORDER BY l.starts_at DESC

-- name: bought
-- Who of a session's viewers bought: the rows of the KPI itself, of these sessions alone.
SELECT r.part, count(*) FILTER (WHERE r.hit) AS hits, count(*) AS base
FROM ({{rows}}) AS r
WHERE r.part = ANY (%(lives)s)
GROUP BY r.part

-- name: promised
-- Over the index of those that are open.
SELECT kind, count(*) AS open, count(*) FILTER (WHERE due_at <= %(at)s) AS overdue, min(due_at) AS oldest_at
FROM v_follow_ups
WHERE done_at IS NULL
GROUP BY kind
ORDER BY overdue DESC, open DESC, kind

-- name: next_promised
SELECT f.id, f.kind, f.occurrence, f.due_at, f.due_at <= %(at)s AS overdue, m.id AS member_id, m.first_name, m.last_name,
    m.username
FROM (
    SELECT * FROM v_follow_ups WHERE done_at IS NULL ORDER BY due_at LIMIT %(limit)s
) AS f
JOIN v_members m ON m.id = f.member_id
ORDER BY f.due_at
