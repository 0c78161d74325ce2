-- name: hold_terms
-- A command in the middle of a grant would still record what the member reached; the next one finds no member. The lock
-- is that of `take_turns`.
SELECT pg_advisory_xact_lock(hashtextextended('terms', 0))

-- name: had_terms
-- Of what is had once; what was revoked does not count.
SELECT DISTINCT plan FROM terms
WHERE member_id = %(id)s AND revoked_at IS NULL AND (trial OR plan = ANY (%(once)s::text[]))

-- name: export_terms
SELECT
    id, plan, trial, starts_at, ends_at, cancelled_at, revoked_at, changed_at, source, granted_by, note, paid_minor,
    currency
FROM terms WHERE member_id = %(id)s ORDER BY starts_at, id

-- name: erase_terms
DELETE FROM terms WHERE member_id = %(id)s

-- name: export_entry_links
SELECT id, group_id, name, invite_link, given_at, used_at, revoked_at FROM entry_links
WHERE member_id = %(id)s ORDER BY id

-- name: erase_entry_links
-- Nobody is to come in by it; whoever closes revoked links at Telegram still has to.
UPDATE entry_links SET member_id = NULL, revoked_at = coalesce(revoked_at, given_at) WHERE member_id = %(id)s

-- name: export_removals
SELECT group_id, term_id, due_at, state, why, decided_at FROM removals WHERE member_id = %(id)s ORDER BY id

-- name: erase_removals
DELETE FROM removals WHERE member_id = %(id)s
