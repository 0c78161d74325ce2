-- name: of_run
-- What one plan put into the outbox, by step; and what these members had of these steps from plans before.
WITH wanted AS (
    SELECT step AS key, state, reason, wanted_at, due_at, sent_at, late_s FROM v_messages
    WHERE plan_id = %(plan_id)s AND wanted_at >= %(since)s AND wanted_at < %(until)s
    UNION ALL
    SELECT step, state, reason, wanted_at, due_at, sent_at, late_s FROM v_messages
    WHERE member_id = ANY (%(members)s) AND stage = %(stage)s AND step = ANY (%(steps)s)
        AND plan_id <> %(plan_id)s AND wanted_at IS NOT NULL
),
missed AS (
    SELECT s.key, sum(n.value::bigint) AS members
    FROM plans p
    CROSS JOIN LATERAL jsonb_each(p.counts -> 'missed') AS s (key, groups)
    CROSS JOIN LATERAL jsonb_each_text(s.groups) AS n (home, value)
    WHERE p.id = %(plan_id)s
    GROUP BY 1
),
{{counted}}

-- name: of_stages
-- By the plans of that time and their messages: two ranges of an index for each stage, whatever was ever sent.
WITH planned AS MATERIALIZED (
    SELECT p.id, p.stage, p.counts, p.as_of_at
    FROM unnest(%(stages)s::text[], %(planned_since)s::timestamptz[]) AS s (stage, since)
    JOIN plans p ON p.stage = s.stage AND p.as_of_at > s.since AND p.as_of_at <= %(now_at)s
),
wanted AS (
    SELECT p.stage AS key, m.state, m.reason, m.wanted_at, m.due_at, m.sent_at, m.late_s
    FROM planned p
    JOIN v_messages m ON m.plan_id = p.id
    WHERE m.wanted_at > %(since)s AND m.wanted_at <= %(now_at)s
),
missed AS (
    SELECT p.stage AS key, sum(n.value::bigint) AS members
    FROM planned p
    CROSS JOIN LATERAL jsonb_each(p.counts -> 'missed') AS s (step, groups)
    CROSS JOIN LATERAL jsonb_each_text(s.groups) AS n (home, value)
    WHERE p.as_of_at > %(since)s
    GROUP BY 1
),
{{counted}}

-- name: of_groups
-- As of stages; whose home group it is now. Of members who were erased nobody knows it.
WITH planned AS MATERIALIZED (
    SELECT p.id, p.counts, p.as_of_at
    FROM unnest(%(stages)s::text[], %(planned_since)s::timestamptz[]) AS s (stage, since)
    JOIN plans p ON p.stage = s.stage AND p.as_of_at > s.since AND p.as_of_at <= %(now_at)s
),
wanted AS (
    SELECT
        coalesce(h.home_group_id::text, '') AS key, m.state, m.reason, m.wanted_at, m.due_at, m.sent_at, m.late_s
    FROM planned p
    JOIN v_messages m ON m.plan_id = p.id
    LEFT JOIN v_members h ON h.id = m.member_id
    WHERE m.wanted_at > %(since)s AND m.wanted_at <= %(now_at)s
),
missed AS (
    SELECT n.home AS key, sum(n.value::bigint) AS members
    FROM planned p
    CROSS JOIN LATERAL jsonb_each(p.counts -> 'missed') AS s (step, groups)
    CROSS JOIN LATERAL jsonb_each_text(s.groups) AS n (home, value)
    WHERE p.as_of_at > %(since)s
    GROUP BY 1
),
{{counted}}

-- name: counted
-- Each message by the clock: what quiet hours and caps put off is not late. What was cancelled nobody wanted any more;
-- what failed, or is uncertain, is told elsewhere.
timed AS (
    SELECT
        key, state, reason, wanted_at, sent_at,
        late_s + greatest(0, extract(epoch FROM coalesce(sent_at, %(now_at)s) - due_at))::float AS late
    FROM wanted
),
verdicts AS (
    SELECT
        key,
        late,
        CASE
            WHEN state = 'sent' AND late > %(on_time)s THEN 'late'
            WHEN state = 'sent' AND extract(epoch FROM sent_at - wanted_at) > %(on_time)s THEN 'put_off'
            WHEN state = 'sent' THEN 'on_time'
            WHEN state IN ('waiting', 'sending') AND late > %(on_time)s THEN 'overdue'
            WHEN state = 'expired' AND reason IN ('quiet_hours', 'frequency_cap', 'outranked') THEN 'dropped'
            WHEN state = 'expired' THEN 'missed'
        END AS verdict
    FROM timed
),
counts AS (
    SELECT
        key,
        count(*) FILTER (WHERE verdict = 'on_time') AS on_time,
        count(*) FILTER (WHERE verdict = 'put_off') AS put_off,
        count(*) FILTER (WHERE verdict = 'late') AS late,
        count(*) FILTER (WHERE verdict = 'overdue') AS overdue,
        count(*) FILTER (WHERE verdict = 'missed') AS missed,
        count(*) FILTER (WHERE verdict = 'dropped') AS dropped,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY late) FILTER (WHERE verdict = 'late') AS median_s,
        max(late) FILTER (WHERE verdict = 'late') AS worst_s
    FROM verdicts
    GROUP BY key
)
SELECT
    key AS of,
    coalesce(c.on_time, 0) AS on_time,
    coalesce(c.put_off, 0) AS put_off,
    coalesce(c.late, 0) AS late,
    coalesce(c.overdue, 0) AS overdue,
    (coalesce(c.missed, 0) + coalesce(m.members, 0))::bigint AS missed,
    coalesce(c.dropped, 0) AS dropped,
    c.median_s,
    c.worst_s
FROM counts c
FULL JOIN missed m USING (key)
ORDER BY key

-- name: titles
SELECT id::text AS id, title FROM v_groups WHERE id = ANY (%(ids)s::bigint[])
