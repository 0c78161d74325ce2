-- name: shown
SELECT context ->> 'winner' AS winner FROM v_messages
WHERE id = %(id)s AND chat_id = %(chat_id)s AND stage = 'staff' AND step = 'experiment'
