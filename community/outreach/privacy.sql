-- name: hold_plans
-- A planner in the middle of a plan would still write to the member: every plan opens a row here first.
LOCK TABLE plans IN EXCLUSIVE MODE

-- name: export_decisions
SELECT at, stage, step, occurrence, reason, due_at, gates FROM decisions WHERE member_id = %(id)s ORDER BY at, id

-- name: erase_decisions
-- How many got nothing for which reason stays in the plans' counts.
DELETE FROM decisions WHERE member_id = %(id)s

-- name: export_stage_triggers
SELECT stage, at, shown_wall FROM stage_triggers WHERE member_id = %(id)s ORDER BY id

-- name: erase_stage_triggers
DELETE FROM stage_triggers WHERE member_id = %(id)s

-- name: export_plan_rows
SELECT plan_id, on_day, step, occurrence, due_at, expires_at, reason, send_at, outcome, context FROM plan_rows
WHERE member_id = %(id)s
ORDER BY plan_id, number

-- name: erase_plan_rows
-- What a proposal was made of is fixed by its hash and counts, which stay.
DELETE FROM plan_rows WHERE member_id = %(id)s
