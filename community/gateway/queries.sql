-- name: member_of_message
SELECT member_id FROM v_messages WHERE id = %(id)s

-- name: browsers
-- Those in which the link of that message was opened: of one member's clicks, by their index.
SELECT coalesce(array_agg(DISTINCT data ->> 'browser') FILTER (WHERE data ? 'browser'), '{}') AS browsers FROM v_events
WHERE member_id = %(member_id)s AND kind = 'click' AND at > %(at)s::timestamptz - interval '1 year'
    AND data ->> 'link' = %(link)s AND (data ->> 'message')::bigint = %(message)s

-- name: messages_by_state
-- What waits, is on its way, or needs somebody: all behind partial indexes. What was sent is not counted here, as that
-- would read the whole table at each scrape.
-- By class, which has ten lanes: the first stands for them.
SELECT state, lane / 10 * 10 AS lane, count(*) AS messages FROM v_messages
WHERE bot_id = %(bot_id)s AND state = 'waiting' GROUP BY state, lane / 10
UNION ALL
SELECT state, lane / 10 * 10, count(*) FROM v_messages
WHERE bot_id = %(bot_id)s AND state = 'sending' GROUP BY state, lane / 10
UNION ALL
SELECT state, lane / 10 * 10, count(*) FROM v_messages
WHERE bot_id = %(bot_id)s AND state IN ('failed', 'uncertain') GROUP BY state, lane / 10

-- name: updates_by_state
SELECT 'pending' AS state, count(*) AS updates FROM v_updates WHERE bot_id = %(bot_id)s AND state = 'pending'
UNION ALL
SELECT 'failed', count(*) FROM v_updates WHERE bot_id = %(bot_id)s AND state = 'failed'
