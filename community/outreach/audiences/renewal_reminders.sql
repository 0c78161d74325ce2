-- name: audience
-- Whose term ends: the rungs of its plan, `day` local days before the local date of the end (negative) or after it
-- (win-back). Of a line only the term that ends last counts, so whoever has renewed is out; one that was revoked never
-- does, one that its member cancelled or that is for life has no rungs. While a subscription of the line runs, which
-- prolongs by itself, no rung before an end is due (SOP 1.22). An end is one occurrence. Its goal is that it
-- does not matter any more (`over:…`: renewed, changed, cancelled, revoked, come back), so what waits is dropped then.
-- A rung fits when its day is after the one the term began on and its time before the end; it is stale when the next
-- that fits is due, at the latest at the end.
--
-- One range of terms_end: ends from two weeks before the last step to the first step ahead; for each the last of its
-- line by terms_member, and the member by key. Subqueries and OFFSET 0 keep the planner from joining all terms with
-- all. Measured with 1,240,000 terms of 400,000 members, of which 229,000 end in the range and 2,200 are the last of
-- their line: 1.0 s; a member named, some ms.
SELECT
    r.member_id,
    r.step,
    r.occurrence,
    r.due_at,
    least(r.due_at + r.expires_after, r.next_at, r.gone_at) AS expires_at,
    r.since_at,
    ARRAY['over:' || r.occurrence] || %(goals)s::text[] AS goals,
    NULL::text AS barred,
    jsonb_build_object('plan', r.plan, 'ends_at', r.ends_at, 'days_left', greatest(-r.day, 0)) AS context
FROM (
    SELECT
        t.member_id, t.plan, t.ends_at, t.occurrence, s.step, s.day, s.expires_after, due.due_at,
        min(due.due_at) OVER (
            PARTITION BY t.id ORDER BY s.day, s.own_time GROUPS BETWEEN 1 FOLLOWING AND 1 FOLLOWING
        ) AS next_at,
        CASE WHEN s.day <= 0 THEN t.ends_at END AS gone_at,
        -- What was over in the very moment in which this end was set was another end.
        t.changed_at + interval '1 microsecond' AS since_at
    FROM (
        SELECT
            t.id, t.member_id, t.plan, t.line, t.ends_at, t.changed_at,
            t.id || ':' || to_char(t.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS occurrence,
            m.zone,
            (t.ends_at AT TIME ZONE m.zone)::date AS ends_on,
            (t.starts_at AT TIME ZONE m.zone)::date AS starts_on
        FROM v_terms t
        CROSS JOIN LATERAL (
            SELECT id, coalesce(zone, %(zone)s) AS zone FROM v_members WHERE id = t.member_id AND left_at IS NULL
            OFFSET 0
        ) AS m
        WHERE t.cancelled_at IS NULL AND t.revoked_at IS NULL
            AND t.ends_at > %(as_of)s::timestamptz - make_interval(days => (SELECT max(day) FROM steps) + 15)
            AND t.ends_at <= %(as_of)s::timestamptz - make_interval(days => (SELECT min(day) FROM steps) - 2)
            AND t.id = (
                SELECT id FROM v_terms
                WHERE member_id = t.member_id AND line = t.line AND revoked_at IS NULL
                ORDER BY ends_at DESC, id DESC LIMIT 1
            )
            AND t.member_id = ANY (%(members)s)
        OFFSET 0
    ) AS t
    JOIN steps s ON (s.plans IS NULL OR t.plan = ANY (s.plans)) AND t.ends_on + s.day > t.starts_on
    CROSS JOIN LATERAL (
        SELECT (t.ends_on + s.day + s.local_time) AT TIME ZONE t.zone AS due_at
        OFFSET 0
    ) AS due
    WHERE s.day > 0 OR (due.due_at < t.ends_at AND NOT EXISTS (
        SELECT FROM v_terms r
        WHERE r.member_id = t.member_id AND r.line = t.line AND r.renews AND r.revoked_at IS NULL
            AND r.ends_at > due.due_at
    ))
) AS r
WHERE r.due_at <= %(as_of)s

-- name: absence
-- Of the line that ends nearest to now: why the term that ends last there has no rung.
SELECT
    CASE
        WHEN v.left_at IS NOT NULL THEN 'left'
        WHEN t.id IS NULL THEN CASE WHEN v.revoked_at IS NULL THEN 'no_term' ELSE 'revoked' END
        WHEN t.ends_at IS NULL THEN 'lifetime'
        WHEN t.cancelled_at IS NOT NULL THEN 'cancelled'
        WHEN t.ends_at > %(now_at)s AND t.renews THEN 'renews'
        WHEN NOT t.has_rungs THEN 'no_rungs'
        WHEN t.ends_at <= %(now_at)s THEN 'ended'
        WHEN t.follows THEN 'term_followed'
        ELSE 'ends_later'
    END AS absence,
    CASE
        WHEN v.left_at IS NOT NULL THEN v.left_at
        WHEN t.id IS NULL THEN v.revoked_at
        WHEN t.ends_at IS NULL THEN t.starts_at
        ELSE coalesce(t.cancelled_at, t.ends_at)
    END AS since_at
FROM (
    SELECT
        (SELECT left_at FROM v_members WHERE id = %(member_id)s) AS left_at,
        (SELECT max(revoked_at) FROM v_terms WHERE member_id = %(member_id)s) AS revoked_at
) AS v
LEFT JOIN LATERAL (
    SELECT
        last.*,
        -- A step without plans is for all of them.
        EXISTS (
            SELECT FROM unnest(%(plans)s::text[]) AS s (plans)
            WHERE s.plans IS NULL OR last.plan = ANY (string_to_array(s.plans, ','))
        ) AS has_rungs,
        EXISTS (
            SELECT FROM v_terms f
            WHERE f.member_id = %(member_id)s AND f.line = last.line AND f.id <> last.id AND f.revoked_at IS NULL
                AND f.ends_at > %(now_at)s::timestamptz - interval '15 days'
        ) AS follows,
        EXISTS (
            SELECT FROM v_terms r
            WHERE r.member_id = %(member_id)s AND r.line = last.line AND r.renews AND r.revoked_at IS NULL
                AND r.ends_at > %(now_at)s
        ) AS renews
    FROM (
        SELECT DISTINCT ON (line) id, plan, line, starts_at, ends_at, cancelled_at
        FROM v_terms
        WHERE member_id = %(member_id)s AND revoked_at IS NULL
        ORDER BY line, ends_at DESC, id DESC
    ) AS last
    ORDER BY abs(extract(epoch FROM last.ends_at - %(now_at)s)), last.id
    LIMIT 1
) AS t ON true
