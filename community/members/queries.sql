-- name: member_by_telegram_id
SELECT * FROM members WHERE telegram_id = %(telegram_id)s

-- name: member_by_id
SELECT * FROM members WHERE id = %(id)s

-- name: member_by_username
-- A username passes from one account to another; the account seen with it last has it.
SELECT * FROM members WHERE lower(username) = lower(%(username)s)
ORDER BY last_active_at DESC NULLS LAST, id DESC
LIMIT 1

-- name: upsert_member
-- The locale is a first guess only: once known, or chosen, Telegram's language no longer changes it.
-- Someone who was erased and comes back is new, and wants no messages until they say otherwise.
WITH seen AS (
    INSERT INTO members (telegram_id, username, first_name, last_name, locale, first_seen_at, opted_out_at)
    VALUES (
        %(telegram_id)s, %(username)s, %(first_name)s, %(last_name)s, %(locale)s, %(at)s,
        (SELECT since_at FROM suppressions WHERE hash = %(hash)s)
    )
    ON CONFLICT (telegram_id) DO UPDATE
    SET username = excluded.username, first_name = excluded.first_name, last_name = excluded.last_name
    RETURNING *
),
known AS (
    UPDATE persons p SET member_id = seen.id FROM seen
    WHERE p.hash = %(hash)s AND p.member_id IS NULL
        AND NOT EXISTS (SELECT FROM persons o WHERE o.member_id = seen.id)
)
SELECT * FROM seen

-- name: open_chat
UPDATE members SET dm = 'open', dm_until_at = NULL WHERE id = %(id)s AND dm <> 'open' RETURNING id

-- name: allow_until
UPDATE members SET dm = 'temporary', dm_until_at = %(until)s WHERE id = %(id)s AND dm <> 'open'

-- name: end_temporary
UPDATE members SET dm = 'none', dm_until_at = NULL WHERE id = %(id)s AND dm = 'temporary'

-- name: close_chat
UPDATE members SET dm = %(dm)s, dm_until_at = NULL WHERE id = %(id)s AND dm NOT IN (%(dm)s, 'gone') RETURNING id

-- name: unblock
UPDATE members SET dm = 'open', dm_until_at = NULL WHERE id = %(id)s AND dm = 'blocked' RETURNING id

-- name: lose_reach
UPDATE members SET dm = lost.dm, dm_until_at = NULL
FROM unnest(%(member)s::bigint[], %(dm)s::text[]) AS lost (member_id, dm)
WHERE members.id = lost.member_id AND members.dm IS DISTINCT FROM lost.dm
RETURNING members.id, members.dm

-- name: opt_out
UPDATE members SET opted_out_at = %(at)s WHERE id = %(id)s AND opted_out_at IS NULL RETURNING id

-- name: opt_in
UPDATE members SET opted_out_at = NULL WHERE id = %(id)s AND opted_out_at IS NOT NULL RETURNING id

-- name: set_locale
UPDATE members SET locale = %(locale)s WHERE id = %(id)s

-- name: set_zone
UPDATE members SET zone = %(zone)s WHERE id = %(id)s

-- name: enter
-- The row's old version tells whether this is the first entry; the lock makes two entries at once take turns.
WITH before AS (SELECT id, entered_at, home_group_id FROM members WHERE id = %(id)s FOR UPDATE)
UPDATE members
SET
    entered_at = coalesce(members.entered_at, %(at)s), left_at = NULL,
    home_group_id = CASE WHEN %(home)s THEN %(group_id)s ELSE coalesce(before.home_group_id, %(group_id)s) END
FROM before
WHERE members.id = before.id
RETURNING before.entered_at IS NULL AS first

-- name: depart
UPDATE members SET left_at = %(at)s WHERE id = ANY (%(ids)s) AND left_at IS NULL

-- name: come_back
UPDATE members SET left_at = NULL WHERE id = ANY (%(ids)s) AND left_at IS NOT NULL

-- name: rehome
-- With what was said there.
WITH said AS (UPDATE follow_ups SET group_id = %(to)s WHERE group_id = %(from)s)
UPDATE members SET home_group_id = %(to)s WHERE home_group_id = %(from)s

-- name: attribute
-- The first known source stays for ever; an unknown token changes nothing and returns nothing.
WITH known AS (SELECT token FROM links WHERE token = %(token)s AND kind = 'entry'),
first AS (
    UPDATE members SET link_token = known.token FROM known WHERE members.id = %(id)s AND members.link_token IS NULL
)
SELECT token FROM known

-- name: link
SELECT token, kind, url, source FROM links WHERE token = %(token)s

-- name: sync_links
-- A link is never removed: messages that were sent, and members who came, go on pointing at it.
INSERT INTO links (token, kind, url, source, created_at)
SELECT token, kind, url, source::jsonb, %(at)s
FROM unnest(%(token)s::text[], %(kind)s::text[], %(url)s::text[], %(source)s::text[]) AS l (token, kind, url, source)
ON CONFLICT (token) DO UPDATE SET kind = excluded.kind, url = excluded.url, source = excluded.source
WHERE (links.kind, links.url, links.source) IS DISTINCT FROM (excluded.kind, excluded.url, excluded.source)

-- name: tag
INSERT INTO member_tags (member_id, tag, since_at) VALUES (%(id)s, %(tag)s, %(at)s) ON CONFLICT DO NOTHING

-- name: expect
INSERT INTO dialogues (member_id, expecting, asked_at) VALUES (%(id)s, %(expecting)s, %(at)s)
ON CONFLICT (member_id) DO UPDATE SET expecting = excluded.expecting, asked_at = excluded.asked_at

-- name: expected
SELECT expecting FROM dialogues WHERE member_id = %(id)s AND asked_at > %(since)s

-- name: answered
DELETE FROM dialogues WHERE member_id = %(id)s AND expecting = %(expecting)s

-- name: my_data
SELECT
    v.zone,
    v.locale,
    ARRAY(SELECT tag FROM member_tags WHERE member_id = m.id ORDER BY since_at, tag) AS tags,
    ARRAY(SELECT title FROM v_memberships WHERE member_id = m.id AND present ORDER BY joined_at) AS groups,
    coalesce(
        (SELECT source FROM links WHERE token = m.link_token),
        (SELECT jsonb_build_object('list', source) FROM member_origins WHERE member_id = m.id AND source IS NOT NULL)
    ) AS source,
    (SELECT count(*) FROM follow_ups WHERE member_id = m.id) AS follow_ups,
    (SELECT count(*) FROM v_messages WHERE member_id = m.id AND state = 'sent' AND stage <> 'test') AS received,
    (SELECT count(*) FROM v_events WHERE member_id = m.id) AS activities
FROM members m
JOIN v_members v ON v.id = m.id
WHERE m.id = %(id)s

-- name: suppress
INSERT INTO suppressions (hash, since_at) VALUES (%(hash)s, %(at)s) ON CONFLICT DO NOTHING

-- name: suppressions
SELECT hash, since_at FROM suppressions

-- name: gone_accounts
SELECT hash FROM persons WHERE hash IS NOT NULL AND member_id IS NULL

-- name: came_back
UPDATE persons p SET member_id = b.id FROM unnest(%(id)s::bigint[], %(hash)s::text[]) AS b (id, hash)
WHERE p.hash = b.hash AND p.member_id IS NULL AND NOT EXISTS (SELECT FROM persons o WHERE o.member_id = b.id)

-- name: brought_in
-- Known by an import only: whoever opened the chat since has said for themselves what they want.
SELECT id, telegram_id FROM members WHERE dm IN ('none', 'gone') AND opted_out_at IS NULL

-- name: opt_out_suppressed
UPDATE members SET opted_out_at = s.at
FROM unnest(%(id)s::bigint[], %(at)s::timestamptz[]) AS s (id, at)
WHERE members.id = s.id

-- name: record_erasure
INSERT INTO erasures (member_number, erased_at, removed) VALUES (%(number)s, %(at)s, %(removed)s)

-- name: search
-- A scan: operators ask this now and then.
SELECT * FROM members
WHERE strpos(lower(concat_ws(' ', first_name, last_name, '@' || username)), lower(%(text)s)) > 0
ORDER BY last_active_at DESC NULLS LAST, id DESC
LIMIT %(limit)s
