-- name: audience
-- Who is in the welcome drip: members of a group, from the moment they were first admitted, each step at its local
-- time that many days later. Members are looked at for two weeks past the last step, so that a long outage still
-- leaves a decision for what it made stale. One range of members_entered; the drip never looks at older members.
SELECT
    m.id AS member_id,
    s.step,
    m.occurrence,
    due.due_at,
    due.due_at + s.expires_after AS expires_at,
    m.entered_at AS since_at,
    %(goals)s::text[] AS goals,
    NULL::text AS barred,
    '{}'::jsonb AS context
FROM (
    -- Zones once a member, not once a step: their arithmetic is what costs here.
    SELECT
        id,
        entered_at,
        to_char(entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS occurrence,
        coalesce(zone, %(zone)s) AS zone,
        (entered_at AT TIME ZONE coalesce(zone, %(zone)s))::date AS entered_on,
        %(as_of)s::timestamptz AT TIME ZONE coalesce(zone, %(zone)s) + interval '1 hour' AS local_now_at_most
    FROM v_members
    WHERE entered_at > %(as_of)s::timestamptz - make_interval(days => (SELECT max(day) FROM steps) + 15)
        AND entered_at <= %(as_of)s
        AND in_group
        AND id = ANY (%(members)s)
    OFFSET 0
) AS m
JOIN steps s ON s.local_time IS NULL OR m.entered_on + s.day + s.local_time <= m.local_now_at_most
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN s.local_time IS NULL THEN m.entered_at
        ELSE (m.entered_on + s.day + s.local_time) AT TIME ZONE m.zone
    END AS due_at
    OFFSET 0
) AS due
WHERE due.due_at <= %(as_of)s

-- name: absence
SELECT
    CASE
        WHEN entered_at IS NULL THEN 'not_entered'
        WHEN entered_at > %(as_of)s THEN 'entered_later'
        WHEN NOT in_group THEN 'left'
        ELSE 'over'
    END AS absence,
    CASE WHEN entered_at IS NULL OR in_group OR entered_at > %(as_of)s THEN entered_at ELSE left_at END AS since_at
FROM v_members
WHERE id = %(member_id)s
