-- name: answer
-- The newest stands, also when an older one is handled later.
INSERT INTO survey_answers (member_id, survey, occurrence, score, at)
VALUES (%(member_id)s, %(survey)s, %(occurrence)s, %(score)s, %(at)s)
ON CONFLICT (member_id, survey, occurrence) DO UPDATE SET score = excluded.score, at = excluded.at
WHERE survey_answers.at <= excluded.at

-- name: results
-- A scan of the survey's answers: operators ask this now and then.
SELECT score, count(*) AS answers FROM survey_answers
WHERE survey = %(survey)s AND at > %(since)s AND at <= %(until)s
GROUP BY score
ORDER BY score

-- name: asked
SELECT count(*) AS asked FROM v_messages
WHERE member_id IS NOT NULL AND stage = 'member_care' AND step = %(survey)s AND sent_at > %(since)s
    AND sent_at <= %(until)s AND state IN ('sent', 'uncertain')
