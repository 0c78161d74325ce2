-- name: bring_in
-- Ordered by key, so that two batches that meet take their row locks in the same order.
INSERT INTO members (telegram_id, first_name, dm, first_seen_at)
SELECT telegram_id, name, CASE WHEN name = '' THEN 'gone' ELSE 'none' END, at
FROM unnest(%(telegram_id)s::bigint[], %(name)s::text[], %(at)s::timestamptz[]) AS n (telegram_id, name, at)
ORDER BY telegram_id
ON CONFLICT (telegram_id) DO UPDATE
SET first_name = CASE WHEN members.first_name = '' THEN excluded.first_name ELSE members.first_name END,
    dm = CASE WHEN members.dm = 'none' THEN excluded.dm ELSE members.dm END,
    first_seen_at = least(members.first_seen_at, excluded.first_seen_at)
RETURNING id, telegram_id, xmax = 0 AS is_new

-- name: settle_in
-- Yields when they entered of whom it was not known.
UPDATE members m
SET entered_at = coalesce(m.entered_at, s.joined_at),
    home_group_id = coalesce(m.home_group_id, %(group_id)s),
    left_at = CASE WHEN s.present THEN NULL ELSE s.left_at END
FROM (
    SELECT member_id, min(joined_at) AS joined_at, max(left_at) AS left_at, bool_or(present) AS present
    FROM v_memberships WHERE member_id = ANY (%(ids)s) AND joined_at IS NOT NULL
    GROUP BY member_id
) AS s
JOIN members was ON was.id = s.member_id
WHERE m.id = s.member_id
RETURNING CASE WHEN was.entered_at IS NULL THEN m.entered_at END AS entered_at

-- name: bring_in_listed
-- As they are now, with when those entered of whom it was not known.
WITH brought AS (
    INSERT INTO members AS known (
        telegram_id, username, first_name, last_name, locale, zone, first_seen_at, entered_at
    )
    SELECT
        telegram_id, username, coalesce(first_name, ''), coalesce(last_name, ''), locale, zone,
        least(joined_at, %(at)s), joined_at
    FROM unnest(
        %(telegram_id)s::bigint[], %(username)s::text[], %(first_name)s::text[], %(last_name)s::text[],
        %(locale)s::text[], %(zone)s::text[], %(joined_at)s::timestamptz[]
    ) AS l (telegram_id, username, first_name, last_name, locale, zone, joined_at)
    ORDER BY telegram_id
    ON CONFLICT (telegram_id) DO UPDATE
    SET username = coalesce(known.username, excluded.username),
        first_name = CASE WHEN known.first_name = '' THEN excluded.first_name ELSE known.first_name END,
        last_name = CASE WHEN known.first_name = '' THEN excluded.last_name ELSE known.last_name END,
        locale = coalesce(known.locale, excluded.locale),
        zone = coalesce(known.zone, excluded.zone),
        first_seen_at = least(known.first_seen_at, excluded.first_seen_at),
        entered_at = coalesce(known.entered_at, excluded.entered_at)
    RETURNING id, telegram_id, xmax = 0 AS is_new, dm = 'none' AS is_unreachable, entered_at
)
SELECT
    b.id, b.telegram_id, b.is_new, b.is_unreachable,
    CASE WHEN was.entered_at IS NULL THEN b.entered_at END AS entered_at
FROM brought b
LEFT JOIN members was ON was.id = b.id

-- name: keep_origins
INSERT INTO member_origins AS known (member_id, source, consent, listed_at)
SELECT id, source, consent, %(at)s
FROM unnest(%(id)s::bigint[], %(source)s::text[], %(consent)s::text[]) AS o (id, source, consent)
ORDER BY id
ON CONFLICT (member_id) DO UPDATE
SET source = coalesce(known.source, excluded.source), consent = coalesce(excluded.consent, known.consent)
