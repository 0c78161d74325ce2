-- name: mark_late
INSERT INTO late_days (day)
SELECT DISTINCT (l.at AT TIME ZONE c.zone)::date
FROM unnest(%(at)s::timestamptz[]) AS l (at), counted c
WHERE (l.at AT TIME ZONE c.zone)::date < c.before

-- name: mark_late_days
INSERT INTO late_days (day)
SELECT DISTINCT l.day FROM unnest(%(days)s::date[]) AS l (day), counted c WHERE l.day < c.before

-- name: mark_late_since
-- By dates: where clocks are put forward, steps of 24 hours from an evening pass over a day.
INSERT INTO late_days (day)
SELECT l.day::date
FROM counted c
CROSS JOIN LATERAL generate_series(
    (%(first_at)s::timestamptz AT TIME ZONE c.zone)::date::timestamp,
    least((%(at)s::timestamptz AT TIME ZONE c.zone)::date, c.before - 1)::timestamp,
    interval '1 day'
) AS l (day)

-- name: count_alone
SELECT pg_advisory_xact_lock(%(key)s)

-- name: keep_counter_out
SELECT pg_advisory_xact_lock_shared(%(key)s)

-- name: counted
SELECT before FROM counted WHERE id = 1 AND zone = %(zone)s

-- name: count_before
INSERT INTO counted (id, zone, before) VALUES (1, %(zone)s, %(before)s)
ON CONFLICT (id) DO UPDATE SET zone = excluded.zone, before = excluded.before

-- name: mark_days_late
INSERT INTO late_days (day)
SELECT day::date FROM generate_series(%(since)s::timestamp, %(before)s::timestamp - interval '1 day', '1 day') AS day

-- name: late_days
SELECT DISTINCT day FROM late_days ORDER BY day DESC LIMIT %(most)s

-- name: take_late
DELETE FROM late_days WHERE day = ANY (%(days)s)
