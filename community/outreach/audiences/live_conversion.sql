-- name: audience
-- The ladder of each live session in its time, and for each rung whom it is for. The rungs are worked out once a
-- session, by the rules of `community/live/ladder.py`; then come the people of those that are due: the session's own by
-- the primary key of attendances, and everyone only while a rung that is for everyone is still of use (and a day more,
-- so that a decision says who came too late). A rung that did not move with its session is not sent again to whoever
-- had it; the others are planned anew, as another occurrence.
WITH ladder AS MATERIALIZED (
    SELECT
        l.id, l.version, l.created_at, l.cancelled_at, s.step, s.name, s.who, w.due_at, w.place,
        least(w.due_at + s.expires_after, w.until_at) AS expires_at,
        l.id || ':' || l.version AS occurrence,
        ARRAY(SELECT l.id || ':' || v FROM generate_series(1, l.version - 1) AS v) AS former,
        CASE
            WHEN s.moment IN ('moved', 'cancelled') THEN NULL
            -- Who has bought is offered nothing more, but keeps their seat and is reminded of it.
            WHEN l.plan IS NOT NULL AND w.place >= 0 THEN ARRAY['purchase:' || l.plan] || coalesce(%(goals)s::text[], '{}')
            ELSE %(goals)s::text[]
        END AS goals,
        CASE WHEN w.place >= 0 AND l.sold_out THEN 'sold_out' END AS barred,
        jsonb_strip_nulls(jsonb_build_object('live', l.id, 'coupon', CASE WHEN w.place >= 0 THEN l.coupon END))
            AS context
    FROM v_lives l
    CROSS JOIN steps s
    CROSS JOIN LATERAL (
        SELECT f.at + coalesce(s.after, '0') AS due_at, f.first_at, f.until_at, f.place
        FROM (
            VALUES
                ('announce', NULL, l.announce_at, l.announce_at, l.starts_at, -1),
                ('start', true, l.starts_at, coalesce(l.moved_at, l.created_at), l.starts_at, -1),
                ('start', false, l.starts_at, l.starts_at, l.ends_at, -1),
                ('end', NULL, l.ends_at, l.ends_at, l.window_until_at, 0),
                ('half', NULL, l.ends_at + (l.window_until_at - l.ends_at) / 2, l.ends_at, l.window_until_at, 1),
                ('close', NULL, l.window_until_at, l.ends_at, l.window_until_at, 2),
                ('moved', NULL, l.moved_at, l.moved_at, l.starts_at, -1),
                ('cancelled', NULL, l.cancelled_at, l.cancelled_at, l.ends_at, -1)
        ) AS f (moment, before, at, first_at, until_at, place)
        WHERE f.moment = s.moment AND (f.before IS NULL OR f.before = (coalesce(s.after, '0') < '0'))
            AND (f.moment = 'cancelled') = (l.cancelled_at IS NOT NULL)
    ) AS w
    WHERE l.window_until_at > %(as_of)s::timestamptz - interval '15 days'
        AND w.due_at >= w.first_at AND w.due_at < w.until_at AND w.due_at <= %(as_of)s
),
rungs AS MATERIALIZED (
    -- A short window has no room for a rung that one of a later moment has overtaken.
    SELECT * FROM ladder r
    WHERE NOT EXISTS (
        SELECT FROM ladder o WHERE o.id = r.id AND r.place >= 0 AND o.place > r.place AND o.due_at <= r.due_at
    )
),
people AS (
    SELECT m.id AS member_id, r.*
    FROM rungs r
    JOIN v_attendances a ON a.live_id = r.id
    JOIN v_members m ON m.id = a.member_id
    WHERE m.id = ANY (%(members)s) AND m.left_at IS NULL AND CASE r.who
        -- Whoever registers after a reminder's time needs none.
        WHEN 'registered' THEN a.registered_at <= r.due_at
        WHEN 'watched' THEN a.watched_at IS NOT NULL
        WHEN 'interested' THEN a.registered_at <= r.due_at OR a.watched_at IS NOT NULL
    END
    UNION ALL
    SELECT m.id, r.*
    FROM rungs r
    JOIN v_members m ON m.id = ANY (%(members)s) AND m.in_group AND m.entered_at <= r.due_at
    WHERE r.who = 'everyone' AND r.expires_at > %(as_of)s::timestamptz - interval '1 day'
    UNION ALL
    SELECT m.id, r.*
    FROM rungs r
    JOIN v_members m ON m.id = ANY (%(members)s)
    WHERE r.who = 'told' AND m.left_at IS NULL AND r.expires_at > %(as_of)s::timestamptz - interval '1 day'
        AND (
            EXISTS (
                SELECT FROM v_attendances a
                WHERE a.live_id = r.id AND a.member_id = m.id AND a.registered_at <= r.due_at
            )
            OR EXISTS (
                SELECT FROM v_messages w
                WHERE w.member_id = m.id AND w.stage = %(stage)s AND w.occurrence = ANY (r.former)
                    AND w.step IN (SELECT name FROM steps WHERE moment = 'announce')
                    AND w.state IN ('sending', 'sent', 'uncertain')
            )
        )
)
SELECT
    p.member_id, p.step, p.occurrence, p.due_at, p.expires_at, p.created_at AS since_at, p.goals, p.barred, p.context
FROM people p
WHERE p.version = 1 OR NOT EXISTS (
    SELECT FROM v_messages w
    WHERE w.member_id = p.member_id AND w.stage = %(stage)s AND w.step = p.name AND w.occurrence = ANY (p.former)
        AND w.wanted_at = p.due_at AND w.state IN ('sending', 'sent', 'uncertain')
)

-- name: absence
SELECT
    CASE
        WHEN l.id IS NULL THEN 'no_live'
        WHEN a.member_id IS NOT NULL AND a.watched_at IS NULL THEN 'not_watched'
        WHEN a.member_id IS NOT NULL THEN 'not_due'
        WHEN m.entered_at IS NULL THEN 'not_entered'
        WHEN NOT m.in_group THEN 'left'
        ELSE 'not_registered'
    END AS absence,
    CASE WHEN l.id IS NOT NULL AND a.member_id IS NULL AND NOT m.in_group THEN m.left_at END AS since_at
FROM v_members m
LEFT JOIN LATERAL (
    SELECT id FROM v_lives
    WHERE window_until_at > %(as_of)s AND created_at <= %(as_of)s AND cancelled_at IS NULL
    ORDER BY window_until_at LIMIT 1
) AS l ON true
LEFT JOIN v_attendances a ON a.live_id = l.id AND a.member_id = m.id
WHERE m.id = %(member_id)s
