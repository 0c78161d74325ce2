-- name: set_zone
UPDATE groups SET zone = %(zone)s, locale = %(locale)s WHERE chat_id = %(chat_id)s

-- name: door
SELECT invite_link FROM groups WHERE chat_id = %(chat_id)s

-- name: planned
SELECT 1 FROM plans WHERE stage = %(stage)s AND as_of_at = %(as_of)s AND counts ? 'send' LIMIT 1

-- name: members
SELECT id, telegram_id, dm, opted_out_at, entered_at, link_token FROM members

-- name: memberships
SELECT m.telegram_id, g.chat_id
FROM memberships s JOIN members m ON m.id = s.member_id JOIN groups g ON g.id = s.group_id
WHERE s.joined_at IS NOT NULL AND s.left_at IS NULL

-- name: requests
-- At the doors that ask questions; into the paid group terms decide.
SELECT m.telegram_id, r.state, r.requested_at, r.decided_at
FROM join_requests r JOIN members m ON m.id = r.member_id
WHERE r.group_id NOT IN (SELECT group_id FROM opened_chats)
ORDER BY r.id

-- name: messages
SELECT
    w.id, m.telegram_id, w.chat_id, w.method, w.stage, w.step, w.occurrence, w.promotional, w.exempt, w.state, w.reason,
    w.telegram_message_id, w.due_at, w.sent_at
FROM messages w LEFT JOIN members m ON m.id = w.member_id
ORDER BY w.id

-- name: undecided
-- Steps that came due for somebody in a group and have neither a message nor a recorded reason.
SELECT m.telegram_id, s.step, m.entered_at
FROM members m
CROSS JOIN unnest(%(step)s::text[], %(day)s::int[], %(local_time)s::time[]) AS s (step, day, local_time)
JOIN v_members v ON v.id = m.id
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN s.local_time IS NULL THEN m.entered_at
        ELSE ((m.entered_at AT TIME ZONE coalesce(v.zone, %(zone)s))::date + s.day + s.local_time)
            AT TIME ZONE coalesce(v.zone, %(zone)s)
    END AS due_at
) AS due
WHERE v.in_group AND due.due_at <= %(until)s
    AND NOT EXISTS (SELECT FROM messages w WHERE w.member_id = m.id AND w.stage = %(stage)s AND w.step = s.step)
    AND NOT EXISTS (SELECT FROM decisions d WHERE d.member_id = m.id AND d.stage = %(stage)s AND d.step = s.step)

-- name: events
SELECT kind, count(*) AS times FROM events GROUP BY kind

-- name: failed_updates
SELECT update_id, kind, error FROM updates WHERE state = 'failed' ORDER BY update_id LIMIT 20

-- name: sources
SELECT
    coalesce(m.link_token, 'unknown') AS source,
    count(*) AS seen,
    count(m.entered_at) AS entered,
    count(*) FILTER (WHERE v.in_group AND m.entered_at IS NOT NULL) AS present
FROM members m JOIN v_members v ON v.id = m.id
WHERE EXISTS (SELECT FROM events e WHERE e.member_id = m.id)
GROUP BY 1 ORDER BY 2 DESC, 1

-- name: drip
-- Each step of the drip for everybody who entered: sent, or the named reason why not.
SELECT step, state, reason, count(*) AS members FROM (
    SELECT member_id, step, CASE state WHEN 'sent' THEN 'sent' ELSE 'not' END AS state,
        CASE WHEN state <> 'sent' THEN coalesce(reason, state) END AS reason
    FROM messages WHERE stage = %(stage)s
    UNION ALL
    SELECT * FROM (
        SELECT DISTINCT ON (d.member_id, d.step) d.member_id, d.step, 'not', d.reason
        FROM decisions d
        WHERE d.stage = %(stage)s
            AND NOT EXISTS (SELECT FROM messages w WHERE w.member_id = d.member_id AND w.stage = d.stage AND w.step = d.step)
        ORDER BY d.member_id, d.step, d.at DESC, d.id DESC
    ) AS last_decision
) AS fate
GROUP BY step, state, reason

-- name: gate
SELECT state, count(*) AS requests FROM join_requests
WHERE group_id NOT IN (SELECT group_id FROM opened_chats)
GROUP BY state ORDER BY state

-- name: reach
SELECT
    count(*) FILTER (WHERE dm = 'blocked') AS blocked,
    count(*) FILTER (WHERE dm = 'gone') AS gone,
    count(*) FILTER (WHERE opted_out_at IS NOT NULL) AS opted_out,
    count(*) FILTER (WHERE dm = 'none' AND entered_at IS NOT NULL) AS never_started
FROM members

-- name: engaged
SELECT
    count(*) AS entered,
    count(*) FILTER (WHERE EXISTS (
        SELECT FROM events e
        WHERE e.member_id = m.id AND e.at >= m.entered_at AND e.at < m.entered_at + interval '24 hours'
            AND e.kind IN ('message', 'private', 'reaction', 'click', 'button', 'answer', 'start')
    )) AS engaged
FROM members m WHERE entered_at IS NOT NULL

-- name: latency
-- Wall time from the update's arrival to the hand-over of the first message it caused; and of welcomes, from their
-- cause to their hand-over.
SELECT what, count(*) AS times,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95
FROM (
    SELECT 'first question' AS what, extract(epoch FROM w.settled_wall - u.received_wall) * 1000 AS ms
    FROM messages w
    JOIN updates u ON u.bot_id = w.bot_id AND w.occurrence = 'update:' || u.update_id AND u.kind = 'chat_join_request'
    WHERE w.stage = 'gate' AND w.state = 'sent'
    UNION ALL
    SELECT 'welcome', extract(epoch FROM settled_wall - created_wall) * 1000
    FROM messages WHERE stage = %(stage)s AND step = %(step)s AND state = 'sent'
) AS waited
GROUP BY what

-- name: newly_settled
-- Members of two days, who hold nothing.
SELECT v.id AS member_id FROM v_members v
WHERE v.in_group AND v.entered_at BETWEEN %(at)s - interval '3 days' AND %(at)s - interval '2 days'
    AND NOT EXISTS (SELECT FROM v_terms t WHERE t.member_id = v.id)
ORDER BY v.id

-- name: calendar
-- What became of the other stages' messages, and why the rest was not sent.
SELECT stage, state, coalesce(reason, '') AS reason, count(*) AS messages FROM (
    SELECT stage, state, CASE WHEN state <> 'sent' THEN coalesce(reason, state) END AS reason
    FROM messages WHERE stage = ANY (%(stages)s)
    UNION ALL
    SELECT stage, 'not', reason FROM (
        SELECT DISTINCT ON (d.member_id, d.stage, d.step, d.occurrence) d.stage, d.reason
        FROM decisions d
        WHERE d.stage = ANY (%(stages)s) AND NOT EXISTS (
            SELECT FROM messages w
            WHERE w.member_id = d.member_id AND w.stage = d.stage AND w.step = d.step AND w.occurrence = d.occurrence
        )
        ORDER BY d.member_id, d.stage, d.step, d.occurrence, d.at DESC, d.id DESC
    ) AS last_decision
) AS fate
GROUP BY 1, 2, 3

-- name: sessions
SELECT
    l.title, l.remaining,
    count(a.registered_at) AS registered,
    count(a.watched_at) AS watched,
    (SELECT count(*) FROM redemptions r WHERE r.code = l.coupon AND r.reverses IS NULL) AS bought
FROM v_lives l LEFT JOIN v_attendances a ON a.live_id = l.id
GROUP BY l.id, l.title, l.remaining, l.coupon, l.starts_at
ORDER BY l.starts_at

-- name: reminded_in_vain
-- Reminders of an end that did not matter any more when they left. It matters again once what had come after the term
-- was refunded, which changes the term.
SELECT w.id, m.telegram_id, w.step FROM messages w
JOIN members m ON m.id = w.member_id
JOIN milestones o ON o.member_id = w.member_id AND o.kind = 'over:' || w.occurrence
JOIN terms t ON t.id = split_part(w.occurrence, ':', 1)::bigint
WHERE w.stage = 'renewal_reminders' AND w.state = 'sent' AND w.sent_at > o.last_at
    AND NOT (t.changed_at > o.last_at AND t.changed_at <= w.sent_at)

-- name: offered_to_buyers
-- Offers of a live session that left after their reader had bought.
SELECT w.id, m.telegram_id, w.step FROM messages w
JOIN members m ON m.id = w.member_id
JOIN v_lives l ON l.id = split_part(w.occurrence, ':', 1)::bigint
JOIN milestones b ON b.member_id = w.member_id AND b.kind = 'purchase:' || l.plan
WHERE w.stage = 'live_conversion' AND w.state = 'sent' AND w.promotional AND w.step <> 'announce'
    AND b.last_at >= l.created_at AND w.sent_at > b.last_at AND b.first_at >= l.created_at

-- name: used_wrongly
-- Coupons used outside their time, or more often than there are.
SELECT r.code, 'at ' || r.at AS how FROM redemptions r JOIN coupons c USING (code)
WHERE r.reverses IS NULL AND (r.at < c.valid_from_at OR r.at >= c.valid_until_at)
UNION ALL
SELECT c.code, c.redeemed || ' times' FROM coupons c
WHERE c.redeemed > coalesce(c.first_n, c.redeemed)
    OR c.redeemed <> (SELECT count(*) FILTER (WHERE reverses IS NULL) - count(reverses) FROM redemptions WHERE code = c.code)

-- name: payments
SELECT
    m.telegram_id, p.provider, p.charge, p.state, p.plan, p.paid_minor AS minor, p.refunded_minor, p.currency,
    o.state AS order_state,
    (SELECT count(*) FROM milestones s WHERE s.member_id = m.id AND s.kind IN ('purchase', 'purchase:' || p.plan)) = 2
        AS counted
FROM payments p LEFT JOIN members m ON m.id = p.member_id LEFT JOIN orders o ON o.id = p.order_id
ORDER BY p.paid_at, p.charge

-- name: entries
SELECT e.invite_link, m.telegram_id, e.revoked_at FROM entry_links e JOIN members m ON m.id = e.member_id ORDER BY e.id

-- name: holders
-- Who holds or held what opens the paid group, and when they were last taken out of it.
WITH opens AS (SELECT * FROM unnest(%(plans)s::text[], %(graces)s::interval[]) AS o (plan, grace))
SELECT
    m.telegram_id,
    bool_or(t.revoked_at IS NULL AND coalesce(t.ends_at, 'infinity') > %(at)s) AS holds,
    max(coalesce(least(t.ends_at, t.revoked_at), 'infinity') + o.grace) <= %(at)s AS grace_over,
    (
        SELECT extract(epoch FROM max(r.checked_at))::float FROM removals r
        WHERE r.member_id = m.id AND r.state = 'removed'
    ) AS removed
FROM terms t JOIN opens o USING (plan) JOIN members m ON m.id = t.member_id
GROUP BY m.id, m.telegram_id
ORDER BY m.telegram_id

-- name: shop
SELECT
    p.plan, p.provider, p.currency,
    count(*) AS payments,
    count(DISTINCT p.member_id) AS members,
    sum(p.paid_minor - p.refunded_minor)::bigint AS minor,
    count(*) FILTER (WHERE p.state = 'reversed') AS refunded
FROM payments p WHERE p.paid_minor IS NOT NULL
GROUP BY p.plan, p.provider, p.currency
ORDER BY p.plan, p.provider

-- name: doorway
SELECT
    (SELECT count(*) FROM removals WHERE state = 'removed') AS removed,
    (SELECT count(*) FROM events WHERE kind = 'leak') AS leaks,
    (SELECT count(*) FROM entry_links WHERE used_at IS NOT NULL) AS used
