-- name: page
-- Names are looked up for the few that are shown.
SELECT p.key, p.member_id, p.at, p.part, p.number, coalesce(p.source, s.source) AS source, m.first_name, m.last_name, m.username
FROM (
    SELECT r.key, r.member_id, r.at, r.source, r.part, r.number
    FROM ({{rows}}) AS r
    ORDER BY r.at, r.key, r.source, r.part
    LIMIT %(limit)s OFFSET %(offset)s
) AS p
LEFT JOIN v_members m ON m.id = p.member_id
LEFT JOIN v_sources s ON s.member_id = p.member_id
ORDER BY p.at, p.key, p.source, p.part

-- name: attended
SELECT
    a.member_id AS key, a.member_id, a.{{came}}_at AS at, NULL::text AS source, NULL::text AS part, 1::bigint AS number
FROM v_attendances a
WHERE a.live_id = %(live_id)s AND a.{{came}}_at IS NOT NULL
