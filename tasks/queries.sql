-- name: messages_of_members
-- What became of what these members got from a stage, whichever plan it came from: the welcome that a join answers
-- at once is planned before the run that shows it.
SELECT step, state, reason, count(*) AS messages
FROM v_messages
WHERE member_id = ANY(%(members)s) AND stage = %(stage)s AND step = ANY(%(steps)s)
GROUP BY step, state, reason
