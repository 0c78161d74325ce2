-- name: one_counter
SELECT pg_advisory_xact_lock(%(key)s)

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

-- name: timed
percentile_cont(0.5) WITHIN GROUP (ORDER BY r.seconds), percentile_cont(0.95) WITHIN GROUP (ORDER BY r.seconds)

-- name: untimed
NULL::double precision, NULL::double precision

-- name: source
s.source

-- name: own_source
coalesce(r.source, s.source)

-- name: measure
-- All together, and by part, group and source. What has none of these is in none of their rows.
INSERT INTO kpi_values (kpi, span, since, part, group_id, source, currency, hits, base, minor, middle_s, high_s)
SELECT
    %(kpi)s, %(span)s, %(since_day)s,
    CASE grouping(r.part) WHEN 0 THEN r.part ELSE '' END,
    CASE grouping(r.group_id) WHEN 0 THEN r.group_id ELSE 0 END,
    CASE grouping({{source}}) WHEN 0 THEN {{source}} ELSE '' END,
    coalesce(r.currency, ''),
    count(DISTINCT r.key) FILTER (WHERE r.hit), count(DISTINCT r.key), coalesce(sum(r.minor), 0),
    {{middle}}
FROM ({{rows}}) AS r
LEFT JOIN v_sources s ON s.member_id = r.member_id
GROUP BY GROUPING SETS ((r.currency), (r.currency, r.part), (r.currency, r.group_id), (r.currency, {{source}}))
HAVING (grouping(r.part) = 1 OR r.part IS NOT NULL)
    AND (grouping(r.group_id) = 1 OR r.group_id IS NOT NULL)
    AND (grouping({{source}}) = 1 OR {{source}} IS NOT NULL)
