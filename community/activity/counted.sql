-- name: mark_late
INSERT INTO late_days (day)
SELECT DISTINCT (l.at AT TIME ZONE c.zone)::date
FROM unnest(%(at)s::timestamptz[]) AS l (at), counted c
WHERE (l.at AT TIME ZONE c.zone)::date < c.before

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
