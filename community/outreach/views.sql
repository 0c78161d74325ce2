-- What was decided about those who were not sent to, for other packages.
CREATE OR REPLACE VIEW v_decisions AS
SELECT id, at, plan_id, member_id, stage, step, occurrence, reason, due_at, gates FROM decisions;
