-- name: take_turns
-- Who changes a member's terms waits for whoever else does: two grants at once would both continue the same term. The
-- shared lock keeps out what touches the terms of many.
SELECT
    pg_advisory_xact_lock_shared(hashtextextended('terms', 0)),
    pg_advisory_xact_lock(hashtextextended('terms:' || %(member_id)s::bigint, 0))

-- name: terms_of
SELECT * FROM terms WHERE member_id = %(member_id)s ORDER BY starts_at, id

-- name: term
SELECT * FROM terms WHERE id = %(id)s

-- name: current
SELECT * FROM terms
WHERE member_id = %(member_id)s AND line = %(line)s AND revoked_at IS NULL
    AND starts_at <= %(at)s AND (ends_at IS NULL OR ends_at > %(at)s)
ORDER BY ends_at DESC NULLS FIRST, id
LIMIT 1

-- name: add
INSERT INTO terms (
    member_id, plan, line, trial, starts_at, ends_at, counted_from_at, changed_at, source, granted_by, note, paid_minor,
    currency
)
VALUES (
    %(member_id)s, %(plan)s, %(line)s, %(trial)s, %(starts_at)s, %(ends_at)s, %(counted_from_at)s, %(at)s, %(source)s,
    %(by)s, %(note)s, %(paid_minor)s, %(currency)s
)
RETURNING *

-- name: set_end
UPDATE terms SET ends_at = %(ends_at)s, changed_at = %(at)s, note = concat_ws(E'\n', nullif(note, ''), %(entry)s::text)
WHERE id = %(id)s
RETURNING *

-- name: cancel
UPDATE terms SET cancelled_at = %(at)s, renews = false, note = concat_ws(E'\n', nullif(note, ''), %(entry)s::text)
WHERE id = %(id)s
RETURNING *

-- name: renew
UPDATE terms SET renews = true, cancelled_at = NULL, note = concat_ws(E'\n', nullif(note, ''), %(entry)s::text)
WHERE id = %(id)s
RETURNING *

-- name: stop_renewing
-- What is said of its end is said from now on.
UPDATE terms SET renews = false, changed_at = %(at)s, note = concat_ws(E'\n', nullif(note, ''), %(entry)s::text)
WHERE id = %(id)s
RETURNING *

-- name: revoke
UPDATE terms SET revoked_at = %(at)s, note = concat_ws(E'\n', nullif(note, ''), %(entry)s::text)
WHERE id = %(id)s
RETURNING *

-- name: move_up
UPDATE terms
SET starts_at = starts_at - %(by)s, ends_at = ends_at - %(by)s, counted_from_at = starts_at - %(by)s,
    changed_at = %(at)s, note = concat_ws(E'\n', nullif(note, ''), %(entry)s::text)
WHERE id = ANY (%(ids)s)
RETURNING *

-- name: matter_again
-- Their end had been overtaken; what is said of it counts anew from now.
UPDATE terms SET changed_at = %(at)s WHERE id = ANY (%(ids)s)
RETURNING *
