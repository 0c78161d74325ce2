-- name: take_all_turns
-- The lock that `take_turns` shares.
SELECT pg_advisory_xact_lock(hashtextextended('terms', 0))

-- name: members
SELECT telegram_id, id FROM v_members WHERE telegram_id = ANY (%(telegram_ids)s::bigint[])

-- name: in_the_way
-- Terms that have a moment in common with one of the list; `same`: it is the one of the list, and no other payment's.
SELECT
    l.number, t.id, t.plan, t.starts_at, t.ends_at,
    t.plan = l.plan AND t.starts_at = l.starts_at AND t.ends_at IS NOT DISTINCT FROM l.ends_at
        AND (l.source = 'list' OR t.source IN ('list', 'staff') OR (t.source = l.source AND t.granted_by = l.by)) AS same
FROM unnest(
    %(number)s::int[], %(member_id)s::bigint[], %(plan)s::text[], %(line)s::text[], %(starts_at)s::timestamptz[],
    %(ends_at)s::timestamptz[], %(source)s::text[], %(by)s::text[]
) AS l (number, member_id, plan, line, starts_at, ends_at, source, by)
JOIN terms t ON t.member_id = l.member_id AND t.line = l.line AND t.revoked_at IS NULL
    AND tstzrange(t.starts_at, t.ends_at) && tstzrange(l.starts_at, l.ends_at)
ORDER BY l.number, t.id

-- name: add_listed
INSERT INTO terms (
    member_id, plan, line, trial, starts_at, ends_at, counted_from_at, changed_at, source, granted_by, note, paid_minor,
    currency
)
SELECT
    member_id, plan, line, trial, starts_at, ends_at, starts_at, %(at)s, source, by, %(note)s, paid_minor, currency
FROM unnest(
    %(member_id)s::bigint[], %(plan)s::text[], %(line)s::text[], %(trial)s::boolean[], %(starts_at)s::timestamptz[],
    %(ends_at)s::timestamptz[], %(paid_minor)s::bigint[], %(currency)s::text[], %(source)s::text[], %(by)s::text[]
) AS l (member_id, plan, line, trial, starts_at, ends_at, paid_minor, currency, source, by)
RETURNING *

-- name: adopt
-- Those that had no payment before, and of which no purchase is known, are returned. Who granted it stays in its note.
WITH adopted AS (
    UPDATE terms t
    SET
        source = l.source, granted_by = l.by, paid_minor = l.paid_minor, currency = l.currency,
        note = concat_ws('; ', nullif(t.note, ''), format('granted by %%s (%%s) before', t.granted_by, t.source))
    FROM unnest(
        %(id)s::bigint[], %(paid_minor)s::bigint[], %(currency)s::text[], %(source)s::text[], %(by)s::text[]
    ) AS l (id, paid_minor, currency, source, by)
    WHERE t.id = l.id AND t.source IN ('list', 'staff')
    RETURNING t.*
)
SELECT a.* FROM adopted a
JOIN terms former ON former.id = a.id
WHERE coalesce(former.paid_minor, 0) = 0

-- name: followed
-- Whose end matters no more, as a term that was just added runs on.
SELECT DISTINCT t.* FROM terms n
JOIN terms t ON t.member_id = n.member_id AND t.line = n.line AND t.id <> n.id AND t.revoked_at IS NULL
    AND t.ends_at >= n.starts_at AND (n.ends_at IS NULL OR t.ends_at < n.ends_at)
WHERE n.id = ANY (%(ids)s)
