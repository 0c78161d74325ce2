-- Who is due, for what: the stage's audience and what narrows it. statements.py fills it in.

-- name: candidates
-- Everyone the audience names, with the flags of their step, less those who have their message (of any state), or wait
-- for one in a proposal that nobody has decided.
WITH steps AS (
    SELECT step, moment, who, string_to_array(plans, ',') AS plans, day, local_time, after, every, expires_after,
        promotional, exempt, skip_late, collapse, lane, offer, prefix, name, template, own_time, experiment, variant,
        low, high, place
    FROM unnest(
        %(step)s::text[], %(moment)s::text[], %(who)s::text[], %(plans)s::text[], %(day)s::int[],
        %(local_time)s::time[], %(after)s::interval[], %(every)s::interval[], %(expires_after)s::interval[],
        %(promotional)s::boolean[], %(exempt)s::boolean[], %(skip_late)s::boolean[], %(collapse)s::boolean[],
        %(lane)s::smallint[], %(offer)s::text[], %(prefix)s::text[], %(name)s::text[], %(template)s::text[],
        %(own_time)s::time[], %(experiment)s::text[], %(variant)s::text[], %(low)s::int[], %(high)s::int[]
    ) WITH ORDINALITY AS s (
        step, moment, who, plans, day, local_time, after, every, expires_after, promotional, exempt, skip_late,
        collapse, lane, offer, prefix, name, template, own_time, experiment, variant, low, high, place
    )
),
audience AS MATERIALIZED (
    SELECT
        a.*,
        {{newest}} AS newest_at,
        EXISTS (
            SELECT FROM v_messages o
            WHERE o.member_id = a.member_id AND o.stage = %(stage)s AND o.step = a.step AND o.occurrence = a.occurrence
        ) {{proposed}} AS already
    FROM (
        {{audience}}
    ) AS a
    {{window}}
),
candidates AS (
    SELECT
        s.place AS key,
        a.member_id, NULL::bigint AS chat_id, %(stage)s::text AS stage, a.step, a.occurrence, a.due_at,
        -- A step that is to be skipped when late has expired as soon as a run has missed it.
        CASE WHEN s.skip_late AND a.due_at <= %(run_before)s THEN a.due_at ELSE a.expires_at END AS expires_at,
        CASE WHEN s.offer IS NULL THEN a.context ELSE a.context || jsonb_build_object(
            'coupon',
            s.prefix || '-' || upper(left(
                md5(concat_ws(':', %(salt)s::text, s.offer, a.member_id, a.occurrence)), 12
            ))
        ) END AS context,
        s.lane, s.lane AS reserve_lane, s.promotional, s.exempt, a.goals, a.since_at AS goal_since_at, s.template,
        {{variant}} AS variant,
        coalesce(
            a.barred,
            {{added}},
            CASE WHEN s.collapse AND a.due_at <= %(run_before)s AND a.due_at < a.newest_at THEN 'collapsed' END
        ) AS barred
    FROM audience a
    JOIN steps s {{of_step}}
    WHERE NOT a.already AND a.due_at <= %(due_by)s
),
{{gated}}

-- name: varied
-- A step with an experiment is a row of `steps` for each variant, and the audience names a member for all of them: kept is
-- the one whose share their lot falls into. Once the experiment is over that is the winner for everybody, or the first.
SELECT
    v.member_id, s.name AS step, v.occurrence, v.due_at, v.expires_at, v.since_at, v.goals, v.barred, v.context,
    s.place, CASE WHEN e.key IS NULL THEN s.experiment || ':' || s.variant END AS variant
FROM (
    {{audience}}
) AS v
JOIN steps s ON s.step = v.step
LEFT JOIN v_experiments e ON e.key = s.experiment AND e.state IN ('applied', 'ended')
WHERE CASE
    WHEN s.variant IS NULL THEN true
    WHEN e.key IS NULL THEN
        ('x' || left(md5(s.experiment || ':' || v.member_id), 8))::bit(32)::bigint %% 10000 BETWEEN s.low AND s.high - 1
    WHEN EXISTS (SELECT FROM steps o WHERE o.experiment = s.experiment AND o.variant = e.winner) THEN
        s.variant = e.winner
    ELSE s.low = 0
END

-- name: segmented
-- Steps that are for segments name whom the last count of payers put into one of them, and nobody else.
SELECT o.* FROM ({{audience}}) AS o
WHERE o.step <> ALL (%(segmented)s::text[]) OR EXISTS (
    SELECT FROM v_member_values v
    JOIN unnest(%(segmented)s::text[], %(segment)s::text[]) AS s (step, segment) USING (segment)
    WHERE v.member_id = o.member_id AND s.step = o.step
)

-- name: newest
-- The newest step that is due for the same reason to write, whether or not it was planned.
max(a.due_at) FILTER (WHERE a.due_at <= %(now_at)s) OVER (PARTITION BY a.member_id, a.occurrence)

-- name: follows
-- While older versions are in flight: members whose occurrence was begun by one of them, or by none of them.
SELECT v.*
FROM (
    {{audience}}
) AS v
WHERE coalesce(
    (
        SELECT o.bundle FROM v_messages o
        WHERE o.member_id = v.member_id AND o.stage = %(stage)s AND o.occurrence = v.occurrence
        ORDER BY o.planned_at, o.id LIMIT 1
    ), ''
) {{them}}

-- name: followed
= ANY (%(followed)s::text[])

-- name: older
<> ALL (%(older)s::text[])

-- name: added
-- Steps that a newer version brought, which may be old ones by another name. A version of Tuesday 12:00 has `gift` on
-- Tuesday at 10:00, which the one before had not. What tells is the member's next message of the occurrence, wanted on
-- Tuesday at 10:00 or later:
--   `hello`, Tuesday 11:00, planned before the version: they were past the place of `gift` when it came. Not sent.
--   `bonus`, Tuesday 10:00, of a step that is no more, whenever it was planned: that was `gift` by its old name. Not sent.
--   `bonus`, dropped with its step ('superseded'): they had nothing instead. Sent.
--   `later`, Wednesday, by this version or a newer one, and no more since: beside it there was `gift`, held back by a
--     cap. It was no other name, and does not count. Sent.
--   None, or one of a step that there is, planned after the version or wanted after it came. Sent.
CASE WHEN EXISTS (
    SELECT FROM unnest(%(added)s::text[], %(added_at)s::timestamptz[]) AS n (step, at)
    CROSS JOIN LATERAL (
        SELECT o.reason FROM v_messages o
        WHERE o.member_id = a.member_id AND o.stage = %(stage)s AND o.occurrence = a.occurrence
            AND o.wanted_at >= a.due_at
            AND (
                (o.planned_at < n.at AND o.wanted_at <= n.at)
                OR (o.step <> ALL (%(name)s::text[]) AND NOT EXISTS (
                    SELECT FROM stage_versions v
                    WHERE v.stage = %(stage)s AND v.bundle = o.bundle AND v.since_at >= n.at
                ))
            )
        ORDER BY o.wanted_at, o.reason IS NOT DISTINCT FROM 'superseded'
        LIMIT 1
    ) AS next
    WHERE n.step = a.step AND next.reason IS DISTINCT FROM 'superseded'
) {{awaited}} THEN 'superseded' END

-- name: awaited
-- Or a proposal of a version before may still bring it by its old name.
OR EXISTS (
    SELECT FROM unnest(%(added)s::text[], %(added_at)s::timestamptz[]) AS n (step, at)
    JOIN plan_rows r ON r.plan_id = ANY (%(open)s::bigint[]) AND r.member_id = a.member_id
    JOIN plans p ON p.id = r.plan_id
    WHERE n.step = a.step AND r.occurrence = a.occurrence AND r.reason IS NULL AND r.due_at >= a.due_at
        AND r.step <> ALL (%(name)s::text[]) AND NOT EXISTS (
            SELECT FROM stage_versions v
            WHERE v.stage = %(stage)s AND v.bundle = coalesce(r.bundle, p.bundle) AND v.since_at >= n.at
        )
)

-- name: window
WHERE a.due_at >= %(due_from)s AND a.due_at <= %(due_until)s

-- name: proposed
OR EXISTS (
    SELECT FROM plan_rows r
    WHERE r.plan_id = ANY (%(open)s::bigint[]) AND r.member_id = a.member_id AND r.step = a.step
        AND r.occurrence = a.occurrence AND r.reason IS NULL
)

-- name: looks
-- The audience as it will be seen from each of several moments.
SELECT a.*
FROM unnest(%(looks)s::timestamptz[]) AS looks (at)
CROSS JOIN LATERAL (
    {{audience}}
) AS a
