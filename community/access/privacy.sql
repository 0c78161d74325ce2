-- name: hold_terms
-- A command in the middle of a grant would still record what the member reached; the next one finds no member. The lock
-- is that of `take_turns`.
SELECT pg_advisory_xact_lock(hashtextextended('terms', 0))

-- name: export_terms
SELECT
    id, plan, trial, starts_at, ends_at, cancelled_at, revoked_at, changed_at, source, granted_by, note, paid_minor,
    currency
FROM terms WHERE member_id = %(id)s ORDER BY starts_at, id

-- name: erase_terms
DELETE FROM terms WHERE member_id = %(id)s
