-- name: chats
-- The groups that wishes (titles or numbers) are bound to, else the oldest of that title or number; none: the bot is in
-- no such group.
SELECT w.wish, g.id AS group_id, g.title, b.wish IS NOT NULL AS bound
FROM unnest(%(wishes)s::text[]) WITH ORDINALITY AS w (wish, place)
LEFT JOIN opened_chats b ON b.wish = w.wish
LEFT JOIN LATERAL (
    SELECT id, title FROM v_groups
    WHERE lost_at IS NULL
        AND CASE WHEN b.wish IS NULL THEN title = w.wish OR id::text = w.wish ELSE id = b.group_id END
    ORDER BY id::text = w.wish DESC, registered_at, id
    LIMIT 1
) AS g ON true
ORDER BY w.place

-- name: bind
-- In one order, so that two who bind the same wishes take turns; whoever comes second binds nothing.
INSERT INTO opened_chats (wish, group_id)
SELECT DISTINCT b.wish, b.group_id FROM unnest(%(wishes)s::text[], %(group_ids)s::bigint[]) AS b (wish, group_id)
ORDER BY b.wish
ON CONFLICT (wish) DO NOTHING

-- name: is_in
SELECT FROM v_memberships WHERE member_id = %(member_id)s AND group_id = %(group_id)s AND present

-- name: unused
-- A link of the member's own that still lets them in.
SELECT * FROM entry_links
WHERE member_id = %(member_id)s AND group_id = %(group_id)s AND used_at IS NULL AND revoked_at IS NULL
ORDER BY id DESC
LIMIT 1

-- name: keep
UPDATE entry_links SET term_id = %(term_id)s WHERE id = %(id)s RETURNING *

-- name: give
-- One that is ready, else one that is being made; nobody waits for whoever takes another.
UPDATE entry_links
SET member_id = %(member_id)s, term_id = %(term_id)s, order_id = %(order_id)s, given_at = %(at)s
WHERE id = (
    SELECT id FROM entry_links
    WHERE group_id = %(group_id)s AND given_at IS NULL AND revoked_at IS NULL
    ORDER BY invite_link IS NULL, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING *

-- name: add_given
INSERT INTO entry_links (group_id, name, member_id, term_id, order_id, given_at)
VALUES (%(group_id)s, %(name)s, %(member_id)s, %(term_id)s, %(order_id)s, %(at)s)
RETURNING *

-- name: of_terms
SELECT * FROM entry_links WHERE term_id = ANY (%(term_ids)s) AND revoked_at IS NULL ORDER BY id FOR UPDATE

-- name: revoke
UPDATE entry_links SET revoked_at = %(at)s WHERE id = ANY (%(ids)s) AND revoked_at IS NULL RETURNING *

-- name: made
-- Told twice, the first address stays: it may have been given.
UPDATE entry_links SET invite_link = %(address)s, made_at = %(at)s
WHERE id = %(id)s AND invite_link IS NULL
RETURNING *

-- name: to_make
-- Those that somebody waits for go first.
SELECT * FROM entry_links
WHERE invite_link IS NULL AND revoked_at IS NULL AND group_id <> ALL (%(resting)s::bigint[])
ORDER BY given_at IS NULL, id
LIMIT %(limit)s

-- name: take_turns
-- A statement of its own: two processes that count at once would make twice as many.
SELECT pg_advisory_xact_lock(hashtextextended('entry links', %(group_id)s))

-- name: supply
INSERT INTO entry_links (group_id, name)
SELECT %(group_id)s, 'vip-' || left(replace(gen_random_uuid()::text, '-', ''), 20)
FROM generate_series(1, %(ready)s - (
    SELECT count(*) FROM entry_links
    WHERE group_id = %(group_id)s AND given_at IS NULL AND revoked_at IS NULL
))

-- name: used
-- Whoever came in by it; it lets in one.
UPDATE entry_links SET used_at = coalesce(used_at, %(at)s) WHERE invite_link = %(address)s RETURNING *

-- name: still_unused
UPDATE entry_links SET used_at = NULL
WHERE member_id = %(member_id)s AND group_id = %(group_id)s AND used_at = %(at)s AND revoked_at IS NULL

-- name: to_close
SELECT * FROM entry_links WHERE revoked_at IS NOT NULL AND closed_at IS NULL ORDER BY id LIMIT %(limit)s

-- name: closed
UPDATE entry_links SET closed_at = %(at)s WHERE id = %(id)s AND closed_at IS NULL
