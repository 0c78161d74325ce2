-- What several definitions need: definitions.py puts it in place of its name in braces.

-- name: kept
-- What counting has found before, once for all KPIs that read it.
SELECT * FROM kept_{{table}}

-- name: shows
-- A day of a member (`d`) has a sign of being there, as the playbook says (signs.activity).
(
    d.message > 0 AND 'message' = ANY (%(activity)s::text[])
    OR d.private > 0 AND 'private' = ANY (%(activity)s::text[])
    OR d.reaction > 0 AND 'reaction' = ANY (%(activity)s::text[])
    OR d.click > 0 AND 'click' = ANY (%(activity)s::text[])
    OR d.button > 0 AND 'button' = ANY (%(activity)s::text[])
    OR d.start > 0 AND 'start' = ANY (%(activity)s::text[])
    OR d.answer > 0 AND 'answer' = ANY (%(activity)s::text[])
)

-- name: speaks
-- A day of a member in a group (`d`) has a sign of taking part, as the playbook says (signs.speaking).
(
    d.group_id <> 0 AND (
        d.message > 0 AND 'message' = ANY (%(speaking)s::text[])
        OR d.reaction > 0 AND 'reaction' = ANY (%(speaking)s::text[])
        OR d.answer > 0 AND 'answer' = ANY (%(speaking)s::text[])
    )
)

-- name: did
-- Who did something in the window, in which group (0: elsewhere), with which signs.
SELECT
    d.member_id, d.group_id, min(d.day) AS first_day, bool_or({{shows}}) AS shows, bool_or({{speaks}}) AS speaks,
    sum(d.message)::bigint AS message
FROM member_days d
WHERE d.day >= %(since_day)s AND d.day < %(until_day)s
GROUP BY d.member_id, d.group_id

-- name: present_at
-- Who was in which group at a moment: who had come by then and has not left, and whose first move since is to leave.
-- So it stays the same when it is asked again after they left, or came back.
SELECT s.member_id, s.group_id
FROM v_memberships s
JOIN v_groups g ON g.id = s.group_id AND (g.lost_at IS NULL OR g.lost_at >= {{moment}})
WHERE s.joined_at < {{moment}} AND (s.left_at IS NULL OR s.left_at >= {{moment}})
UNION
SELECT moved.member_id, moved.group_id
FROM (
    SELECT DISTINCT ON (member_id, group_id) member_id, group_id, kind
    FROM v_events
    WHERE kind IN ('joined', 'left') AND at >= {{moment}} AND member_id IS NOT NULL AND group_id IS NOT NULL
    ORDER BY member_id, group_id, at
) AS moved
WHERE moved.kind = 'left'

-- name: inside
-- Who was in which group in the window, for a while at least.
{{present}}
UNION
SELECT member_id, group_id
FROM v_events
WHERE kind = 'joined' AND at >= %(since)s AND at < %(until)s AND member_id IS NOT NULL AND group_id IS NOT NULL
UNION
SELECT member_id, group_id FROM v_memberships WHERE joined_at >= %(since)s AND joined_at < %(until)s

-- name: entered
-- Who was admitted {{days}} days before a day of the window, and on which day.
SELECT id, home_group_id, entered_at, (entered_at AT TIME ZONE %(zone)s)::date AS day FROM v_members
WHERE entered_at >= (%(since_day)s::date - {{days}})::timestamp AT TIME ZONE %(zone)s
    AND entered_at < (%(until_day)s::date - {{days}})::timestamp AT TIME ZONE %(zone)s

-- name: there_from
-- Of these (`entered`), who showed a sign in the week from their day {{first}} on, which ends in the window.
SELECT DISTINCT n.id
FROM entered n
JOIN member_days d ON d.member_id = n.id AND d.day >= n.day + {{first}} AND d.day < n.day + {{first}} + 7
WHERE d.day >= %(since_day)s::date - 7 AND d.day < %(until_day)s AND {{shows}}

-- name: cohort
-- All that were admitted (`entered`): hit if they are among `shown`.
SELECT
    n.id AS key, n.id AS member_id, n.home_group_id AS group_id, NULL::text AS part, n.entered_at AS at,
    s.id IS NOT NULL AS hit, NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM entered n
LEFT JOIN shown s ON s.id = n.id

-- name: asked
-- A task that a member's own words are behind, and not the calendar's or ours (a payment that fits nothing).
f.kind IN ('problem', 'talk', 'nps', 'complaint', 'refund', 'invoice')

-- name: source
s.source

-- name: own_source
r.source
