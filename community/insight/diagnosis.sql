-- name: watched
-- A KPI in some windows: of everything, or of each group, or each part.
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM kpi_values
WHERE kpi = %(kpi)s AND span = %(span)s AND since = ANY (%(days)s) AND source = ''
    AND (part <> '') = (%(each)s = 'part') AND (group_id <> 0) = (%(each)s = 'group')
ORDER BY part, group_id, currency, since
