-- name: make_past
CREATE TEMP TABLE IF NOT EXISTS past (
    at timestamptz, kind text, member_id bigint, group_id bigint, data jsonb
) ON COMMIT DELETE ROWS

-- name: copy_past
COPY past (at, kind, member_id, group_id, data) FROM STDIN (FORMAT binary)

-- name: probe_only
-- A few thousand rows against years of events: always by the member's index, whatever the statistics of partitions
-- that this very import fills have the planner believe.
SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_hashjoin', 'enable_mergejoin', 'enable_seqscan']) AS name

-- name: backfill
-- The bounds on `at` leave all but a few partitions out; the rest of the key is found in events_member.
WITH new AS MATERIALIZED (
    SELECT DISTINCT ON (member_id, kind, at, data->'message') at, kind, member_id, group_id, data
    FROM past p
    WHERE NOT EXISTS (
        SELECT FROM events e
        WHERE e.member_id = p.member_id AND e.kind = p.kind AND e.group_id = p.group_id
            AND e.at >= p.at - CASE WHEN p.kind IN ('joined', 'left') THEN interval '5 minutes' ELSE interval '0' END
            AND e.at <= p.at + CASE WHEN p.kind IN ('joined', 'left') THEN interval '5 minutes' ELSE interval '0' END
            AND e.at >= %(since)s::timestamptz - interval '5 minutes'
            AND e.at <= %(until)s::timestamptz + interval '5 minutes'
            AND (NOT e.data ? 'message' OR e.at = p.at AND e.data->'message' = p.data->'message')
    )
),
appended AS (
    INSERT INTO events (at, kind, member_id, group_id, data)
    SELECT at, kind, member_id, group_id, data FROM new
),
reached AS (
    INSERT INTO milestones (member_id, kind, first_at, last_at)
    SELECT member_id, kind, min(at), max(at) FROM new
    GROUP BY member_id, kind
    ORDER BY member_id, kind
    ON CONFLICT (member_id, kind) DO UPDATE
    SET first_at = least(milestones.first_at, excluded.first_at),
        last_at = greatest(milestones.last_at, excluded.last_at)
),
lively AS (
    UPDATE members SET last_active_at = greatest(members.last_active_at, l.at)
    FROM (SELECT member_id, max(at) AS at FROM new WHERE kind = ANY (%(signs_of_life)s) GROUP BY member_id) AS l
    WHERE members.id = l.member_id
)
SELECT kind, array_agg(member_id) AS members FROM new GROUP BY kind
