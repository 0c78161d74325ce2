-- name: make_past
CREATE TEMP TABLE IF NOT EXISTS past (
    at timestamptz, kind text, telegram_id bigint, message bigint, data jsonb
) ON COMMIT DELETE ROWS

-- name: copy_past
COPY past (at, kind, telegram_id, message, data) FROM STDIN

-- name: sort_in_memory
SELECT set_config('work_mem', '64MB', true)

-- name: backfill
-- What is later than all there is of its kind needs no look-up: a first import, in the order of time, has none.
-- A lateral look-up cannot become a join of all with all, whatever the statistics of partitions that this very import
-- fills have the planner believe: each event by events_member, in the few partitions that the bounds on `at` leave.
WITH newest AS MATERIALIZED (
    SELECT k.kind, e.at
    FROM (SELECT DISTINCT kind FROM past) AS k
    CROSS JOIN LATERAL (
        SELECT at FROM events
        WHERE kind = k.kind
            AND at >= %(since)s::timestamptz - interval '5 minutes'
            AND at <= %(until)s::timestamptz + interval '5 minutes'
        ORDER BY at DESC LIMIT 1
    ) AS e
),
new AS MATERIALIZED (
    SELECT DISTINCT ON (m.id, p.kind, p.at, p.message) p.at, p.kind, m.id AS member_id, p.telegram_id, p.data
    FROM past p
    JOIN v_members m ON m.telegram_id = p.telegram_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN p.kind IN ('joined', 'left') THEN interval '5 minutes' ELSE interval '0' END AS slack
    ) AS s
    LEFT JOIN newest n ON n.kind = p.kind
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM events e
        WHERE p.at - slack <= n.at AND e.member_id = m.id AND e.kind = p.kind AND e.group_id = %(group_id)s
            AND e.at BETWEEN p.at - slack AND p.at + slack
            AND e.at >= %(since)s::timestamptz - interval '5 minutes'
            AND e.at <= %(until)s::timestamptz + interval '5 minutes'
            AND (NOT e.data ? 'message' OR e.at = p.at AND (e.data->>'message')::bigint = p.message)
        LIMIT 1
    ) AS known ON true
    WHERE known.is_there IS NULL
),
appended AS (
    INSERT INTO events (at, kind, member_id, group_id, data)
    SELECT at, kind, member_id, %(group_id)s, data FROM new
),
late AS (
    INSERT INTO late_days (day)
    SELECT DISTINCT (n.at AT TIME ZONE c.zone)::date FROM new n, counted c
    WHERE (n.at AT TIME ZONE c.zone)::date < c.before
),
reached AS (
    INSERT INTO milestones (member_id, kind, first_at, last_at)
    SELECT member_id, kind, min(at), max(at) FROM new
    GROUP BY member_id, kind
    ORDER BY member_id, kind
    ON CONFLICT (member_id, kind) DO UPDATE
    SET first_at = least(milestones.first_at, excluded.first_at),
        last_at = greatest(milestones.last_at, excluded.last_at)
),
lively AS (
    UPDATE members SET last_active_at = greatest(members.last_active_at, l.at)
    FROM (SELECT member_id, max(at) AS at FROM new WHERE kind = ANY (%(signs_of_life)s) GROUP BY member_id) AS l
    WHERE members.id = l.member_id
)
SELECT kind, array_agg(telegram_id) AS telegram_ids FROM new GROUP BY kind
