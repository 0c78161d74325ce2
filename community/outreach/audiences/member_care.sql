-- name: audience
-- Care for members (SOP 1.19, 1.23, 1.24, 1.25). From where a step's days are counted, and for whom:
-- · coverage, paying: from when the member began to pay without a break; with `every`, again so long after, and so on;
-- · month, paying: from the eve of each month, so that day 5 is the 5th;
-- · mid_term, repeating: the middle of a term of the step's first plan, held for the second time in a row at least, with
--   nothing bought beyond it; its second plan is offered. Not again within `every`;
-- · entered, free: from when the member was admitted, again and again with `every`, for who never paid, is not on a
--   trial, and was active in the two weeks before.
-- Reads the terms that run (terms_end) and the members whose turn for an offer is near (members_entered), never what lies
-- behind them: every look-up is lateral and fenced by OFFSET 0.
WITH begun AS (
    SELECT step, NULL::date AS month, make_interval(days => day) AS day, every
    FROM steps WHERE moment = 'coverage' AND who = 'paying'
    UNION ALL
    -- Only months whose day is near: on all others nobody is looked at.
    SELECT step, month::date, NULL, NULL
    FROM steps
    CROSS JOIN generate_series(
        date_trunc('month', %(as_of)s::timestamptz AT TIME ZONE 'UTC') - interval '1 month',
        date_trunc('month', %(as_of)s::timestamptz AT TIME ZONE 'UTC') + interval '1 month',
        interval '1 month'
    ) AS month
    WHERE moment = 'month' AND who = 'paying'
        AND month + make_interval(days => day - 1) - %(as_of)s::timestamptz AT TIME ZONE 'UTC'
            BETWEEN interval '-17 days' AND interval '1 day'
)
SELECT
    c.member_id,
    c.step,
    c.occurrence,
    c.due_at,
    c.due_at + c.expires_after AS expires_at,
    c.since_at,
    %(goals)s::text[] || CASE
        WHEN c.who = 'repeating' THEN ARRAY['purchase:' || c.offered]
        WHEN c.who = 'free' THEN ARRAY['purchase']
    END AS goals,
    NULL::text AS barred,
    CASE
        WHEN c.who = 'paying' THEN jsonb_build_object(
            'since_at', c.since_at,
            -- The highest hash has the member: whoever else comes or goes, only their own change hands.
            'consultant', (
                SELECT name FROM unnest(%(consultants)s::text[]) AS names (name)
                ORDER BY md5(name || ':' || c.member_id) DESC LIMIT 1
            )
        )
        ELSE jsonb_strip_nulls(jsonb_build_object('plan', c.offered, 'ends_at', c.ends_at))
    END AS context
FROM (
    SELECT
        r.*, s.name, s.who, s.expires_after, s.every, due.due_at,
        r.reason || CASE WHEN r.repeats THEN ':' || 1 + turn.number ELSE '' END AS occurrence
    FROM (
        SELECT
            p.member_id, b.step, p.zone,
            coalesce((b.month - 1)::timestamp AT TIME ZONE p.zone, p.since_at) AS moment_at,
            b.month IS NULL AS repeats,
            CASE
                WHEN b.month IS NULL THEN to_char(p.since_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
                ELSE to_char(b.month, 'YYYY-MM')
            END AS reason,
            p.since_at, p.since_at AS from_at, p.until_at, NULL::text AS offered, NULL::timestamptz AS ends_at
        FROM begun b
        JOIN (
            SELECT payer.member_id, coalesce(m.zone, %(zone)s) AS zone, spell.since_at, spell.until_at
            FROM (
                SELECT DISTINCT member_id FROM v_terms
                WHERE NOT trial AND revoked_at IS NULL AND starts_at <= %(as_of)s
                    AND (ends_at > %(as_of)s::timestamptz - interval '15 days' OR ends_at IS NULL)
                    AND member_id = ANY (%(members)s)
                    AND EXISTS (SELECT FROM begun)
            ) AS payer
            JOIN v_members m ON m.id = payer.member_id AND m.left_at IS NULL
            CROSS JOIN LATERAL (SELECT since_at, until_at FROM v_coverage WHERE member_id = payer.member_id OFFSET 0)
                AS spell
            OFFSET 0
        ) AS p ON b.month IS NOT NULL OR (
            -- The last turn is near; two days, for the local clock.
            p.since_at + b.day <= %(as_of)s::timestamptz + interval '2 days'
            AND mod(
                extract(epoch FROM %(as_of)s::timestamptz + interval '2 days' - p.since_at - b.day),
                coalesce(extract(epoch FROM b.every), 'infinity')
            ) < extract(epoch FROM interval '19 days')
        )

        UNION ALL

        SELECT
            t.member_id, s.step, coalesce(m.zone, %(zone)s), t.middle_at, false, t.id::text, t.starts_at, t.starts_at,
            t.ends_at, s.plans[2], t.ends_at
        FROM steps s
        CROSS JOIN LATERAL (
            SELECT t.*, t.starts_at + (t.ends_at - t.starts_at) / 2 AS middle_at FROM v_terms t
            WHERE t.plan = s.plans[1] AND NOT t.trial AND t.cancelled_at IS NULL AND t.revoked_at IS NULL
                AND t.starts_at <= %(as_of)s AND t.ends_at > %(as_of)s::timestamptz - interval '15 days'
                AND t.starts_at + (t.ends_at - t.starts_at) / 2 + coalesce(s.after, make_interval(days => s.day))
                    - %(as_of)s::timestamptz BETWEEN interval '-17 days' AND interval '2 days'
                AND t.member_id = ANY (%(members)s)
                AND EXISTS (
                    SELECT FROM v_terms before
                    WHERE before.member_id = t.member_id AND before.line = t.line AND before.plan = t.plan
                        AND NOT before.trial AND before.revoked_at IS NULL AND before.starts_at < t.starts_at
                        AND before.ends_at >= t.starts_at - interval '3 days'
                    OFFSET 0
                )
            OFFSET 0
        ) AS t
        JOIN v_members m ON m.id = t.member_id AND m.left_at IS NULL
        WHERE s.moment = 'mid_term' AND s.who = 'repeating'
            AND NOT EXISTS (
                SELECT FROM v_terms beyond
                WHERE beyond.member_id = t.member_id AND beyond.line = t.line AND beyond.revoked_at IS NULL
                    AND (beyond.ends_at > t.ends_at OR beyond.ends_at IS NULL)
                OFFSET 0
            )

        UNION ALL

        SELECT
            m.id, s.step, m.zone, m.entered_at, true, to_char(m.entered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
            m.entered_at, m.entered_at, lively.last_at + interval '14 days', s.plans[1], NULL
        FROM steps s
        -- When who is due now was admitted: one range a turn, back to the first member; never two of them for one member.
        CROSS JOIN LATERAL (
            SELECT
                %(as_of)s::timestamptz - make_interval(days => s.day) - number * coalesce(s.every, '0') AS at
            FROM generate_series(0, coalesce(
                ceil(extract(epoch FROM %(as_of)s::timestamptz - (
                    SELECT entered_at FROM v_members WHERE entered_at IS NOT NULL ORDER BY entered_at LIMIT 1
                )) / extract(epoch FROM s.every))::int,
                0
            )) AS number
        ) AS turn
        CROSS JOIN LATERAL (
            SELECT id, entered_at, coalesce(zone, %(zone)s) AS zone FROM v_members
            WHERE entered_at > greatest(turn.at - interval '17 days', turn.at + interval '2 days' - s.every)
                AND entered_at <= turn.at + interval '2 days'
                AND in_group AND id = ANY (%(members)s)
            OFFSET 0
        ) AS m
        CROSS JOIN LATERAL (
            SELECT max(last_at) AS last_at FROM v_milestones WHERE member_id = m.id AND kind = ANY (%(activity)s)
            OFFSET 0
        ) AS lively
        WHERE s.moment = 'entered' AND s.who = 'free'
            AND lively.last_at > %(as_of)s::timestamptz - interval '29 days'
            AND NOT EXISTS (
                SELECT FROM v_terms t
                WHERE t.member_id = m.id AND (
                    NOT t.trial OR (t.revoked_at IS NULL AND (t.ends_at > %(as_of)s OR t.ends_at IS NULL))
                )
                OFFSET 0
            )
    ) AS r
    JOIN steps s ON s.step = r.step
    -- By the clock on the member's wall; a step that names no time of day, to the second.
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN s.local_time IS NULL THEN 'UTC' ELSE r.zone END AS zone,
            CASE
                WHEN s.local_time IS NULL THEN r.moment_at AT TIME ZONE 'UTC' + coalesce(s.after, interval '0')
                ELSE (r.moment_at AT TIME ZONE r.zone)::date + s.day + s.local_time
            END AS first
        OFFSET 0
    ) AS wall
    -- The last of its turns that has come.
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN r.repeats AND s.every IS NOT NULL THEN floor(
                extract(epoch FROM %(as_of)s::timestamptz AT TIME ZONE wall.zone - wall.first)
                / extract(epoch FROM s.every)
            )::int ELSE 0 END AS number
        OFFSET 0
    ) AS turn
    CROSS JOIN LATERAL (
        SELECT (wall.first + turn.number * coalesce(s.every, interval '0')) AT TIME ZONE wall.zone AS due_at OFFSET 0
    ) AS due
    WHERE turn.number >= 0
) AS c
WHERE c.due_at <= %(as_of)s AND c.due_at > %(as_of)s::timestamptz - interval '15 days'
    AND c.due_at >= c.from_at AND (c.due_at < c.until_at) IS NOT FALSE
    -- Asked or offered not long ago for another reason. Two hours, for clocks that were changed meanwhile.
    AND NOT EXISTS (
        SELECT FROM v_messages o
        WHERE o.member_id = c.member_id AND o.stage = %(stage)s AND o.step = c.name AND o.occurrence <> c.occurrence
            AND o.wanted_at > c.due_at - c.every + interval '2 hours' AND o.wanted_at <= c.due_at
            AND o.state IN ('waiting', 'sending', 'sent', 'uncertain')
    )

-- name: absence
-- Who pays has their steps by the playbook's days; who does not, the offer if they are about.
SELECT
    CASE
        WHEN m.left_at IS NOT NULL THEN 'left'
        WHEN spell.running THEN 'pays'
        WHEN trial.starts_at IS NOT NULL THEN 'on_trial'
        WHEN spell.since_at IS NOT NULL THEN 'lapsed'
        WHEN m.entered_at IS NULL THEN 'not_entered'
        WHEN m.entered_at > %(as_of)s THEN 'entered_later'
        WHEN lively.last_at IS NULL OR lively.last_at <= %(as_of)s::timestamptz - interval '14 days' THEN 'not_engaged'
        ELSE 'free'
    END AS absence,
    CASE
        WHEN m.left_at IS NOT NULL THEN m.left_at
        WHEN spell.running THEN spell.since_at
        WHEN trial.starts_at IS NOT NULL THEN trial.starts_at
        WHEN spell.since_at IS NOT NULL THEN spell.until_at
        WHEN m.entered_at IS NULL OR m.entered_at > %(as_of)s THEN m.entered_at
        WHEN lively.last_at IS NULL OR lively.last_at <= %(as_of)s::timestamptz - interval '14 days' THEN lively.last_at
        ELSE m.entered_at
    END AS since_at
FROM v_members m
LEFT JOIN LATERAL (
    SELECT since_at, until_at, (until_at > %(as_of)s) IS NOT FALSE AS running FROM v_coverage
    WHERE member_id = m.id AND since_at <= %(as_of)s
    ORDER BY since_at DESC LIMIT 1
) AS spell ON true
LEFT JOIN LATERAL (
    SELECT starts_at FROM v_terms
    WHERE member_id = m.id AND trial AND revoked_at IS NULL AND starts_at <= %(as_of)s
        AND (ends_at > %(as_of)s OR ends_at IS NULL)
    ORDER BY starts_at DESC LIMIT 1
) AS trial ON true
LEFT JOIN LATERAL (
    SELECT max(last_at) AS last_at FROM v_milestones WHERE member_id = m.id AND kind = ANY (%(activity)s)
) AS lively ON true
WHERE m.id = %(member_id)s
