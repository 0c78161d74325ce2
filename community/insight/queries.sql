-- name: first_moment
-- The first of which anything is known. least() passes over what there is none of.
SELECT least(
    (SELECT min(at) FROM v_events), (SELECT min(entered_at) FROM v_members), (SELECT min(happened_at) FROM v_ledger),
    (SELECT min(starts_at) FROM v_terms), (SELECT min(day)::timestamp AT TIME ZONE %(zone)s FROM ad_spend)
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

-- name: store
INSERT INTO kpi_values (kpi, span, since, part, group_id, source, currency, hits, base, minor, middle_s, high_s)
SELECT
    %(kpi)s, %(span)s, %(since_day)s, c.part, c.group_id, c.source, c.currency, c.hits, c.base, c.minor,
    c.middle_s, c.high_s
FROM (
    {{counts}}
) AS c
