-- name: every
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM kpi_values
WHERE span = %(span)s AND since = %(since)s AND part = '' AND group_id = %(group_id)s AND source = %(source)s
ORDER BY kpi, currency

-- name: by_group
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM kpi_values
WHERE kpi = %(kpi)s AND span = %(span)s AND since = %(since)s AND group_id <> 0
ORDER BY greatest(hits, minor) DESC, group_id

-- name: by_source
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM kpi_values
WHERE kpi = %(kpi)s AND span = %(span)s AND since = %(since)s AND source <> ''
ORDER BY greatest(hits, minor) DESC, source

-- name: by_part
SELECT kpi, since, hits, base, minor, currency, part, group_id, source, middle_s, high_s
FROM kpi_values
WHERE kpi = %(kpi)s AND span = %(span)s AND since = %(since)s AND part <> ''
ORDER BY greatest(hits, minor) DESC, part

-- name: rows
-- Names are looked up for the few that are shown.
SELECT p.*, m.first_name, m.last_name, m.username, g.title
FROM (
    SELECT
        r.key, r.member_id, r.group_id, r.part, r.at, r.hit, r.minor, r.currency, r.seconds, {{source}} AS source
    FROM ({{rows}}) AS r
    LEFT JOIN v_sources s ON s.member_id = r.member_id
    WHERE (%(part)s = '' OR r.part = %(part)s) AND (%(group_id)s = 0 OR r.group_id = %(group_id)s)
        AND (%(source)s = '' OR {{source}} = %(source)s)
    ORDER BY r.at, r.key
    LIMIT %(limit)s OFFSET %(offset)s
) AS p
LEFT JOIN v_members m ON m.id = p.member_id
LEFT JOIN v_groups g ON g.id = p.group_id
ORDER BY p.at, p.key
