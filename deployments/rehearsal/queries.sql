-- name: member
-- Who the stranger has become, and the whole source that figures and exports take from their link.
SELECT m.id, m.locale, m.entered_at, l.source, s.source AS counted_as
FROM members m
JOIN v_sources s ON s.member_id = m.id
LEFT JOIN v_links l ON l.token = m.link_token
WHERE m.telegram_id = %(telegram_id)s

-- name: clicked
SELECT count(*) AS times FROM v_events
WHERE kind = 'click' AND member_id = %(member_id)s AND data ->> 'link' = %(link)s

-- name: not_sent
-- Steps of the stage that were wanted and did not leave, each with the reason.
SELECT step, coalesce(reason, state) AS reason FROM v_messages
WHERE member_id = %(member_id)s AND stage = %(stage)s AND state <> 'sent' AND due_at <= %(at)s
UNION
SELECT step, reason FROM v_decisions WHERE member_id = %(member_id)s AND stage = %(stage)s
ORDER BY step, reason

-- name: next_due
SELECT min(due_at) AS due_at FROM v_messages WHERE state = 'waiting' AND due_at > %(now)s
