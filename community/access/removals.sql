-- name: propose
-- Who is in a group that plans open and holds none of them any more, once the last one's grace is over. Groups are few
-- and their holders' terms are reached by member; staff, who are in the staff chat, are passed over.
-- What was decided stands until something is new: the end was changed, of whom Telegram said that they are not to be
-- removed it is asked again a day later, who was removed has come in again.
WITH opens AS MATERIALIZED (
    SELECT * FROM unnest(%(group_ids)s::bigint[], %(plans)s::text[], %(graces)s::interval[]) AS o (group_id, plan, grace)
),
ended AS (
    SELECT s.member_id, s.group_id, s.joined_at, l.term_id, l.due_at, l.changed_at
    FROM v_memberships s
    CROSS JOIN LATERAL (
        SELECT
            t.id AS term_id, least(t.ends_at, t.revoked_at) + o.grace AS due_at,
            greatest(t.changed_at, t.revoked_at) AS changed_at
        FROM terms t
        JOIN opens o ON o.plan = t.plan AND o.group_id = s.group_id
        WHERE t.member_id = s.member_id AND least(t.ends_at, t.revoked_at) <= %(at)s
        ORDER BY due_at DESC, t.id DESC
        LIMIT 1
    ) AS l
    WHERE s.present AND s.group_id = ANY (%(group_ids)s::bigint[])
        AND (%(member_id)s::bigint IS NULL OR s.member_id = %(member_id)s)
        AND l.due_at <= %(at)s
        AND NOT EXISTS (
            SELECT FROM terms t
            JOIN opens o ON o.plan = t.plan AND o.group_id = s.group_id
            WHERE t.member_id = s.member_id AND t.revoked_at IS NULL
                AND (t.ends_at IS NULL OR t.ends_at > %(at)s)
        )
        AND NOT EXISTS (
            SELECT FROM v_memberships w
            JOIN v_groups g ON g.id = w.group_id
            WHERE w.member_id = s.member_id AND w.present AND g.chat_id = %(staff_chat)s
        )
)
INSERT INTO removals AS known (member_id, group_id, term_id, due_at, state)
SELECT e.member_id, e.group_id, e.term_id, e.due_at, 'proposed'
FROM ended e
LEFT JOIN removals r ON r.term_id = e.term_id AND r.group_id = e.group_id
WHERE CASE
    WHEN r.id IS NULL THEN true
    WHEN r.state = 'kept' AND r.decided_by IS NOT NULL THEN e.changed_at > r.decided_at
    WHEN r.state = 'kept' AND r.why IN ('administrator', 'staff', 'outside')
        THEN r.checked_at <= %(at)s - interval '1 day' OR e.joined_at > r.checked_at
    WHEN r.state = 'kept' THEN true
    WHEN r.state = 'failed' THEN r.checked_at <= %(at)s - interval '1 day'
    WHEN r.state = 'removed' THEN e.joined_at > r.checked_at
    ELSE false
END
ON CONFLICT ON CONSTRAINT removals_once DO UPDATE
SET due_at = excluded.due_at, state = 'proposed', why = '', checked_at = NULL, asked_at = NULL, decided_at = NULL, decided_by = NULL
WHERE known.state <> 'waiting'
RETURNING known.id

-- name: let_be
-- Nothing is left to do: they are outside, hold something again or did until lately, or no plan opens the group any more.
WITH opens AS MATERIALIZED (
    SELECT * FROM unnest(%(group_ids)s::bigint[], %(plans)s::text[], %(graces)s::interval[]) AS o (group_id, plan, grace)
),
judged AS (
    SELECT r.id, CASE
        WHEN r.group_id <> ALL (%(group_ids)s::bigint[]) THEN 'not_opened'
        WHEN NOT EXISTS (
            SELECT FROM v_memberships s WHERE s.member_id = r.member_id AND s.group_id = r.group_id AND s.present
        ) THEN 'outside'
        WHEN EXISTS (
            SELECT FROM terms t
            JOIN opens o ON o.plan = t.plan AND o.group_id = r.group_id
            WHERE t.member_id = r.member_id
                AND coalesce(least(t.ends_at, t.revoked_at), 'infinity') + o.grace > %(at)s
        ) THEN 'holds'
    END AS why
    FROM removals r
    WHERE r.state IN ('proposed', 'approved')
)
UPDATE removals r SET state = 'kept', why = j.why, checked_at = %(at)s, decided_at = NULL, decided_by = NULL
FROM judged j
WHERE r.id = j.id AND j.why IS NOT NULL AND r.state IN ('proposed', 'approved')
RETURNING r.id

-- name: listed
-- Open ones, those first that are due longest.
SELECT r.*, g.title, g.chat_id, m.telegram_id, m.first_name, m.last_name, m.username, t.plan
FROM removals r
JOIN v_groups g ON g.id = r.group_id
JOIN v_members m ON m.id = r.member_id
LEFT JOIN terms t ON t.id = r.term_id
WHERE r.state = ANY (%(states)s::text[])
ORDER BY r.due_at, r.id

-- name: states
SELECT state, count(*) AS removals FROM removals WHERE id = ANY (%(ids)s::bigint[]) GROUP BY state

-- name: outcomes
SELECT id, state, why FROM removals WHERE id = ANY (%(ids)s::bigint[])

-- name: taken
-- Of the last 24 hours, those that nobody had to approve.
SELECT count(*) AS removals FROM removals
WHERE state IN ('waiting', 'removed') AND decided_by IS NULL AND checked_at > %(at)s - interval '1 day'

-- name: begin
-- The re-check right before: under the lock of whoever changes the member's terms. The grace is that of what they held
-- last, which may be newer than the removal.
UPDATE removals r SET state = 'waiting', why = '', checked_at = %(at)s
FROM v_groups g, v_members m
WHERE r.id = %(id)s AND r.state IN ('proposed', 'approved') AND g.id = r.group_id AND m.id = r.member_id
    AND r.due_at <= %(at)s
    AND EXISTS (
        SELECT FROM v_memberships s WHERE s.member_id = r.member_id AND s.group_id = r.group_id AND s.present
    )
    AND NOT EXISTS (
        SELECT FROM terms t
        JOIN unnest(%(plans)s::text[], %(graces)s::interval[]) AS o (plan, grace) ON o.plan = t.plan
        WHERE t.member_id = r.member_id AND coalesce(least(t.ends_at, t.revoked_at), 'infinity') + o.grace > %(at)s
    )
RETURNING r.*, g.chat_id, m.telegram_id

-- name: waiting
SELECT r.*, g.title, m.telegram_id FROM removals r
JOIN v_groups g ON g.id = r.group_id
JOIN v_members m ON m.id = r.member_id
WHERE r.state = 'waiting'
    AND (%(member_ids)s::bigint[] IS NULL OR r.member_id = ANY (%(member_ids)s))
    AND (%(group_id)s::bigint IS NULL OR r.group_id = %(group_id)s)
ORDER BY r.id

-- name: calls
-- What became of the calls, which are messages without a member.
SELECT occurrence, state, reason FROM v_messages
WHERE member_id IS NULL AND stage = 'access' AND step = 'remove' AND occurrence = ANY (%(occurrences)s::text[])

-- name: stayed
-- By our record they have been inside since before the call; who is by a later entry has come back already.
SELECT FROM v_memberships
WHERE member_id = %(member_id)s AND group_id = %(group_id)s AND present AND joined_at <= %(checked_at)s

-- name: back
-- Looked at again by the next run; a word that was given stands.
UPDATE removals SET state = CASE WHEN decided_by IS NULL THEN 'proposed' ELSE 'approved' END, why = %(why)s
WHERE id = ANY (%(ids)s::bigint[]) AND state = 'waiting'

-- name: changed
-- What was found or decided was about other terms; one whose call is on its way keeps nobody's word.
UPDATE removals SET
    state = CASE WHEN state = 'waiting' AND id <> ALL (%(withdrawn)s::bigint[]) THEN state ELSE 'kept' END,
    why = CASE WHEN state = 'waiting' AND id <> ALL (%(withdrawn)s::bigint[]) THEN why ELSE 'changed' END,
    decided_at = NULL, decided_by = NULL, asked_at = NULL
WHERE member_id = ANY (%(member_ids)s::bigint[]) AND state IN ('proposed', 'approved', 'waiting')

-- name: end
UPDATE removals SET
    state = %(state)s, why = %(why)s, decided_at = coalesce(decided_at, %(at)s),
    checked_at = CASE WHEN %(state)s = 'removed' THEN checked_at ELSE %(at)s END
WHERE id = %(id)s AND state IN ('proposed', 'approved', 'waiting')
RETURNING id

-- name: asked
UPDATE removals SET asked_at = coalesce(asked_at, %(at)s) WHERE id = ANY (%(ids)s::bigint[])

-- name: decide
-- By staff: those they had been asked about by then, or these alone, on which they may change their mind.
UPDATE removals SET
    state = %(state)s, why = CASE WHEN %(state)s = 'kept' THEN 'decided' ELSE '' END, decided_at = %(at)s,
    decided_by = %(by)s
WHERE CASE
    WHEN %(ids)s::bigint[] IS NULL THEN asked_at <= %(asked_by)s AND state IN ('proposed', 'approved')
    ELSE id = ANY (%(ids)s) AND (state IN ('proposed', 'approved') OR (state = 'kept' AND decided_by IS NOT NULL))
END
RETURNING member_id

-- name: close_links
-- Nobody comes in by them any more.
UPDATE entry_links SET revoked_at = %(at)s
WHERE member_id = %(member_id)s AND group_id = %(group_id)s AND revoked_at IS NULL
