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
-- The newest first; who came and who bought is of each one's own few rows. What was bought is what the ladder counts.
SELECT
    l.id, l.title, l.speaker, l.starts_at, l.window_until_at, l.cancelled_at, l.plan, l.coupon, l.redeemed,
    p.registered, p.watched, p.bought, p.viewers_bought,
    m.revenue
FROM (
    SELECT * FROM v_lives
    WHERE starts_at >= %(since)s AND starts_at < %(until)s
    ORDER BY starts_at DESC
    LIMIT %(limit)s
) AS l
CROSS JOIN LATERAL (
    SELECT
        count(a.registered_at) AS registered, count(a.watched_at) AS watched, count(b.first_at) AS bought,
        count(b.first_at) FILTER (WHERE a.watched_at IS NOT NULL) AS viewers_bought
    FROM v_attendances a
    LEFT JOIN v_milestones b ON b.member_id = a.member_id AND b.kind = 'purchase:' || l.plan
        AND b.last_at >= l.created_at AND b.first_at < l.window_until_at
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

-- name: rows
-- What a KPI counts: names are looked up for the few that are shown.
SELECT p.*, m.first_name, m.last_name, m.username, g.title
FROM (
    SELECT r.*
    FROM ({{rows}}) AS r
    WHERE (%(part)s = '' OR r.part = %(part)s) AND (%(group_id)s = 0 OR r.group_id = %(group_id)s)
        AND (
            %(source)s = ''
            OR EXISTS (SELECT FROM v_sources s WHERE s.member_id = r.member_id AND s.source = %(source)s)
        )
    ORDER BY r.at, r.key
    LIMIT %(limit)s OFFSET %(offset)s
) AS p
LEFT JOIN v_members m ON m.id = p.member_id
LEFT JOIN v_groups g ON g.id = p.group_id
ORDER BY p.at, p.key
