-- What members did, for other packages.
CREATE OR REPLACE VIEW v_events AS
SELECT at, kind, member_id, group_id, data FROM events;

-- First and last time a member reached what a stage may have as its goal.
CREATE OR REPLACE VIEW v_milestones AS
SELECT member_id, kind, first_at, last_at FROM milestones;
