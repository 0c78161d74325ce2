-- name: claim_installation
INSERT INTO installation (id, bot_id, mode, claimed_wall)
VALUES (1, %(bot_id)s, %(mode)s, clock_timestamp())
ON CONFLICT DO NOTHING

-- name: installation
SELECT bot_id, mode, virtual_now_at FROM installation WHERE id = 1

-- name: set_virtual_now
UPDATE installation SET virtual_now_at = %(at)s WHERE id = 1 AND mode <> 'real' RETURNING id

-- name: beat
-- Old processes are forgotten here, so that the table stays as small as the installation.
WITH gone AS (DELETE FROM heartbeats WHERE beat_wall < clock_timestamp() - interval '1 day')
INSERT INTO heartbeats (process, role, beat_wall) VALUES (%(process)s, %(role)s, clock_timestamp())
ON CONFLICT (process) DO UPDATE SET beat_wall = clock_timestamp()

-- name: set_back
-- Heartbeats of the future mean that the clock was set back. Who mends them learns by how much; others find them mended.
WITH ahead AS (
    SELECT process, beat_wall FROM heartbeats WHERE beat_wall > clock_timestamp() + interval '2 seconds' FOR UPDATE
),
mended AS (
    UPDATE heartbeats SET beat_wall = clock_timestamp() FROM ahead WHERE heartbeats.process = ahead.process
)
SELECT max(beat_wall) - clock_timestamp() AS back FROM ahead

-- name: last_beat
SELECT max(beat_wall) AS beat_wall FROM heartbeats WHERE role = %(role)s

-- name: versions
SELECT
    (SELECT version_num FROM alembic_version) AS migration,
    current_setting('server_version') AS postgresql,
    clock_timestamp() AS now_wall
