-- Messages and what became of them, for other packages.
CREATE OR REPLACE VIEW v_messages AS
SELECT id, bot_id, member_id, chat_id, method, lane, stage, step, state, reason, sent_at,
    occurrence, promotional, planned_at, due_at, attempts, plan_id, context, wanted_at, expires_at, late_s,
    bundle, variant, exempt, goals, goal_since_at, counts_at
FROM messages;

-- What was in force from when on.
CREATE OR REPLACE VIEW v_publications AS
SELECT id, bundle, note, published_at, in_flight, returns_to FROM publications;

-- What staff were alerted to, by subject: the last time, and whether they were told.
CREATE OR REPLACE VIEW v_alerts AS
SELECT subject, what, place, next_step, times, since_at, last_at, told_at FROM alerts;
