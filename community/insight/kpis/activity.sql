-- name: active
-- Who showed a sign of life (signs.activity), anywhere.
SELECT
    d.member_id AS key, d.member_id, nullif(d.group_id, 0) AS group_id, NULL::text AS part, NULL::timestamptz AS at,
    true AS hit, NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM member_days d
WHERE d.day >= %(since_day)s AND d.day < %(until_day)s
