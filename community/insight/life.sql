-- name: groups
-- The groups the bot was in then, with their age in days.
SELECT
    id, title, (%(until_day)s::date - (registered_at AT TIME ZONE %(zone)s)::date) AS age_days
FROM v_groups
WHERE registered_at < %(until)s AND (lost_at IS NULL OR lost_at >= %(until)s)
ORDER BY id

-- name: weeks
-- By group: the KPIs of that week and of the four before it.
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM kpi_values
WHERE kpi = ANY (%(kpis)s) AND span = 'week' AND group_id <> 0 AND since <= %(since_day)s AND since >= %(earliest)s
ORDER BY kpi, group_id, since, currency
