-- name: gated
-- The guardrails every outreach passes, at planning and again at the claim: one text, so that the two cannot differ.
-- Reads `candidates` (key, member_id, chat_id, stage, due_at, expires_at, promotional, exempt, goals, goal_since_at,
-- reserve_lane, barred); yields each with `reason` (NULL: send), `from_at` (when it may go by the SOP: its time, or
-- now), `send_at` (later than that only when quiet hours defer it) and `gates`, the value of every gate. `barred` is the
-- reason by which the stage itself holds one back. Group messages have no member: only halt and expiry apply to them.
scopes AS MATERIALIZED (
    SELECT coalesce(array_agg(scope::text), '{}') AS halted FROM halts
),
judged AS (
    -- OFFSET 0 has each step evaluated once a row; without it the planner repeats the arithmetic wherever it is used.
    SELECT
        counted.*,
        CASE
            WHEN halted THEN 'halted'
            WHEN opted_out_at IS NOT NULL AND NOT exempt THEN 'opted_out'
            WHEN dm IN ('blocked', 'gone') THEN dm
            WHEN member_id IS NOT NULL AND NOT coalesce(reachable, false) THEN 'unreachable'
            WHEN goal_at IS NOT NULL THEN 'goal_reached'
            WHEN NOT exempt AND (global_bucket < %(global_holdout)s OR stage_bucket < %(stage_holdout)s)
                THEN 'holdout'
            WHEN barred IS NOT NULL THEN barred
            WHEN expires_at <= %(now_at)s THEN 'stale'
            WHEN expires_at <= send_at THEN 'quiet_hours'
        END AS first_reason
    FROM (
        -- One range of one index a candidate: what was sent, what is promised at this priority or a better one. What
        -- is promised and overdue goes about now.
        SELECT
            hushed.*,
            coalesce(cap.sent_day, 0) AS sent_day,
            coalesce(cap.sent_week, 0) AS sent_week,
            coalesce(cap.promised_day, 0) AS promised_day,
            coalesce(cap.promised_week, 0) AS promised_week
        FROM (
            -- Hours run over midnight when they start later than they end; an evening's morning is the next day's.
            SELECT
                known.*,
                CASE
                    WHEN exempt OR member_id IS NULL OR %(quiet_from)s::time IS NULL THEN from_at
                    WHEN %(quiet_from)s::time < %(quiet_to)s::time
                        AND local_from::time >= %(quiet_from)s::time AND local_from::time < %(quiet_to)s::time
                        THEN (local_from::date + %(quiet_to)s::time) AT TIME ZONE zone
                    WHEN %(quiet_from)s::time > %(quiet_to)s::time AND local_from::time >= %(quiet_from)s::time
                        THEN (local_from::date + 1 + %(quiet_to)s::time) AT TIME ZONE zone
                    WHEN %(quiet_from)s::time > %(quiet_to)s::time AND local_from::time < %(quiet_to)s::time
                        THEN (local_from::date + %(quiet_to)s::time) AT TIME ZONE zone
                    ELSE from_at
                END AS send_at
            FROM (
                SELECT
                    c.*,
                    m.telegram_id,
                    m.dm,
                    m.dm_until_at,
                    m.opted_out_at,
                    m.dm = 'open' OR (m.dm = 'temporary' AND m.dm_until_at > %(now_at)s) AS reachable,
                    coalesce(m.zone, %(zone)s) AS zone,
                    greatest(c.due_at, %(now_at)s::timestamptz) AS from_at,
                    greatest(c.due_at, %(now_at)s::timestamptz) AT TIME ZONE coalesce(m.zone, %(zone)s) AS local_from,
                    g.last_at AS goal_at,
                    g.kind AS goal,
                    scopes.halted <> '{}' AND scopes.halted
                        && ARRAY['all', 'stage:' || c.stage, 'chat:' || coalesce(c.chat_id, m.telegram_id)] AS halted,
                    ('x' || left(md5(%(salt)s || ':' || m.telegram_id), 8))::bit(32)::bigint %% 10000
                        AS global_bucket,
                    ('x' || left(md5(%(salt)s || ':' || c.stage || ':' || m.telegram_id), 8))::bit(32)::bigint
                        %% 10000 AS stage_bucket
                FROM candidates c
                CROSS JOIN scopes
                LEFT JOIN v_members m ON m.id = c.member_id
                LEFT JOIN LATERAL (
                    SELECT last_at, kind FROM v_milestones
                    WHERE member_id = c.member_id AND kind = ANY (c.goals) AND last_at >= c.goal_since_at
                    ORDER BY last_at DESC, kind LIMIT 1
                ) AS g ON c.goals IS NOT NULL
                OFFSET 0
            ) AS known
            OFFSET 0
        ) AS hushed
        LEFT JOIN LATERAL (
            SELECT
                count(*) FILTER (WHERE o.state <> 'waiting' AND o.counts_at > send_at - interval '24 hours')
                    AS sent_day,
                count(*) FILTER (WHERE o.state <> 'waiting') AS sent_week,
                count(*) FILTER (WHERE o.state = 'waiting' AND o.lane <= hushed.reserve_lane
                    AND greatest(o.counts_at, %(now_at)s) > send_at - interval '24 hours'
                    AND o.counts_at < send_at + interval '24 hours') AS promised_day,
                count(*) FILTER (WHERE o.state = 'waiting' AND o.lane <= hushed.reserve_lane) AS promised_week
            FROM messages o
            WHERE o.member_id = hushed.member_id
                AND o.counts_at > send_at - interval '7 days' AND o.counts_at < send_at + interval '7 days'
        ) AS cap ON hushed.promotional
        OFFSET 0
    ) AS counted
    OFFSET 0
),
ranked AS (
    -- Several steps for one member in one plan share what the cap leaves: the better lane, then the earlier one, first.
    SELECT
        judged.*,
        CASE WHEN promotional AND member_id IS NOT NULL AND first_reason IS NULL THEN
            row_number() OVER (
                PARTITION BY member_id, promotional AND first_reason IS NULL ORDER BY reserve_lane, due_at, key
            )
        END AS place
    FROM judged
),
gated AS (
    SELECT
        ranked.*,
        coalesce(
            first_reason,
            CASE
                WHEN sent_day + place > %(cap_day)s OR sent_week + place > %(cap_week)s THEN 'frequency_cap'
                WHEN sent_day + promised_day + place > %(cap_day)s OR sent_week + promised_week + place > %(cap_week)s
                    THEN 'outranked'
            END
        ) AS reason
    FROM ranked
)

-- name: gate_values
jsonb_build_object(
    'halted', halted, 'opted_out', opted_out_at, 'dm', dm, 'goal_reached', goal_at, 'goal', goal,
    'goals', goals, 'stale', expires_at,
    'quiet_hours', CASE WHEN send_at > from_at THEN send_at END, 'zone', zone, 'barred', barred,
    'global_bucket', global_bucket, 'global_holdout', %(global_holdout)s,
    'stage_bucket', stage_bucket, 'stage_holdout', %(stage_holdout)s,
    'sent_day', sent_day, 'promised_day', promised_day, 'cap_day', %(cap_day)s,
    'sent_week', sent_week, 'promised_week', promised_week, 'cap_week', %(cap_week)s,
    'exempt', exempt, 'promotional', promotional, 'place', place, 'dm_until', dm_until_at
)
