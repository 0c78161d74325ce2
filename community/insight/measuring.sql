-- Of a KPI's rows the counts: all together, and by part (if it has any), group and source. What has none of these is in
-- none of their rows.

-- name: in_memory
-- A day of a million rows is grouped in memory.
SELECT set_config('work_mem', '128MB', true)

-- name: forget
DROP TABLE IF EXISTS kept_{{table}}

-- name: keep
CREATE TEMP TABLE kept_{{table}} ON COMMIT DROP AS
{{text}}

-- name: look_at
ANALYZE kept_{{table}}

-- name: sources
SELECT member_id, source FROM v_sources

-- name: by_member
CREATE INDEX ON kept_sources (member_id)

-- name: add_sources
INSERT INTO kept_sources
SELECT member_id, source FROM v_sources WHERE member_id > (SELECT coalesce(max(member_id), 0) FROM kept_sources)

-- name: sources_kept
SELECT to_regclass('pg_temp.kept_sources') IS NOT NULL AS kept

-- name: once
-- Each row has a key of its own.
SELECT
    {{dimensions}},
    count(r.key) FILTER (WHERE r.hit) AS hits, count(r.key) AS base, coalesce(sum(r.minor), 0) AS minor,
    {{middle}} AS middle_s, {{high}} AS high_s
FROM ({{rows}}) AS r
LEFT JOIN v_sources s ON s.member_id = r.member_id
{{grouped}}

-- name: in_group
-- Members, each once in a group: so nobody needs to be looked for twice in one, and each has one source.
SELECT
    '' AS part, c.group_id, c.source, '' AS currency, c.hits, c.hits AS base, 0::bigint AS minor,
    {{nothing}} AS middle_s, {{nothing}} AS high_s
FROM (
    SELECT group_id, '' AS source, count(*) AS hits FROM kept_{{table}} WHERE group_id IS NOT NULL GROUP BY group_id
    UNION ALL
    SELECT 0, CASE grouping(s.source) WHEN 0 THEN s.source ELSE '' END, count(*)
    FROM kept_sources s
    WHERE s.member_id IN (SELECT k.member_id FROM kept_{{table}} k)
    GROUP BY GROUPING SETS ((), (s.source))
    HAVING count(*) > 0
) AS c

-- name: of_inside
-- Only who hit is counted: how many are inside is counted once for all that are of them.
SELECT
    b.part, b.group_id, b.source, b.currency, coalesce(h.hits, 0) AS hits, b.base, b.minor, b.middle_s, b.high_s
FROM kept_base b
LEFT JOIN ({{hits}}) AS h ON h.group_id = b.group_id AND h.source = b.source

-- name: hits
-- Who hit, in which group.
SELECT a.member_id, a.group_id FROM ({{rows}}) AS a WHERE a.hit

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
