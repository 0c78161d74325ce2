-- name: one_moment
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY

-- name: one_at_a_time
-- Two erasures would wait for each other's rows; and the service must not wait long for one.
SELECT set_config('lock_timeout', '10s', true), pg_advisory_xact_lock(hashtextextended('erasure', 0))
