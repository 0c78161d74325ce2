-- name: propose
INSERT INTO plans (stage, kind, as_of_at, since_at, planned_wall, state, bundle, decide_by_at, run_id)
VALUES (
    %(stage)s, %(kind)s, %(until)s, %(since)s, clock_timestamp(), 'proposed', %(bundle)s, %(decide_by)s, %(run_id)s
)
RETURNING id

-- name: collapse
-- Of several that are late for the same reason to write only the newest is sent, whichever days they are of.
UPDATE plan_rows r SET reason = 'collapsed'
FROM (
    SELECT number, step, due_at, max(due_at) FILTER (WHERE due_at <= %(now_at)s) OVER (PARTITION BY member_id, occurrence)
        AS newest_at
    FROM plan_rows WHERE plan_id = %(plan_id)s
) AS o
WHERE r.plan_id = %(plan_id)s AND r.number = o.number AND r.reason IS NULL
    AND o.step = ANY (%(collapsing)s) AND o.due_at <= %(run_before)s AND o.due_at < o.newest_at

-- name: judge_rows
-- Once over all that is frozen, so that the caps see a member's messages together, whichever days they are of.
WITH candidates AS (
    SELECT
        number AS key, member_id, NULL::bigint AS chat_id, %(stage)s::text AS stage, due_at, expires_at, promotional,
        exempt, goals, goal_since_at, lane AS reserve_lane, coalesce(reason, {{left}}) AS barred
    FROM plan_rows r WHERE plan_id = %(plan_id)s
),
{{gated}}
-- Rows in whose way nothing stands are left as they are: of 700,000 those are most.
UPDATE plan_rows r SET reason = g.reason, send_at = g.send_at, gates = g.values
FROM (
    SELECT key, reason, send_at, CASE WHEN reason IS NOT NULL THEN {{gate_values}} END AS values FROM gated
    WHERE reason IS NOT NULL OR send_at > from_at
) AS g
WHERE r.plan_id = %(plan_id)s AND r.number = g.key

-- name: left
-- Out of the last group, nothing is sent that was planned before.
CASE
    WHEN NOT r.exempt AND (SELECT left_at FROM v_members WHERE id = r.member_id)
        >= (SELECT as_of_at FROM plans WHERE id = %(plan_id)s)
        THEN 'left'
END

-- name: fingerprint
-- Of the rows in whatever order, in constant memory; two rows cannot be alike, as an intent is there once.
SELECT
    count(*) AS rows,
    coalesce(bit_xor(
        hashtextextended(concat_ws('|', member_id, step, occurrence, variant, bundle, coalesce(reason, 'send')), 0)
    ), 0) AS digest
FROM plan_rows WHERE plan_id = %(plan_id)s

-- name: sum_up
SELECT on_day, step, coalesce(reason, CASE WHEN send_at > due_at AND send_at > %(now_at)s THEN 'deferred' ELSE 'send' END)
    AS outcome, count(*) AS members
FROM plan_rows WHERE plan_id = %(plan_id)s
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

-- name: close_proposal
UPDATE plans SET counts = %(counts)s, hash = %(hash)s WHERE id = %(plan_id)s
RETURNING *

-- name: proposal
SELECT * FROM plans WHERE id = %(id)s

-- name: proposal_by_hash
SELECT * FROM plans WHERE hash LIKE %(hash)s || '%%' AND kind <> 'run' ORDER BY id DESC LIMIT 2

-- name: proposal_of_run
SELECT * FROM plans WHERE run_id = %(run_id)s ORDER BY id DESC LIMIT 1

-- name: proposals
-- Over the partial index of what is open.
SELECT * FROM plans WHERE state IN ('proposed', 'approved') ORDER BY id DESC LIMIT %(limit)s

-- name: backfills
-- Over the partial index of hashes: plans that are no proposals have none.
SELECT * FROM plans WHERE hash IS NOT NULL AND kind = 'backfill' ORDER BY id DESC LIMIT %(limit)s

-- name: waiting_runs
-- Over the partial index of what is open.
SELECT * FROM plans WHERE state = 'proposed' AND kind <> 'run' AND run_id IS NOT NULL ORDER BY id

-- name: decided_lately
-- Over the partial index of runs: few plans have one. What is approved is executed first.
SELECT * FROM plans
WHERE run_id IS NOT NULL AND kind <> 'run' AND decided_at > %(since)s AND state <> 'approved'
ORDER BY id

-- name: decide
-- The first word counts: whoever comes later finds it decided. A word that comes too late is none.
UPDATE plans
SET
    state = CASE WHEN %(decision)s = 'cancel' THEN 'refused' ELSE 'approved' END,
    decision = %(decision)s, decided_at = %(at)s, decided_by = %(by)s, decided_how = %(how)s, note = %(note)s
WHERE id = %(id)s AND state = 'proposed' AND kind <> 'run' AND decide_by_at > %(at)s
RETURNING *

-- name: lapse
UPDATE plans
SET
    state = 'refused', decision = 'cancel', decided_at = %(at)s, decided_by = NULL, decided_how = 'timeout',
    note = 'no answer in time'
WHERE state = 'proposed' AND kind <> 'run' AND decide_by_at <= %(at)s
RETURNING *

-- name: give_up
-- It cannot be executed any more, whatever was decided.
UPDATE plans SET state = 'refused', note = concat_ws('; ', nullif(note, ''), %(why)s::text)
WHERE id = %(id)s AND state = 'approved'
RETURNING *

-- name: approved
SELECT id, bundle FROM plans WHERE state = 'approved' ORDER BY id

-- name: take_approved
-- One process executes a proposal; another one that comes at the same time leaves it alone.
SELECT * FROM plans WHERE state = 'approved' AND id = %(id)s FOR UPDATE SKIP LOCKED

-- name: execute
-- What was frozen, less what has its message by now, less what the guardrails stop now. Never anything else.
WITH candidates AS (
    SELECT
        r.number AS key, r.member_id, NULL::bigint AS chat_id, %(stage)s::text AS stage, r.step, r.occurrence, r.due_at,
        r.expires_at, r.promotional, r.exempt, r.goals, r.goal_since_at, r.lane, r.lane AS reserve_lane, r.context,
        r.template, r.variant, coalesce(r.bundle, %(bundle)s) AS bundle, {{left}} AS barred
    FROM plan_rows r
    WHERE r.plan_id = %(plan_id)s AND r.reason IS NULL AND r.outcome IS NULL
        {{part}}
),
{{gated}},
added AS (
    INSERT INTO messages (
        bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, exempt, goals, goal_since_at,
        template, variant, context, bundle, plan_id, planned_at, wanted_at, due_at, late_s, expires_at, reason
    )
    SELECT
        %(bot_id)s, member_id, telegram_id, lane, stage, step, occurrence, promotional, exempt, goals, goal_since_at,
        template, variant, context, bundle, %(plan_id)s, %(now_at)s, due_at, send_at,
        extract(epoch FROM from_at - due_at), expires_at, CASE WHEN send_at > from_at THEN 'quiet_hours' END
    FROM gated
    WHERE reason IS NULL
    ON CONFLICT ON CONSTRAINT messages_intent DO NOTHING
    RETURNING member_id, step, occurrence
),
decided AS (
    INSERT INTO decisions (at, plan_id, member_id, stage, step, occurrence, reason, due_at, gates)
    SELECT
        %(now_at)s, %(plan_id)s, g.member_id, g.stage, g.step, g.occurrence, g.reason, g.due_at, {{gate_values}}
    FROM gated g
    WHERE g.reason IS NOT NULL
)
UPDATE plan_rows r
SET outcome = CASE
    WHEN g.reason IS NOT NULL THEN g.reason
    WHEN EXISTS (
        SELECT FROM added a WHERE a.member_id = g.member_id AND a.step = g.step AND a.occurrence = g.occurrence
    ) THEN 'sent'
    ELSE 'already'
END
FROM gated g
WHERE r.plan_id = %(plan_id)s AND r.number = g.key

-- name: part
-- The next share of the members, drawn by lot, at least one; each with all that is theirs, as the caps see it together.
AND r.member_id IN (
    SELECT member_id FROM plan_rows
    WHERE plan_id = %(plan_id)s AND reason IS NULL AND outcome IS NULL
    GROUP BY member_id
    ORDER BY md5(%(plan_id)s || ':' || member_id)
    LIMIT greatest(1, ceil(%(share)s * (
        SELECT count(DISTINCT member_id) FROM plan_rows WHERE plan_id = %(plan_id)s AND reason IS NULL
    )))
)

-- name: outcomes
SELECT on_day, step, outcome, count(*) AS members FROM plan_rows
WHERE plan_id = %(plan_id)s AND reason IS NULL
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3

-- name: executed
UPDATE plans
SET
    state = %(state)s,
    counts = counts || jsonb_build_object('outcome', %(outcome)s::jsonb),
    decision = CASE WHEN %(state)s = 'proposed' THEN NULL ELSE decision END,
    decide_by_at = CASE WHEN %(state)s = 'proposed' THEN %(decide_by)s ELSE decide_by_at END
WHERE id = %(plan_id)s
RETURNING *

-- name: refuse_rows
-- Somebody decided that these are not sent: the same is not proposed again an hour later.
INSERT INTO messages (
    bot_id, member_id, chat_id, lane, stage, step, occurrence, promotional, exempt, template, variant, bundle, plan_id,
    planned_at, wanted_at, due_at, expires_at, state, reason, settled_wall
)
SELECT
    %(bot_id)s, r.member_id, m.telegram_id, r.lane, %(stage)s, r.step, r.occurrence, r.promotional, r.exempt,
    r.template, r.variant, coalesce(r.bundle, %(bundle)s), %(plan_id)s, %(now_at)s, r.due_at, r.due_at, r.expires_at,
    'cancelled', 'refused', clock_timestamp()
FROM plan_rows r
JOIN v_members m ON m.id = r.member_id
WHERE r.plan_id = %(plan_id)s AND r.reason IS NULL AND r.outcome IS NULL
ON CONFLICT ON CONSTRAINT messages_intent DO NOTHING

-- name: sample
-- A few of each step, the same ones however often one looks.
SELECT
    s.member_id, m.telegram_id AS chat_id, s.step, s.occurrence, s.due_at, s.send_at, s.context,
    s.template, s.variant, coalesce(s.bundle, p.bundle) AS bundle, m.first_name, m.last_name, m.username, m.locale, m.group_title, m.zone
FROM (
    SELECT r.*, row_number() OVER (PARTITION BY step ORDER BY number) AS place
    FROM plan_rows r WHERE plan_id = %(plan_id)s AND reason IS NULL
) AS s
JOIN plans p ON p.id = s.plan_id
JOIN v_members m ON m.id = s.member_id
WHERE s.place <= %(each)s
ORDER BY s.step, s.place

-- name: versions_of
-- By which versions its messages are, besides its own.
SELECT DISTINCT bundle FROM plan_rows WHERE plan_id = %(plan_id)s AND bundle IS NOT NULL AND reason IS NULL

-- name: stopped
-- Whom the guardrails stopped since it was proposed, by reason.
SELECT member_id, step, occurrence, outcome AS reason FROM plan_rows
WHERE plan_id = %(plan_id)s AND outcome NOT IN ('sent', 'already')
ORDER BY outcome, member_id, step
LIMIT %(limit)s

-- name: forget_rows
DELETE FROM plan_rows WHERE (plan_id, number) IN (
    SELECT r.plan_id, r.number FROM plan_rows r JOIN plans p ON p.id = r.plan_id
    WHERE p.state IN ('executed', 'refused') AND p.planned_wall < clock_timestamp() - %(after)s::interval
    LIMIT %(batch)s
)
