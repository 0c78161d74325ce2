-- name: first_moment
-- The first of which anything is known. least() passes over what there is none of.
SELECT least(
    (SELECT min(at) FROM v_events), (SELECT min(entered_at) FROM v_members), (SELECT min(happened_at) FROM v_ledger),
    (SELECT min(starts_at) FROM v_terms), (SELECT min(day)::timestamp AT TIME ZONE %(zone)s FROM ad_spend)
) AS at

-- name: nested_loops
SELECT set_config('enable_nestloop', %(are)s, true)

-- name: count_day
-- What is the same is left alone; what is new comes in the order of members, in which the index takes it soonest.
WITH found AS MATERIALIZED (
    SELECT
        member_id, coalesce(group_id, 0) AS group_id,
        count(*) FILTER (WHERE kind = 'message') AS message,
        count(*) FILTER (WHERE kind = 'private') AS private,
        count(*) FILTER (WHERE kind = 'reaction') AS reaction,
        count(*) FILTER (WHERE kind = 'click') AS click,
        count(*) FILTER (WHERE kind = 'button') AS button,
        count(*) FILTER (WHERE kind = 'start') AS start,
        count(*) FILTER (WHERE kind = 'answer') AS answer
    FROM v_events
    WHERE at >= %(since)s AND at < %(until)s AND member_id IS NOT NULL
        AND kind IN ('message', 'private', 'reaction', 'click', 'button', 'start', 'answer')
    GROUP BY member_id, coalesce(group_id, 0)
),
gone AS (
    DELETE FROM member_days d
    WHERE d.day = %(since_day)s
        AND NOT EXISTS (SELECT FROM found f WHERE f.member_id = d.member_id AND f.group_id = d.group_id)
),
changed AS (
    UPDATE member_days d SET
        message = f.message, private = f.private, reaction = f.reaction, click = f.click, button = f.button,
        start = f.start, answer = f.answer
    FROM found f
    WHERE d.day = %(since_day)s AND d.member_id = f.member_id AND d.group_id = f.group_id
        AND (f.message, f.private, f.reaction, f.click, f.button, f.start, f.answer)
            IS DISTINCT FROM (d.message, d.private, d.reaction, d.click, d.button, d.start, d.answer)
)
INSERT INTO member_days (day, member_id, group_id, message, private, reaction, click, button, start, answer)
SELECT %(since_day)s, f.*
FROM found f
WHERE NOT EXISTS (
    SELECT FROM member_days d
    WHERE d.day = %(since_day)s AND d.member_id = f.member_id AND d.group_id = f.group_id
)
ORDER BY f.member_id, f.group_id

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
