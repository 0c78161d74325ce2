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

-- name: candidates
-- Everyone the audience names, with the flags of their step, less those who have their message (of any state), or wait
-- for one in a proposal that nobody has decided.
WITH steps AS (
    SELECT step, moment, who, string_to_array(plans, ',') AS plans, day, local_time, after, every, expires_after,
        promotional, exempt, skip_late, collapse, lane, offer, prefix, name, template, own_time, experiment, variant,
        low, high, place
    FROM unnest(
        %(step)s::text[], %(moment)s::text[], %(who)s::text[], %(plans)s::text[], %(day)s::int[],
        %(local_time)s::time[], %(after)s::interval[], %(every)s::interval[], %(expires_after)s::interval[],
        %(promotional)s::boolean[], %(exempt)s::boolean[], %(skip_late)s::boolean[], %(collapse)s::boolean[],
        %(lane)s::smallint[], %(offer)s::text[], %(prefix)s::text[], %(name)s::text[], %(template)s::text[],
        %(own_time)s::time[], %(experiment)s::text[], %(variant)s::text[], %(low)s::int[], %(high)s::int[]
    ) WITH ORDINALITY AS s (
        step, moment, who, plans, day, local_time, after, every, expires_after, promotional, exempt, skip_late,
        collapse, lane, offer, prefix, name, template, own_time, experiment, variant, low, high, place
    )
),
audience AS MATERIALIZED (
    SELECT
        a.*,
        {{newest}} AS newest_at,
        EXISTS (
            SELECT FROM messages o
            WHERE o.member_id = a.member_id AND o.stage = %(stage)s AND o.step = a.step AND o.occurrence = a.occurrence
        ) {{proposed}} AS already
    FROM (
        {{audience}}
    ) AS a
    {{window}}
),
candidates AS (
    SELECT
        s.place AS key,
        a.member_id, NULL::bigint AS chat_id, %(stage)s::text AS stage, a.step, a.occurrence, a.due_at,
        -- A step that is to be skipped when late has expired as soon as a run has missed it.
        CASE WHEN s.skip_late AND a.due_at <= %(run_before)s THEN a.due_at ELSE a.expires_at END AS expires_at,
        CASE WHEN s.offer IS NULL THEN a.context ELSE a.context || jsonb_build_object(
            'coupon',
            s.prefix || '-' || upper(left(
                md5(concat_ws(':', %(salt)s::text, s.offer, a.member_id, a.occurrence)), 12
            ))
        ) END AS context,
        s.lane, s.lane AS reserve_lane, s.promotional, s.exempt, a.goals, a.since_at AS goal_since_at, s.template,
        {{variant}} AS variant,
        coalesce(
            a.barred,
            {{added}},
            CASE WHEN s.collapse AND a.due_at <= %(run_before)s AND a.due_at < a.newest_at THEN 'collapsed' END
        ) AS barred
    FROM audience a
    JOIN steps s {{of_step}}
    WHERE NOT a.already AND a.due_at <= %(due_by)s
),
{{gated}}

-- name: varied
-- A step with an experiment is a row of `steps` for each variant, and the audience names a member for all of them: kept is
-- the one whose share their lot falls into. Once the experiment is over that is the winner for everybody, or the first.
SELECT
    v.member_id, s.name AS step, v.occurrence, v.due_at, v.expires_at, v.since_at, v.goals, v.barred, v.context,
    s.place, CASE WHEN e.key IS NULL THEN s.experiment || ':' || s.variant END AS variant
FROM (
    {{audience}}
) AS v
JOIN steps s ON s.step = v.step
LEFT JOIN v_experiments e ON e.key = s.experiment AND e.state IN ('applied', 'ended')
WHERE CASE
    WHEN s.variant IS NULL THEN true
    WHEN e.key IS NULL THEN
        ('x' || left(md5(s.experiment || ':' || v.member_id), 8))::bit(32)::bigint %% 10000 BETWEEN s.low AND s.high - 1
    WHEN EXISTS (SELECT FROM steps o WHERE o.experiment = s.experiment AND o.variant = e.winner) THEN
        s.variant = e.winner
    ELSE s.low = 0
END

-- name: segmented
-- Steps that are for segments name whom the last count of payers put into one of them, and nobody else.
SELECT o.* FROM ({{audience}}) AS o
WHERE o.step <> ALL (%(segmented)s::text[]) OR EXISTS (
    SELECT FROM v_member_values v
    JOIN unnest(%(segmented)s::text[], %(segment)s::text[]) AS s (step, segment) USING (segment)
    WHERE v.member_id = o.member_id AND s.step = o.step
)

-- name: segment_of
SELECT segment FROM v_member_values WHERE member_id = %(member_id)s

-- name: newest
-- The newest step that is due for the same reason to write, whether or not it was planned.
max(a.due_at) FILTER (WHERE a.due_at <= %(now_at)s) OVER (PARTITION BY a.member_id, a.occurrence)

-- name: follows
-- While older versions are in flight: members whose occurrence was begun by one of them, or by none of them.
SELECT v.*
FROM (
    {{audience}}
) AS v
WHERE coalesce(
    (
        SELECT o.bundle FROM messages o
        WHERE o.member_id = v.member_id AND o.stage = %(stage)s AND o.occurrence = v.occurrence
        ORDER BY o.planned_at, o.id LIMIT 1
    ), ''
) {{them}}

-- name: followed
= ANY (%(followed)s::text[])

-- name: older
<> ALL (%(older)s::text[])

-- name: added
-- Steps that a newer version brought, which may be old ones by another name. A version of Tuesday 12:00 has `gift` on
-- Tuesday at 10:00, which the one before had not. What tells is the member's next message of the occurrence, wanted on
-- Tuesday at 10:00 or later:
--   `hello`, Tuesday 11:00, planned before the version: they were past the place of `gift` when it came. Not sent.
--   `bonus`, Tuesday 10:00, of a step that is no more, whenever it was planned: that was `gift` by its old name. Not sent.
--   `bonus`, dropped with its step ('superseded'): they had nothing instead. Sent.
--   `later`, Wednesday, by this version or a newer one, and no more since: beside it there was `gift`, held back by a
--     cap. It was no other name, and does not count. Sent.
--   None, or one of a step that there is, planned after the version or wanted after it came. Sent.
CASE WHEN EXISTS (
    SELECT FROM unnest(%(added)s::text[], %(added_at)s::timestamptz[]) AS n (step, at)
    CROSS JOIN LATERAL (
        SELECT o.reason FROM messages o
        WHERE o.member_id = a.member_id AND o.stage = %(stage)s AND o.occurrence = a.occurrence
            AND o.wanted_at >= a.due_at
            AND (
                (o.planned_at < n.at AND o.wanted_at <= n.at)
                OR (o.step <> ALL (%(name)s::text[]) AND NOT EXISTS (
                    SELECT FROM stage_versions v
                    WHERE v.stage = %(stage)s AND v.bundle = o.bundle AND v.since_at >= n.at
                ))
            )
        ORDER BY o.wanted_at, o.reason IS NOT DISTINCT FROM 'superseded'
        LIMIT 1
    ) AS next
    WHERE n.step = a.step AND next.reason IS DISTINCT FROM 'superseded'
) {{awaited}} THEN 'superseded' END

-- name: awaited
-- Or a proposal of a version before may still bring it by its old name.
OR EXISTS (
    SELECT FROM unnest(%(added)s::text[], %(added_at)s::timestamptz[]) AS n (step, at)
    JOIN plan_rows r ON r.plan_id = ANY (%(open)s::bigint[]) AND r.member_id = a.member_id
    JOIN plans p ON p.id = r.plan_id
    WHERE n.step = a.step AND r.occurrence = a.occurrence AND r.reason IS NULL AND r.due_at >= a.due_at
        AND r.step <> ALL (%(name)s::text[]) AND NOT EXISTS (
            SELECT FROM stage_versions v
            WHERE v.stage = %(stage)s AND v.bundle = coalesce(r.bundle, p.bundle) AND v.since_at >= n.at
        )
)

-- name: window
WHERE a.due_at >= %(due_from)s AND a.due_at <= %(due_until)s

-- name: proposed
OR EXISTS (
    SELECT FROM plan_rows r
    WHERE r.plan_id = ANY (%(open)s::bigint[]) AND r.member_id = a.member_id AND r.step = a.step
        AND r.occurrence = a.occurrence AND r.reason IS NULL
)

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

-- name: recorded_decisions
-- The last one of each intent: it held until another was written, as an unchanged answer is not written again.
SELECT DISTINCT ON (d.step, d.occurrence)
    d.step, d.occurrence, d.reason, d.due_at, d.gates, d.at, d.plan_id, p.bundle
FROM decisions d
LEFT JOIN plans p ON p.id = d.plan_id
WHERE d.member_id = %(member_id)s AND d.stage = %(stage)s AND d.at <= %(now_at)s
ORDER BY d.step, d.occurrence, d.at DESC, d.id DESC

-- name: messages_of_member
SELECT
    id, step, occurrence, state, reason, due_at, sent_at, planned_at, bundle, plan_id, variant,
    member_id, chat_id, stage, lane, promotional, exempt, goals, goal_since_at, expires_at, wanted_at, late_s
FROM messages
WHERE member_id = %(member_id)s AND stage = %(stage)s
ORDER BY due_at, id

-- name: proposals_of_member
-- What waits in proposals of the stage: by the partial index of open plans, and the member's frozen rows.
SELECT r.step, r.occurrence, r.due_at, r.variant, p.id AS plan_id, p.hash, p.kind, p.state, p.decide_by_at
FROM plans p
JOIN plan_rows r ON r.plan_id = p.id
WHERE p.stage = %(stage)s AND p.state IN ('proposed', 'approved')
    AND r.member_id = %(member_id)s AND r.reason IS NULL AND r.outcome IS NULL
ORDER BY p.kind DESC, p.id

-- name: promised
-- What goes before a message of that lane, as the caps count it: one range of messages_cap.
SELECT id, stage, step, due_at FROM messages
WHERE member_id = %(member_id)s AND counts_at > %(send_at)s::timestamptz - interval '7 days'
    AND counts_at < %(send_at)s::timestamptz + interval '7 days'
    AND state = 'waiting' AND lane <= %(reserve_lane)s AND id <> %(key)s
ORDER BY lane, due_at
LIMIT 5

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

-- name: outcome
-- What was planned ahead of its time and waits for it has that for a reason.
SELECT
    step, state,
    CASE WHEN state = 'waiting' AND reason IS NULL AND due_at > planned_at THEN 'ahead' ELSE reason END AS reason,
    count(*) AS messages
FROM messages WHERE plan_id = %(plan_id)s
GROUP BY 1, 2, 3

-- name: outcome_of_occurrences
-- By the plans of that time: messages are found by their member or their plan, not by their occurrence.
SELECT m.step, m.state, count(DISTINCT m.member_id) AS members
FROM plans p
JOIN messages m ON m.plan_id = p.id
WHERE p.stage = %(stage)s AND p.as_of_at >= %(since)s AND p.as_of_at <= %(until)s
    AND m.occurrence = ANY (%(occurrences)s::text[])
GROUP BY m.step, m.state

-- name: outcome_of_day
SELECT o.step, o.state, o.reason, count(*) AS messages
FROM plan_rows r
JOIN messages o USING (plan_id, member_id, step, occurrence)
WHERE r.plan_id = %(plan_id)s AND r.on_day = %(day)s
GROUP BY 1, 2, 3

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

-- name: looks
-- The audience as it will be seen from each of several moments.
SELECT a.*
FROM unnest(%(looks)s::timestamptz[]) AS looks (at)
CROSS JOIN LATERAL (
    {{audience}}
) AS a

-- name: named
-- Whom the audience names, whatever the gates say: what staff are to do, they do.
{{candidates}}
SELECT member_id, step AS kind, occurrence, context ->> 'consultant' AS note FROM audience

-- name: judge
-- The gates of one intent that is not among a plan's candidates: one that waits in the outbox, or is not due yet.
WITH candidates AS (
    SELECT
        %(key)s::bigint AS key, %(member_id)s::bigint AS member_id, %(chat_id)s::bigint AS chat_id,
        %(stage)s::text AS stage, %(due_at)s::timestamptz AS due_at, %(expires_at)s::timestamptz AS expires_at,
        %(promotional)s::boolean AS promotional, %(exempt)s::boolean AS exempt, %(goals)s::text[] AS goals,
        %(goal_since_at)s::timestamptz AS goal_since_at, %(reserve_lane)s::smallint AS reserve_lane,
        %(barred)s::text AS barred
),
{{gated}}
SELECT reason, from_at, send_at, {{gate_values}} AS gates FROM gated

-- name: last_plans
-- One probe of plans_stage for each stage. What a publication planned anew is no run of it.
SELECT p.stage, p.as_of_at, p.planned_wall, p.counts
FROM unnest(%(stages)s::text[]) WITH ORDINALITY AS s (stage, place)
CROSS JOIN LATERAL (
    SELECT * FROM plans WHERE stage = s.stage AND NOT jsonb_exists(counts, 'no_run')
    ORDER BY as_of_at DESC, id DESC LIMIT 1
) AS p
ORDER BY s.place
