-- name: accepted
-- Messages of the stages to members that Telegram took.
SELECT
    m.id AS key, m.member_id, v.home_group_id AS group_id, m.stage || '/' || m.step AS part, m.sent_at AS at,
    true AS hit, NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_messages m
JOIN v_members v ON v.id = m.member_id
WHERE m.state = 'sent' AND m.wanted_at IS NOT NULL AND m.sent_at >= %(since)s AND m.sent_at < %(until)s

-- name: engaged_24h
-- Of the accepted messages whose 24 hours ended: hit if the member showed a sign in them. Of each day only the first and
-- the last sign are asked for: one after the message on its day, or one early enough on the next. Days of UTC, as these
-- all have 24 hours.
WITH shown AS (
    SELECT member_id, (at AT TIME ZONE 'UTC')::date AS day, min(at) AS first_at, max(at) AS last_at
    FROM v_events
    WHERE kind = ANY (%(activity)s::text[]) AND member_id IS NOT NULL
        AND at > %(since)s::timestamptz - interval '24 hours' AND at < %(until)s
    GROUP BY 1, 2
)
SELECT
    m.id AS key, m.member_id, v.home_group_id AS group_id, m.stage || '/' || m.step AS part, m.sent_at AS at,
    coalesce(t.last_at > m.sent_at, false) OR coalesce(n.first_at <= m.sent_at + interval '24 hours', false) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_messages m
JOIN v_members v ON v.id = m.member_id
LEFT JOIN shown t ON t.member_id = m.member_id AND t.day = (m.sent_at AT TIME ZONE 'UTC')::date
LEFT JOIN shown n ON n.member_id = m.member_id AND n.day = (m.sent_at AT TIME ZONE 'UTC')::date + 1
WHERE m.state = 'sent' AND m.wanted_at IS NOT NULL AND m.sent_at >= %(since)s::timestamptz - interval '24 hours'
    AND m.sent_at < %(until)s::timestamptz - interval '24 hours'

-- name: click_through
-- The same messages: hit if a link in it was opened within the 24 hours.
WITH opened AS (
    SELECT (data->>'message')::bigint AS message_id, min(at) AS at
    FROM v_events
    WHERE kind = 'click' AND at >= %(since)s::timestamptz - interval '24 hours' AND at < %(until)s
        AND data->>'message' IS NOT NULL
    GROUP BY 1
)
SELECT
    m.id AS key, m.member_id, v.home_group_id AS group_id, m.stage || '/' || m.step AS part, m.sent_at AS at,
    coalesce(o.at <= m.sent_at + interval '24 hours', false) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_messages m
JOIN v_members v ON v.id = m.member_id
LEFT JOIN opened o ON o.message_id = m.id
WHERE m.state = 'sent' AND m.wanted_at IS NOT NULL AND m.sent_at >= %(since)s::timestamptz - interval '24 hours'
    AND m.sent_at < %(until)s::timestamptz - interval '24 hours'

-- name: reach_loss
-- Of all that was tried: hit if the member could not be reached, having blocked the bot, deleted the account or never
-- opened the chat. As Telegram said when it was sent, as was known before that, or when it was planned (whose key is
-- negative), unless it could be sent after all.
WITH tried AS (
    SELECT
        m.id, m.member_id, m.stage, m.step, m.occurrence, m.state <> 'sent' AS lost,
        CASE m.state WHEN 'sent' THEN m.sent_at ELSE m.due_at END AS at
    FROM v_messages m
    WHERE m.member_id IS NOT NULL AND m.wanted_at IS NOT NULL AND (
        m.sent_at >= %(since)s AND m.sent_at < %(until)s AND m.state = 'sent'
        OR m.due_at >= %(since)s AND m.due_at < %(until)s AND (
            m.state = 'failed' AND m.reason IN ('blocked', 'deactivated', 'not_opened', 'chat_not_found')
            OR m.state = 'cancelled' AND m.reason IN ('blocked', 'gone', 'unreachable')
        )
    )
),
decided AS (
    SELECT DISTINCT ON (member_id, stage, step, occurrence) -id AS id, member_id, stage, step, occurrence, at
    FROM v_decisions
    WHERE at >= %(since)s AND at < %(until)s AND reason IN ('blocked', 'gone', 'unreachable')
    ORDER BY member_id, stage, step, occurrence, at
)
SELECT
    a.id AS key, a.member_id, v.home_group_id AS group_id, a.stage || '/' || a.step AS part, a.at, a.lost AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM (
    SELECT id, member_id, stage, step, lost, at FROM tried
    UNION ALL
    SELECT d.id, d.member_id, d.stage, d.step, true, d.at
    FROM decided d
    LEFT JOIN tried t USING (member_id, stage, step, occurrence)
    WHERE t.id IS NULL
) AS a
JOIN v_members v ON v.id = a.member_id

-- name: block_rate
-- Of the accepted messages whose 24 hours ended: hit if it was the last one before the member blocked the bot in them.
WITH blocked AS (
    SELECT DISTINCT ON (e.member_id, e.at) m.id
    FROM v_events e
    JOIN v_messages m ON m.member_id = e.member_id AND m.sent_at <= e.at
        AND m.sent_at >= e.at - interval '24 hours'
    WHERE e.kind = 'blocked' AND e.at >= %(since)s::timestamptz - interval '24 hours' AND e.at < %(until)s
        AND m.state = 'sent' AND m.wanted_at IS NOT NULL
    ORDER BY e.member_id, e.at, m.sent_at DESC, m.id DESC
)
SELECT
    m.id AS key, m.member_id, v.home_group_id AS group_id, m.stage || '/' || m.step AS part, m.sent_at AS at,
    b.id IS NOT NULL AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_messages m
JOIN v_members v ON v.id = m.member_id
LEFT JOIN (SELECT DISTINCT id FROM blocked) AS b ON b.id = m.id
WHERE m.state = 'sent' AND m.wanted_at IS NOT NULL AND m.sent_at >= %(since)s::timestamptz - interval '24 hours'
    AND m.sent_at < %(until)s::timestamptz - interval '24 hours'

-- name: delivery_delay
-- By how much the accepted messages were late, as `sop status` counts it: being put off to the morning or for want of
-- room under the caps is not being late. Hit: in time (on_time).
SELECT
    m.id AS key, m.member_id, v.home_group_id AS group_id, m.stage || '/' || m.step AS part, m.sent_at AS at,
    late.s <= extract(epoch FROM %(on_time)s::interval) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, late.s AS seconds
FROM v_messages m
JOIN v_members v ON v.id = m.member_id
CROSS JOIN LATERAL (
    SELECT (m.late_s + greatest(0, extract(epoch FROM m.sent_at - m.due_at)))::double precision AS s
) AS late
WHERE m.state = 'sent' AND m.wanted_at IS NOT NULL AND m.sent_at >= %(since)s AND m.sent_at < %(until)s

-- name: on_time
-- Of the accepted messages, and of those whose time ran out (of which each was due within the week before): hit if it
-- left in time. What expired in the hours that put it off was not wanted any more.
SELECT
    m.id AS key, m.member_id, v.home_group_id AS group_id, m.stage || '/' || m.step AS part,
    CASE m.state WHEN 'sent' THEN m.sent_at ELSE m.expires_at END AS at,
    m.state = 'sent' AND m.late_s + greatest(0, extract(epoch FROM m.sent_at - m.due_at))
        <= extract(epoch FROM %(on_time)s::interval) AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM v_messages m
JOIN v_members v ON v.id = m.member_id
WHERE m.wanted_at IS NOT NULL AND (
    m.state = 'sent' AND m.sent_at >= %(since)s AND m.sent_at < %(until)s
    OR m.state = 'expired' AND m.expires_at >= %(since)s AND m.expires_at < %(until)s
        AND m.due_at >= %(since)s::timestamptz - interval '7 days' AND m.due_at < %(until)s
        AND coalesce(m.reason, '') NOT IN ('quiet_hours', 'frequency_cap', 'outranked')
)
