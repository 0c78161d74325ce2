-- name: take_turns
-- Two accounts of a person must not both be the first.
SELECT pg_advisory_xact_lock(hashtextextended('person:' || person, 0)) FROM v_persons WHERE member_id = %(member_id)s

-- name: had
SELECT FROM terms
WHERE plan = %(plan)s AND revoked_at IS NULL AND (
    member_id = %(member_id)s
    OR member_id IN (
        SELECT o.member_id FROM v_persons p JOIN v_persons o USING (person) WHERE p.member_id = %(member_id)s
    )
)
UNION ALL
SELECT FROM v_persons p JOIN v_persons_had h USING (person) WHERE p.member_id = %(member_id)s AND h.plan = %(plan)s
LIMIT 1
