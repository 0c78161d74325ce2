-- Of a KPI's rows the counts: all together, and by part (if it has any), group and source. What has none of these is in
-- none of their rows.

-- name: in_memory
-- A day of a million rows is grouped in memory.
SELECT set_config('work_mem', '128MB', true)

-- name: once
-- Each row has a key of its own.
SELECT
    {{dimensions}},
    count(r.key) FILTER (WHERE r.hit) AS hits, count(r.key) AS base, coalesce(sum(r.minor), 0) AS minor,
    {{middle}} AS middle_s, {{high}} AS high_s
FROM ({{rows}}) AS r
LEFT JOIN v_sources s ON s.member_id = r.member_id
{{grouped}}

-- name: several
-- First each key once, by hashing: to count different keys in one go, all rows would be sorted for each dimension.
SELECT
    a.part, a.group_id, a.source, a.currency,
    count(a.key) FILTER (WHERE a.hit) AS hits, count(a.key) AS base, coalesce(sum(a.minor), 0) AS minor,
    {{middle}} AS middle_s, {{high}} AS high_s
FROM (
    SELECT {{dimensions}}, r.key, bool_or(r.hit) AS hit, sum(r.minor) AS minor
    FROM ({{rows}}) AS r
    LEFT JOIN v_sources s ON s.member_id = r.member_id
    {{grouped}}
) AS a
GROUP BY a.part, a.group_id, a.source, a.currency

-- name: middle
percentile_cont(0.5) WITHIN GROUP (ORDER BY r.seconds)

-- name: high
percentile_cont(0.95) WITHIN GROUP (ORDER BY r.seconds)

-- name: nothing
NULL::double precision

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
