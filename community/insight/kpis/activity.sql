-- name: active
-- Who showed a sign of being there (signs.activity), anywhere.
SELECT
    d.member_id AS key, d.member_id, nullif(d.group_id, 0) AS group_id, NULL::text AS part,
    d.first_day::timestamp AT TIME ZONE %(zone)s AS at, true AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM ({{did}}) AS d
WHERE d.shows

-- name: active_rate
-- Of who was in a group in the window: hit if they showed a sign; of a group, one in it.
WITH inside AS NOT MATERIALIZED (
    {{inside}}
),
shown AS NOT MATERIALIZED (
    SELECT member_id, nullif(group_id, 0) AS group_id FROM ({{did}}) AS d WHERE shows
)
SELECT
    i.member_id AS key, i.member_id, i.group_id, NULL::text AS part, NULL::timestamptz AS at,
    s.member_id IS NOT NULL AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM inside i
LEFT JOIN shown s USING (member_id, group_id)
UNION ALL
-- A sign elsewhere counts for all together, and for no group.
SELECT
    s.member_id, s.member_id, NULL, NULL, NULL, true, NULL, NULL, NULL
FROM shown s
WHERE EXISTS (SELECT FROM inside i WHERE i.member_id = s.member_id)
    AND NOT EXISTS (SELECT FROM inside i WHERE i.member_id = s.member_id AND i.group_id = s.group_id)

-- name: speakers
-- Who spoke in a group (signs.speaking).
SELECT
    d.member_id AS key, d.member_id, d.group_id, NULL::text AS part,
    d.first_day::timestamp AT TIME ZONE %(zone)s AS at, true AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM ({{did}}) AS d
WHERE d.speaks

-- name: speaking_rate
-- Of who was in a group in the window: hit if they spoke in it; in all, in any of theirs.
SELECT
    i.member_id AS key, i.member_id, i.group_id, NULL::text AS part, NULL::timestamptz AS at,
    s.member_id IS NOT NULL AS hit,
    NULL::bigint AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM ({{inside}}) AS i
LEFT JOIN (SELECT member_id, group_id FROM ({{did}}) AS d WHERE speaks) AS s USING (member_id, group_id)

-- name: messages
-- What members wrote in groups, a member and group a row.
SELECT
    (d.member_id << 24) + d.group_id AS key, d.member_id, d.group_id, NULL::text AS part,
    d.first_day::timestamp AT TIME ZONE %(zone)s AS at, true AS hit,
    d.message AS minor, NULL::text AS currency, NULL::double precision AS seconds
FROM ({{did}}) AS d
WHERE d.message > 0 AND d.group_id <> 0
