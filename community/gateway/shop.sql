-- name: member_of_message
-- For a month after it was due: who keeps a message longer is asked by the bot again.
SELECT member_id FROM v_messages
WHERE id = %(id)s AND member_id IS NOT NULL AND due_at > %(at)s::timestamptz - interval '30 days'

-- name: holders
SELECT count(DISTINCT member_id) AS holders FROM v_terms
WHERE plan = %(plan)s AND revoked_at IS NULL AND starts_at <= %(at)s AND (ends_at IS NULL OR ends_at > %(at)s)
