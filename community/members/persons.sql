-- name: take_turns
-- Joins are rare; two at once could each join one half.
SELECT pg_advisory_xact_lock(hashtextextended('persons', 0))

-- name: of_member
SELECT person FROM persons WHERE member_id = %(member_id)s

-- name: of_account
SELECT person FROM persons WHERE hash = %(hash)s

-- name: add
INSERT INTO persons (person, member_id, hash)
VALUES (coalesce(%(person)s::text, gen_random_uuid()::text), %(member_id)s, %(hash)s)
RETURNING person

-- name: merge
WITH moved AS (UPDATE persons SET person = %(person)s WHERE person = %(other)s),
had AS (DELETE FROM persons_had WHERE person = %(other)s RETURNING plan)
INSERT INTO persons_had (person, plan) SELECT %(person)s, plan FROM had
ON CONFLICT DO NOTHING

-- name: hash
-- An account that was known by its hash already has a row of its own.
UPDATE persons SET hash = %(hash)s
WHERE member_id = %(member_id)s AND NOT EXISTS (SELECT FROM persons WHERE hash = %(hash)s)

-- name: had
INSERT INTO persons_had (person, plan) SELECT %(person)s, unnest(%(plans)s::text[])
ON CONFLICT DO NOTHING
