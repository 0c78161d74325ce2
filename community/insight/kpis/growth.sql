-- name: new_members
-- Who was first admitted to a group. Coming back is not new.
SELECT
    m.id AS key, m.id AS member_id, m.home_group_id AS group_id, NULL::text AS part, m.entered_at AS at, true AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_members m
WHERE m.entered_at >= %(since)s AND m.entered_at < %(until)s

-- name: entry_rate
-- Of the requests to join that were decided, how many passed the gate. One that was withdrawn was not decided.
SELECT
    r.id AS key, r.member_id, r.group_id, NULL::text AS part, r.decided_at AS at, r.state = 'passed' AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_join_requests r
WHERE r.decided_at >= %(since)s AND r.decided_at < %(until)s AND r.state IN ('passed', 'failed', 'timed_out')

-- name: first_day
-- Of whose first 24 hours ended: hit if they showed a sign in them. What they did to get in was before.
WITH entered AS (
    SELECT id, home_group_id, entered_at FROM v_members
    WHERE entered_at >= %(since)s::timestamptz - interval '24 hours'
        AND entered_at < %(until)s::timestamptz - interval '24 hours'
),
shown AS (
    SELECT DISTINCT n.id
    FROM entered n
    JOIN v_events e ON e.member_id = n.id AND e.at > n.entered_at AND e.at <= n.entered_at + interval '24 hours'
    WHERE e.kind = ANY (%(activity)s::text[]) AND e.at < %(until)s
        AND e.at > %(since)s::timestamptz - interval '24 hours'
)
{{cohort}}

-- name: first_week
-- Of who was admitted seven days before a day of the window: hit if they showed a sign in their days 0 to 6; on day 0,
-- after they were in.
WITH entered AS ({{entered_7}}),
shown AS (
    SELECT n.id
    FROM entered n
    JOIN member_days d ON d.member_id = n.id AND d.day > n.day AND d.day < n.day + 7
    WHERE d.day > %(since_day)s::date - 7 AND d.day < %(until_day)s AND {{shows}}
    UNION
    SELECT n.id
    FROM entered n
    JOIN v_events e ON e.member_id = n.id AND e.at > n.entered_at
        AND e.at < (n.day + 1)::timestamp AT TIME ZONE %(zone)s
    WHERE e.kind = ANY (%(activity)s::text[])
        AND e.at > (%(since_day)s::date - 7)::timestamp AT TIME ZONE %(zone)s
        AND e.at < (%(until_day)s::date - 6)::timestamp AT TIME ZONE %(zone)s
)
{{cohort}}

-- name: three_items
-- The same members: hit if they opened three different links, or pressed a button under different messages, in their
-- days 0 to 6.
WITH entered AS ({{entered_7}}),
shown AS (
    SELECT n.id
    FROM entered n
    JOIN v_events e ON e.member_id = n.id AND e.at > n.entered_at
        AND e.at < (n.day + 7)::timestamp AT TIME ZONE %(zone)s
    WHERE e.kind IN ('click', 'button') AND e.at < %(until)s
        AND e.at > (%(since_day)s::date - 7)::timestamp AT TIME ZONE %(zone)s
    GROUP BY n.id
    HAVING count(DISTINCT coalesce(e.data->>'link', 'message ' || (e.data->>'message'))) >= 3
)
{{cohort}}

-- name: told_interest
-- The same members: hit if they told what their problem is, in their days 0 to 6.
WITH entered AS ({{entered_7}}),
shown AS (
    SELECT DISTINCT n.id
    FROM entered n
    JOIN v_member_tags t ON t.member_id = n.id AND t.since_at < (n.day + 7)::timestamp AT TIME ZONE %(zone)s
    WHERE t.tag LIKE 'interest:%%' AND t.since_at < %(until)s AND t.since_at >= n.day::timestamp AT TIME ZONE %(zone)s
)
{{cohort}}

-- name: retention_7
-- Of who was admitted two weeks before a day of the window: hit if they were there in their second week (their days 7
-- to 13, the day of admission being 0).
WITH entered AS ({{entered_14}}),
shown AS ({{there_from_7}})
{{cohort}}

-- name: retention_30
-- Of who was admitted 37 days before a day of the window: hit if they were there in the week after their first 30 days
-- (their days 30 to 36).
WITH entered AS ({{entered_37}}),
shown AS ({{there_from_30}})
{{cohort}}

-- name: members
-- Who was in a group when the window ended (until now, while it lasts).
SELECT
    p.member_id AS key, p.member_id, p.group_id, NULL::text AS part, NULL::timestamptz AS at, true AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM ({{present_at_end}}) AS p

-- name: joins
-- Who came into a group, for the first time or again.
SELECT
    e.member_id AS key, e.member_id, e.group_id, NULL::text AS part, e.at, true AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_events e
WHERE e.kind = 'joined' AND e.at >= %(since)s AND e.at < %(until)s AND e.member_id IS NOT NULL

-- name: leaves
-- Who left a group or was removed from it; also who came back.
SELECT
    e.member_id AS key, e.member_id, e.group_id, NULL::text AS part, e.at, true AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_events e
WHERE e.kind = 'left' AND e.at >= %(since)s AND e.at < %(until)s AND e.member_id IS NOT NULL

-- name: leave_rate
-- Of who was in a group in the window, for a while at least: hit if they left one.
SELECT
    i.member_id AS key, i.member_id, i.group_id, NULL::text AS part, l.at, l.at IS NOT NULL AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM ({{inside}}) AS i
LEFT JOIN (
    SELECT member_id, group_id, max(at) AS at FROM v_events
    WHERE kind = 'left' AND at >= %(since)s AND at < %(until)s
    GROUP BY member_id, group_id
) AS l USING (member_id, group_id)

-- name: invite_conversion
-- Of whom a partner's link first brought to the bot or a group's gate, seven days before: hit if they were admitted
-- within these. By partner.
SELECT
    m.member_id AS key, m.member_id, m.home_group_id AS group_id, m.partner AS part, m.first_seen_at AS at,
    coalesce(m.entered_at <= m.first_seen_at + interval '7 days', false) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_sources m
WHERE m.partner IS NOT NULL AND m.first_seen_at >= %(since)s::timestamptz - interval '7 days'
    AND m.first_seen_at < %(until)s::timestamptz - interval '7 days'

-- name: koc_share
-- Of who was in a group in the window: hit if they are a key member (tag `koc`).
SELECT
    i.member_id AS key, i.member_id, i.group_id, NULL::text AS part, t.since_at AS at, t.since_at IS NOT NULL AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM ({{inside}}) AS i
LEFT JOIN v_member_tags t ON t.member_id = i.member_id AND t.tag = 'koc' AND t.since_at < %(until)s
