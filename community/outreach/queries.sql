-- name: one_planner
-- Two stages planned at once would each see the cap free, and overbook it.
SELECT pg_advisory_xact_lock(%(key)s)

-- name: planner_settings
-- A plan over 100,000 candidates sorts in memory instead of on disk. Statistics of a table that has just grown are
-- stale, and a sequential scan for each candidate is quadratic (26 s instead of 3 s on an empty `decisions`): every
-- access here has its index.
-- For members named, planning would take three times as long as the execution: one plan for all of them does. For
-- everyone it follows the moment's values. A connection that is done with its share waits for the other's.
SELECT
    set_config('work_mem', '128MB', true),
    set_config('enable_seqscan', 'off', true),
    set_config(
        'plan_cache_mode', CASE WHEN %(everyone)s THEN 'force_custom_plan' ELSE 'force_generic_plan' END, true
    ),
    set_config('idle_in_transaction_session_timeout', '0', true)

-- name: open_plan
-- With the moment of the stage's first plan: what came due before that, nobody has missed.
INSERT INTO plans (stage, as_of_at, planned_wall, state, bundle)
VALUES (%(stage)s, %(planned_for)s, clock_timestamp(), 'executed', %(bundle)s)
RETURNING id, (SELECT min(as_of_at) FROM plans WHERE stage = %(stage)s) AS planned_since

-- name: close_plan
UPDATE plans SET counts = %(counts)s WHERE id = %(plan_id)s

-- name: open_approvals
SELECT id FROM plans WHERE stage = %(stage)s AND kind = 'approval' AND state IN ('proposed', 'approved')

-- name: plan
-- Messages for those who pass, decisions for those who do not, and the counts, in one statement: Python and Prefect
-- cost nothing more for a million members than for ten.
{{candidates}},
added AS (
    INSERT INTO messages (
        bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, exempt, goals, goal_since_at,
        template, variant, context, bundle, plan_id, planned_at, wanted_at, due_at, late_s, expires_at, reason
    )
    SELECT
        %(bot_id)s, member_id, telegram_id, lane, stage, step, occurrence, promotional, exempt, goals, goal_since_at,
        template, variant, context, %(bundle)s, %(plan_id)s, %(now_at)s, due_at, send_at,
        extract(epoch FROM from_at - due_at), expires_at, CASE WHEN send_at > from_at THEN 'quiet_hours' END
    FROM gated
    WHERE reason IS NULL
    ON CONFLICT ON CONSTRAINT messages_intent DO NOTHING
    RETURNING step, reason
),
decided AS (
    INSERT INTO decisions (at, plan_id, member_id, stage, step, occurrence, reason, due_at, gates)
    SELECT
        %(now_at)s, %(plan_id)s, g.member_id, g.stage, g.step, g.occurrence, g.reason, g.due_at, {{gate_values}}
    FROM gated g
    WHERE g.reason IS NOT NULL AND %(decides)s
        -- The same answer as last time is not written again: hourly runs would repeat it for days. And what held a
        -- message back until it had expired stays the reason: an outranked one does not become a stale one.
        AND coalesce(
            (
                SELECT d.reason <> g.reason AND g.reason <> 'stale' FROM decisions d
                WHERE d.member_id = g.member_id AND d.stage = g.stage AND d.step = g.step
                    AND d.occurrence = g.occurrence
                    AND d.at <= %(now_at)s AND d.at > %(now_at)s::timestamptz - interval '40 days'
                ORDER BY d.at DESC LIMIT 1
            ),
            true
        )
    RETURNING member_id, step, reason, due_at
)
SELECT step, 'send' AS verdict, reason, count(*) AS members, NULL::bigint[] AS named FROM added GROUP BY step, reason
UNION ALL
SELECT step, 'skip', reason, count(*), NULL FROM gated WHERE reason IS NOT NULL GROUP BY step, reason
UNION ALL
SELECT NULL, 'already', NULL, count(*), NULL FROM audience WHERE already AND due_at <= %(due_by)s
UNION ALL
SELECT step, 'decided', reason, count(*), (array_agg(member_id))[:%(named)s] FROM decided GROUP BY step, reason
UNION ALL
-- Time ran out on it, though the stage was at work by then: by step and home group.
SELECT d.step, 'missed', m.home_group_id::text, count(*), NULL
FROM decided d
JOIN v_members m ON m.id = d.member_id
WHERE d.reason IN ('stale', 'collapsed') AND d.due_at >= %(planned_since)s
GROUP BY d.step, m.home_group_id

-- name: freeze
-- What a proposal is made of, by the day it was due on. Judged afterwards, all together.
{{candidates}}
INSERT INTO plan_rows (
    plan_id, on_day, member_id, step, occurrence, due_at, expires_at, goals, goal_since_at, context, lane,
    promotional, exempt, reason, template, variant, bundle
)
SELECT
    %(plan_id)s, (due_at AT TIME ZONE %(schedule_zone)s)::date, member_id, step, occurrence, due_at, expires_at, goals,
    goal_since_at, context, lane, promotional, exempt, barred, template, variant, %(bundle)s::text
FROM candidates
ON CONFLICT ON CONSTRAINT plan_rows_intent DO NOTHING

-- name: park
-- For a restored database: what a plan would find now, the lost database may have planned and sent. Parked whatever the
-- gates say, as they may have stood otherwise then; save who is held out for ever, and what has expired anyway.
{{candidates}}
INSERT INTO messages (
    bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, exempt, goals, goal_since_at,
    template, variant, context, bundle, planned_at, wanted_at, due_at, expires_at, state, reason, sent_at, settled_wall
)
SELECT
    %(bot_id)s, member_id, telegram_id, lane, stage, step, occurrence, promotional, exempt, goals, goal_since_at,
    template, variant, context, %(bundle)s, %(now_at)s, due_at, due_at, expires_at,
    'uncertain', 'restored', greatest(due_at, %(since)s), clock_timestamp()
FROM gated
WHERE promotional AND expires_at > %(now_at)s
    AND NOT (global_bucket < %(global_holdout)s OR stage_bucket < %(stage_holdout)s)
ON CONFLICT ON CONSTRAINT messages_intent DO NOTHING

-- name: preview
-- The same rows, nothing written.
{{candidates}}
SELECT
    g.member_id, g.telegram_id AS chat_id, g.stage, g.step, g.occurrence, g.due_at, g.expires_at, g.context, g.lane,
    g.promotional, g.exempt, g.reason, g.from_at, g.send_at, g.gates,
    m.first_name, m.last_name, m.username, m.locale, m.group_title, m.zone, g.template, g.variant
FROM (SELECT gated.*, {{gate_values}} AS gates FROM gated) AS g
JOIN v_members m ON m.id = g.member_id
ORDER BY g.member_id, g.due_at
LIMIT %(limit)s

-- name: stopped
-- Who did not get a step that came due since, and why: messages that were dropped, failed or are put off; then what
-- plans decided last; then those whom a plan would stop now. Decisions are kept by member and by month: the one or two
-- months of the window are read through, which only this look-up for operators does. An index by stage or time would be
-- taken for the planner's look-up as well (see `Decision`), and members alone do not do: some are named no more.
{{candidates}},
dropped AS (
    SELECT m.member_id, m.occurrence, m.wanted_at AS due_at, m.reason, m.state AS what, m.id AS message_id
    FROM plans p
    JOIN messages m ON m.plan_id = p.id
    WHERE p.stage = %(stage)s AND p.as_of_at > %(planned_since)s AND p.as_of_at <= %(now_at)s
        AND m.step = %(asked)s AND m.wanted_at > %(since)s
        AND (m.state IN ('expired', 'cancelled', 'failed') OR (m.state = 'waiting' AND m.reason IS NOT NULL))
),
decided AS (
    SELECT DISTINCT ON (d.member_id, d.occurrence) d.member_id, d.occurrence, d.due_at, d.reason, d.gates, d.at
    FROM decisions d
    WHERE d.stage = %(stage)s AND d.step = %(asked)s AND d.at > %(planned_since)s AND d.at <= %(now_at)s
        AND d.due_at > %(since)s
    ORDER BY d.member_id, d.occurrence, d.at DESC, d.id DESC
),
stopped AS (
    SELECT member_id, occurrence, due_at, reason, what, message_id, NULL::jsonb AS gates, NULL::timestamptz AS at
    FROM dropped
    UNION ALL
    SELECT d.member_id, d.occurrence, d.due_at, d.reason, 'decided', NULL, d.gates, d.at
    FROM decided d
    WHERE NOT EXISTS (
        SELECT FROM messages o
        WHERE o.member_id = d.member_id AND o.stage = %(stage)s AND o.step = %(asked)s AND o.occurrence = d.occurrence
    )
    UNION ALL
    SELECT g.member_id, g.occurrence, g.due_at, g.reason, 'today', NULL, {{gate_values}}, NULL
    FROM gated g
    WHERE g.step = %(asked)s AND g.due_at > %(since)s AND g.reason IS NOT NULL AND NOT EXISTS (
        SELECT FROM decided d WHERE d.member_id = g.member_id AND d.occurrence = g.occurrence
    )
)

-- name: count_stopped
{{stopped}}
SELECT reason, what, count(*) AS members FROM stopped GROUP BY reason, what ORDER BY members DESC, reason, what

-- name: list_stopped
{{stopped}}
SELECT s.*, m.first_name, m.last_name, m.username
FROM stopped s
JOIN v_members m ON m.id = s.member_id
WHERE %(reason)s::text IS NULL OR s.reason = %(reason)s
ORDER BY s.reason, s.due_at DESC, s.member_id
LIMIT %(limit)s

-- name: trigger
INSERT INTO stage_triggers (stage, member_id, at) VALUES (%(stage)s, %(member_id)s, %(at)s)

-- name: waiting_triggers
SELECT id, member_id, at FROM stage_triggers WHERE stage = %(stage)s AND shown_wall IS NULL ORDER BY id LIMIT %(limit)s

-- name: mark_shown
UPDATE stage_triggers SET shown_wall = clock_timestamp() WHERE id = ANY(%(ids)s)

-- name: tally
-- How many would get each step, and how many not for which reason; nothing written.
{{candidates}}
SELECT
    step,
    CASE WHEN reason IS NULL THEN CASE WHEN send_at > from_at THEN 'deferred' ELSE 'send' END ELSE reason END AS outcome,
    count(*) AS members
FROM gated
GROUP BY step, outcome
UNION ALL
SELECT NULL, 'already', count(*) FROM audience WHERE already AND due_at <= %(due_by)s
ORDER BY step, outcome

-- name: coming
-- The next intent of each step that is not due now, as the audience will name it. Gates are not read: nothing refers to
-- them here.
{{candidates}}
SELECT DISTINCT ON (step)
    member_id, chat_id, stage, step, occurrence, due_at, expires_at, promotional, exempt, goals, goal_since_at, lane,
    barred, variant
FROM candidates
WHERE due_at > %(now_at)s
ORDER BY step, due_at

-- name: ahead
-- What is still to come for who is half-way, if nothing else happens: how many of them by step.
{{candidates}}
SELECT a.step, count(DISTINCT a.member_id) AS members
FROM audience a
WHERE a.due_at > %(now_at)s AND EXISTS (
    SELECT FROM messages o
    WHERE o.member_id = a.member_id AND o.stage = %(stage)s AND o.occurrence = a.occurrence
)
GROUP BY a.step

-- name: named
-- Whom the audience names, whatever the gates say: what staff are to do, they do.
{{candidates}}
SELECT member_id, step AS kind, occurrence, context ->> 'consultant' AS note FROM audience
