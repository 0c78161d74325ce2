-- name: one_at_a_time
-- Two runs at once would both find the same lead; and an erasure waits, as staff are told of whom it is about to forget.
SELECT
    pg_advisory_xact_lock(hashtextextended('care', 0)),
    pg_advisory_xact_lock_shared(hashtextextended('erasure', 0))

-- name: leads
-- Who paid so much in terms that began within a year, and was no lead within it. One range of terms_start.
SELECT
    paid.member_id,
    'consulting_lead' AS kind,
    to_char(%(as_of)s::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS occurrence,
    round(paid.minor / power(10::numeric, %(digits)s::int), %(digits)s::int) || ' ' || %(currency)s::text AS note
FROM (
    SELECT member_id, sum(paid_minor) AS minor
    FROM v_terms
    WHERE starts_at > %(as_of)s::timestamptz - interval '365 days' AND starts_at <= %(as_of)s
        AND revoked_at IS NULL AND currency = %(currency)s
    GROUP BY member_id
    HAVING sum(paid_minor) >= %(above)s
) AS paid
JOIN v_members m ON m.id = paid.member_id AND m.dm <> 'gone'
WHERE NOT EXISTS (
    SELECT FROM v_follow_ups f
    WHERE f.member_id = paid.member_id AND f.kind = 'consulting_lead'
        AND f.created_at > %(as_of)s::timestamptz - interval '365 days'
)
