-- name: told
-- What members said: suggestions, complaints, and a low score in the survey that stands. By follow_ups_made, or of one
-- member by follow_ups_once.
SELECT f.member_id, f.created_at AS at, f.kind AS quadrant
FROM v_follow_ups f
WHERE f.kind IN ('suggestion', 'complaint')
UNION ALL
SELECT f.member_id, f.created_at, 'complaint'
FROM v_follow_ups f
JOIN v_survey_answers a ON a.member_id = f.member_id AND a.survey = f.kind AND a.occurrence = f.occurrence
WHERE f.kind = 'nps' AND a.score <= %(low)s

-- name: leavers
-- Who left the last group they were in, or whose paid term ended and was followed by none within three days (as in
-- v_coverage: so long a late payment is waited for), and who had said nothing in the 30 days before.
SELECT DISTINCT ON (gone.member_id) gone.member_id, gone.at, gone.why
FROM (
    SELECT e.member_id, e.at, 'left' AS why
    FROM v_events e
    WHERE e.kind = 'left' AND e.at >= %(since)s AND e.at < %(until)s AND e.member_id IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM v_memberships s
            WHERE s.member_id = e.member_id AND s.joined_at < %(until)s AND (s.present OR s.left_at >= %(until)s)
        )
    UNION ALL
    SELECT t.member_id, t.ends_at + interval '3 days', 'ended'
    FROM v_terms t
    WHERE t.ends_at >= %(since)s::timestamptz - interval '3 days' AND t.ends_at < %(now)s::timestamptz - interval '3 days'
        AND t.revoked_at IS NULL AND NOT t.trial
        AND NOT EXISTS (
            SELECT FROM v_terms o
            WHERE o.member_id = t.member_id AND o.id <> t.id AND NOT o.trial AND o.revoked_at IS NULL
                AND o.starts_at <= t.ends_at + interval '3 days' AND (o.ends_at IS NULL OR o.ends_at > t.ends_at)
        )
) AS gone
WHERE NOT EXISTS (
    SELECT FROM ({{told}}) AS said
    WHERE said.member_id = gone.member_id AND said.at > gone.at - interval '30 days' AND said.at <= gone.at
)
ORDER BY gone.member_id, gone.at, gone.why

-- name: placed
-- Each member of the window in one quadrant: the first that fits, in this order.
SELECT DISTINCT ON (found.member_id) found.member_id, found.quadrant, found.at
FROM (
    SELECT member_id, quadrant, at, CASE quadrant WHEN 'complaint' THEN 1 ELSE 2 END AS place
    FROM ({{told}}) AS said
    WHERE at >= %(since)s AND at < %(until)s
    UNION ALL
    SELECT member_id, 'silent_leaving', at, 3 FROM ({{leavers}}) AS silent
    UNION ALL
    SELECT d.member_id, 'active', max(d.day)::timestamp AT TIME ZONE %(zone)s, 4
    FROM member_days d
    WHERE d.day >= %(since_day)s AND d.day < %(until_day)s AND {{shows}}
    GROUP BY d.member_id
    HAVING count(DISTINCT d.day) >= %(active_days)s
) AS found
ORDER BY found.member_id, found.place, found.at DESC

-- name: quadrants
SELECT quadrant, count(*) AS members FROM ({{placed}}) AS p GROUP BY quadrant

-- name: members
SELECT p.member_id, p.quadrant, p.at FROM ({{placed}}) AS p
WHERE %(quadrant)s::text IS NULL OR p.quadrant = %(quadrant)s
ORDER BY p.quadrant, p.at DESC, p.member_id
LIMIT %(limit)s

-- name: opened
-- Tasks opened in the window, and whether they were done as it ended.
SELECT
    id, member_id, kind, created_at, CASE WHEN done_at < %(until)s THEN done_at END AS done_at,
    CASE kind WHEN 'nps' THEN 'complaint' WHEN 'thanks' THEN 'active' ELSE kind END AS quadrant
FROM v_follow_ups
WHERE kind = ANY (%(kinds)s) AND created_at >= %(since)s AND created_at < %(until)s

-- name: tasks
SELECT quadrant, count(created_at) AS opened, count(done_at) AS done FROM ({{opened}}) AS o GROUP BY quadrant

-- name: rows_of_members
SELECT p.member_id AS key, p.member_id, p.at, NULL::text AS source, NULL::text AS part, 1::bigint AS number
FROM ({{placed}}) AS p
WHERE p.quadrant = %(quadrant)s

-- name: rows_of_tasks
SELECT o.id AS key, o.member_id, o.{{moment}} AS at, NULL::text AS source, o.kind AS part, 1::bigint AS number
FROM ({{opened}}) AS o
WHERE o.quadrant = %(quadrant)s AND o.{{moment}} IS NOT NULL

-- name: one_at_a_time
-- Two runs at once would both see room for as many; and an erasure waits, as staff are told of whom it is to forget.
SELECT
    pg_advisory_xact_lock(hashtextextended('feedback', 0)),
    pg_advisory_xact_lock_shared(hashtextextended('erasure', 0))

-- name: leaving_due
-- Of the last days, whom nobody was asked to see to: who had paid goes first, then the newest.
SELECT s.member_id, 'silent_leaving' AS kind, s.why AS note,
    s.why || ':' || to_char(s.at AT TIME ZONE %(zone)s, 'YYYY-MM-DD') AS occurrence
FROM ({{leavers}}) AS s
JOIN v_members m ON m.id = s.member_id AND m.dm <> 'gone'
WHERE NOT EXISTS (
    SELECT FROM v_follow_ups f
    WHERE f.member_id = s.member_id AND f.kind = 'silent_leaving' AND f.created_at > s.at - interval '30 days'
)
ORDER BY s.why = 'ended' DESC, s.at DESC, s.member_id
LIMIT greatest(0, %(most)s - (
    SELECT count(*) FROM v_follow_ups f
    WHERE f.kind = 'silent_leaving' AND f.created_at > %(until)s::timestamptz - interval '1 day'
))

-- name: thanks_due
-- Of the week that is over, those there on most days, and of them those who wrote most; each once in 90 days.
SELECT p.member_id, 'thanks' AS kind, to_char(%(since_day)s::date, 'YYYY-MM-DD') AS occurrence, a.days::text AS note
FROM ({{placed}}) AS p
JOIN v_members m ON m.id = p.member_id AND m.in_group AND m.dm <> 'gone'
JOIN (
    SELECT d.member_id, count(DISTINCT d.day) AS days, sum(d.message) AS messages
    FROM member_days d
    WHERE d.day >= %(since_day)s AND d.day < %(until_day)s AND {{shows}}
    GROUP BY d.member_id
) AS a ON a.member_id = p.member_id
WHERE p.quadrant = 'active' AND NOT EXISTS (
    SELECT FROM v_follow_ups f
    WHERE f.member_id = p.member_id AND f.kind = 'thanks' AND f.created_at > %(until)s::timestamptz - interval '90 days'
)
ORDER BY a.days DESC, a.messages DESC, p.member_id
LIMIT greatest(0, %(most)s - (
    SELECT count(*) FROM v_follow_ups f WHERE f.kind = 'thanks' AND f.created_at >= %(until)s
))

-- name: gone_at
-- When the member left; when their last paid term ended, if none goes on.
SELECT m.left_at, t.ended_at
FROM v_members m
LEFT JOIN LATERAL (
    SELECT max(ends_at) AS ended_at
    FROM v_terms
    WHERE member_id = m.id AND NOT trial AND revoked_at IS NULL
    HAVING bool_and(coalesce(ends_at <= %(at)s, false))
) AS t ON true
WHERE m.id = %(member_id)s

-- name: did
-- Of the days before: how often they did what.
SELECT day, sum(message) AS message, sum(private) AS private, sum(reaction) AS reaction, sum(click) AS click,
    sum(button) AS button, sum(start) AS start, sum(answer) AS answer
FROM member_days
WHERE member_id = %(member_id)s AND day >= %(since_day)s AND day < %(until_day)s
GROUP BY day

-- name: was_sent
SELECT (sent_at AT TIME ZONE %(zone)s)::date AS day, stage || '/' || step AS what
FROM v_messages
WHERE member_id = %(member_id)s AND sent_at >= %(since)s AND sent_at < %(until)s
ORDER BY sent_at, id

-- name: happened
-- They came or left, and what staff were to do for them.
SELECT (at AT TIME ZONE %(zone)s)::date AS day, kind AS what FROM v_events
WHERE member_id = %(member_id)s AND kind IN ('joined', 'left') AND at >= %(since)s AND at < %(until)s
UNION ALL
SELECT (created_at AT TIME ZONE %(zone)s)::date, 'task: ' || kind FROM v_follow_ups
WHERE member_id = %(member_id)s AND created_at >= %(since)s AND created_at < %(until)s
ORDER BY day, what

-- name: last_words
-- The last day on which they wrote, however long ago.
SELECT max(day) AS day FROM member_days
WHERE member_id = %(member_id)s AND day < %(until_day)s AND message + private > 0
