-- name: now
SELECT extract(epoch FROM clock_timestamp())::bigint AS now_s

-- name: holds
SELECT %(until_s)s > extract(epoch FROM clock_timestamp())
    AND NOT EXISTS (SELECT FROM spent_passes WHERE number = %(number)s) AS holds

-- name: forget
-- What is over needs nobody's memory any more.
DELETE FROM spent_passes WHERE until_wall < clock_timestamp()

-- name: spend
INSERT INTO spent_passes (number, until_wall)
SELECT %(number)s, to_timestamp(%(until_s)s::bigint)
WHERE %(until_s)s > extract(epoch FROM clock_timestamp())
ON CONFLICT DO NOTHING
RETURNING number
