-- name: members
SELECT
    m.id, m.telegram_id, m.username, m.first_name, m.last_name, m.locale, m.zone, m.group_title, m.dm, m.opted_out_at,
    m.first_seen_at, m.entered_at, m.left_at, m.last_active_at, m.link_token, o.source, o.consent
FROM v_members m LEFT JOIN v_member_origins o ON o.member_id = m.id
ORDER BY m.id

-- name: messages
SELECT
    id, member_id, chat_id, method, stage, step, occurrence, promotional, planned_at, wanted_at, due_at, late_s, state,
    reason, attempts, sent_at
FROM v_messages
ORDER BY id

-- name: decisions
SELECT id, at, plan_id, member_id, stage, step, occurrence, reason, due_at, gates FROM v_decisions ORDER BY at, id

-- name: events
SELECT at, kind, member_id, group_id, data FROM v_events ORDER BY at
