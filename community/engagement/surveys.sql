-- name: answer
-- The newest stands, also when an older one is handled later.
INSERT INTO survey_answers (member_id, survey, occurrence, score, at)
VALUES (%(member_id)s, %(survey)s, %(occurrence)s, %(score)s, %(at)s)
ON CONFLICT (member_id, survey, occurrence) DO UPDATE SET score = excluded.score, at = excluded.at
WHERE survey_answers.at <= excluded.at
