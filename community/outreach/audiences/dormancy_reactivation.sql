-- name: audience
-- Who has fallen silent: members of a group whose last sign is so many local days old. A step's `moment` says which
-- signs: `silent`, of life at all (the playbook's signs.activity); `unspoken`, of speaking (signs.speaking). Entering is
-- a sign of both. A spell of silence is one occurrence, by the day of the last sign; any sign after it is the goal, so
-- that what waits is dropped when the member comes back. Nobody is silent in the welcome week, which has a post a day.
-- A step's `who`: `holder` of a term, `free` without one; as it was when the step was due, or a spell could meet both.
--
-- One range of milestones_signs a kind and one of members_entered: those whose last sign may be up to two weeks older
-- than the last step; for each of them their signs by primary key. Every look-up is lateral and fenced by OFFSET 0: as
-- joins the planner would read all members and milestones once it takes a range for large. Measured with 400,000
-- members, of whom 168,000 fell silent in that time (550,000 milestones in the ranges): 10 s with 2,000,000 milestones
-- and with 7,000,000; a member named, some ms.
SELECT
    m.id AS member_id,
    s.step,
    m.moment || ':' || to_char(m.sign_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS occurrence,
    due.due_at,
    due.due_at + s.expires_after AS expires_at,
    m.sign_at + interval '1 microsecond' AS since_at,
    m.kinds || %(goals)s::text[] AS goals,
    NULL::text AS barred,
    coalesce(
        (
            SELECT jsonb_build_object('next_live', id) FROM v_lives
            WHERE cancelled_at IS NULL AND window_until_at > %(as_of)s
                AND starts_at > %(as_of)s AND starts_at <= %(as_of)s::timestamptz + interval '14 days'
            ORDER BY starts_at, id LIMIT 1
        ),
        '{}'
    ) AS context
FROM (
    -- Zones once a member, not once a step.
    SELECT
        found.*,
        (found.sign_at AT TIME ZONE found.zone)::date AS sign_on,
        (found.entered_at AT TIME ZONE found.zone)::date AS entered_on
    FROM (
        SELECT spell.moment, spell.kinds, silent.sign_at, m.id, m.entered_at, coalesce(m.zone, %(zone)s) AS zone
        FROM (
            SELECT
                k.moment,
                k.kinds,
                %(as_of)s::timestamptz - make_interval(days => max(s.day) + 15) AS from_at,
                -- By the local date a day may be an hour long.
                %(as_of)s::timestamptz - make_interval(days => min(s.day) - 1) + interval '2 hours' AS until_at
            FROM (VALUES ('silent', %(activity)s::text[]), ('unspoken', %(speaking)s::text[])) AS k (moment, kinds)
            JOIN steps s USING (moment)
            GROUP BY k.moment, k.kinds
        ) AS spell
        CROSS JOIN LATERAL (
            SELECT sign.id, sign.last_at AS sign_at
            FROM unnest(spell.kinds) AS one (kind)
            CROSS JOIN LATERAL (
                -- The kind that came last speaks for the member. The list of kinds is the index's.
                SELECT g.id, g.last_at
                FROM v_milestones AS g (id, kind, first_at, last_at)
                WHERE g.kind = one.kind
                    AND g.kind IN ('message', 'private', 'reaction', 'click', 'button', 'start', 'answer')
                    AND g.last_at > spell.from_at AND g.last_at <= spell.until_at
                    AND g.id = ANY (%(members)s)
                    AND NOT EXISTS (
                        SELECT FROM v_milestones
                        WHERE member_id = g.id AND kind = ANY (spell.kinds)
                            AND (last_at > g.last_at OR (last_at = g.last_at AND kind < g.kind))
                        OFFSET 0
                    )
                OFFSET 0
            ) AS sign
            UNION ALL
            SELECT e.id, e.entered_at
            FROM v_members e
            WHERE e.entered_at > spell.from_at AND e.entered_at <= spell.until_at
                AND e.id = ANY (%(members)s)
                AND NOT coalesce(
                    (
                        SELECT max(last_at) FROM v_milestones WHERE member_id = e.id AND kind = ANY (spell.kinds)
                    ) >= e.entered_at,
                    false
                )
            OFFSET 0
        ) AS silent
        CROSS JOIN LATERAL (
            SELECT id, zone, entered_at FROM v_members WHERE id = silent.id AND in_group
            OFFSET 0
        ) AS m
        WHERE silent.sign_at >= m.entered_at
        OFFSET 0
    ) AS found
    OFFSET 0
) AS m
JOIN steps s USING (moment)
CROSS JOIN LATERAL (
    SELECT (greatest(m.sign_on + s.day, m.entered_on + 8) + s.local_time) AT TIME ZONE m.zone AS due_at
    OFFSET 0
) AS due
WHERE due.due_at <= %(as_of)s
    AND (
        s.who IS NULL OR (s.who = 'holder') = EXISTS (
            SELECT FROM v_terms t
            WHERE t.member_id = m.id AND t.starts_at <= due.due_at AND coalesce(t.ends_at > due.due_at, true)
                AND coalesce(t.revoked_at > due.due_at, true)
        )
    )

-- name: absence
SELECT
    CASE
        WHEN m.entered_at IS NULL THEN 'not_entered'
        WHEN m.entered_at > %(as_of)s THEN 'entered_later'
        WHEN NOT m.in_group THEN 'left'
        WHEN m.sign_at > %(as_of)s::timestamptz - make_interval(days => s.first) THEN 'still_active'
        WHEN m.sign_at > %(as_of)s::timestamptz - make_interval(days => s.last + 15) THEN 'other_step'
        ELSE 'silent_long'
    END AS absence,
    CASE
        WHEN m.entered_at IS NULL OR m.entered_at > %(as_of)s THEN m.entered_at
        WHEN NOT m.in_group THEN m.left_at
        ELSE m.sign_at
    END AS since_at
FROM (
    SELECT
        entered_at,
        left_at,
        in_group,
        greatest(
            entered_at,
            (
                SELECT max(last_at) FROM v_milestones
                WHERE member_id = %(member_id)s AND kind = ANY (%(activity)s::text[] || %(speaking)s::text[])
            )
        ) AS sign_at
    FROM v_members
    WHERE id = %(member_id)s
) AS m
CROSS JOIN (SELECT coalesce(min(day), 0) AS first, coalesce(max(day), 0) AS last FROM unnest(%(day)s::int[]) AS day) AS s
