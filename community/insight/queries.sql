-- name: one_counter
-- A day of a million events is grouped in memory.
SELECT pg_advisory_xact_lock(%(key)s), set_config('work_mem', '128MB', true)

-- name: first_moment
-- The first of which anything is known. least() passes over what there is none of.
SELECT least(
    (SELECT min(at) FROM v_events), (SELECT min(entered_at) FROM v_members), (SELECT min(at) FROM v_ledger)
) AS at

-- name: forget_day
DELETE FROM member_days WHERE day = %(since_day)s

-- name: count_day
INSERT INTO member_days (day, member_id, group_id, message, private, reaction, click, button, start, answer)
SELECT
    %(since_day)s, member_id, coalesce(group_id, 0),
    count(*) FILTER (WHERE kind = 'message'),
    count(*) FILTER (WHERE kind = 'private'),
    count(*) FILTER (WHERE kind = 'reaction'),
    count(*) FILTER (WHERE kind = 'click'),
    count(*) FILTER (WHERE kind = 'button'),
    count(*) FILTER (WHERE kind = 'start'),
    count(*) FILTER (WHERE kind = 'answer')
FROM v_events
WHERE at >= %(since)s AND at < %(until)s AND member_id IS NOT NULL
    AND kind IN ('message', 'private', 'reaction', 'click', 'button', 'start', 'answer')
GROUP BY member_id, coalesce(group_id, 0)

-- name: forget_value
DELETE FROM kpi_values WHERE kpi = %(kpi)s AND span = %(span)s AND since = %(since_day)s

-- name: source
s.source

-- name: own_source
coalesce(r.source, s.source)

-- name: measure
-- All together, and by part (if it has any), group and source. What has none of these is in none of their rows.
INSERT INTO kpi_values (kpi, span, since, part, group_id, source, currency, hits, base, minor, middle_s, high_s)
SELECT %(kpi)s, %(span)s, %(since_day)s, k.part, k.group_id, k.source, k.currency, k.hits, k.base, k.minor, {{timed}}
FROM (
    {{keys}}
) AS k

-- name: once
-- Each row has a key of its own.
SELECT
    {{dimensions}},
    count(r.key) FILTER (WHERE r.hit) AS hits, count(r.key) AS base, coalesce(sum(r.minor), 0) AS minor, {{seconds}}
FROM ({{rows}}) AS r
LEFT JOIN v_sources s ON s.member_id = r.member_id
{{grouped}}

-- name: several
-- First each key once, by hashing: to count different keys in one go, all rows would be sorted for each dimension.
SELECT
    a.part, a.group_id, a.source, a.currency,
    count(a.key) FILTER (WHERE a.hit) AS hits, count(a.key) AS base, coalesce(sum(a.minor), 0) AS minor
FROM (
    SELECT {{dimensions}}, r.key, bool_or(r.hit) AS hit, sum(r.minor) AS minor
    FROM ({{rows}}) AS r
    LEFT JOIN v_sources s ON s.member_id = r.member_id
    {{grouped}}
) AS a
GROUP BY a.part, a.group_id, a.source, a.currency

-- name: seconds
percentile_cont(0.5) WITHIN GROUP (ORDER BY r.seconds) AS middle_s,
percentile_cont(0.95) WITHIN GROUP (ORDER BY r.seconds) AS high_s

-- name: dimensions
{{part}} AS part,
CASE grouping(r.group_id) WHEN 0 THEN r.group_id ELSE 0 END AS group_id,
CASE grouping({{source}}) WHEN 0 THEN {{source}} ELSE '' END AS source,
coalesce(r.currency, '') AS currency

-- name: part
CASE grouping(r.part) WHEN 0 THEN r.part ELSE '' END

-- name: grouped
GROUP BY {{key}} r.currency, GROUPING SETS ((), {{by_part}} (r.group_id), ({{source}}))
HAVING {{has_part}} (grouping(r.group_id) = 1 OR r.group_id IS NOT NULL)
    AND (grouping({{source}}) = 1 OR {{source}} IS NOT NULL)
