-- name: open
SELECT * FROM experiments WHERE state IN ('running', 'proposed') ORDER BY started_at, key

-- name: all
SELECT * FROM experiments ORDER BY state IN ('applied', 'ended'), started_at DESC, key

-- name: find
SELECT * FROM experiments WHERE key = %(key)s

-- name: decided
SELECT winner FROM experiments WHERE key = %(key)s AND state IN ('applied', 'ended')

-- name: known
SELECT key, definition FROM experiments WHERE key = ANY (%(keys)s::text[])

-- name: first_planned
-- A message may have been planned before anybody looked. One range of messages_variant.
SELECT min(planned_at) AS at FROM v_messages WHERE variant = ANY (%(variants)s::text[]) AND variant IS NOT NULL

-- name: begin
INSERT INTO experiments (key, stage, step, definition, started_at)
VALUES (%(key)s, %(stage)s, %(step)s, %(definition)s, %(started_at)s)
ON CONFLICT DO NOTHING

-- name: held
-- An operator's word and a look do not cross.
SELECT * FROM experiments WHERE key = %(key)s FOR UPDATE

-- name: looked
UPDATE experiments
SET result = %(result)s, looked_at = %(at)s, state = %(state)s, winner = %(winner)s,
    decided_at = CASE WHEN %(state)s = 'ended' THEN %(at)s ELSE decided_at END,
    decided_by = CASE WHEN %(state)s = 'ended' THEN %(by)s ELSE decided_by END
WHERE key = %(key)s

-- name: decide
UPDATE experiments
SET state = %(state)s, winner = %(winner)s, decided_at = %(at)s, decided_by = %(by)s, note = %(note)s
WHERE key = %(key)s
RETURNING *

-- name: outcomes
-- The members who had a message of the experiment, each by their first, and what they did after it. One range of
-- messages_variant; then for each member their events of some hours by events_member.
-- Counted is who had all their time: from the end of the day (on the member's wall) for which the message was wanted, and
-- another for what quiet hours put off. So a variant that comes in the evening is never a day behind one in the morning.
WITH first AS (
    SELECT DISTINCT ON (m.member_id)
        m.id, m.member_id, split_part(m.variant, ':', 2) AS variant, m.sent_at,
        greatest(m.sent_at, day.over_at + interval '1 day') AS from_at
    FROM v_messages m
    JOIN v_members who ON who.id = m.member_id
    CROSS JOIN LATERAL (
        SELECT ((m.wanted_at AT TIME ZONE coalesce(who.zone, %(zone)s))::date + 1)::timestamp
            AT TIME ZONE coalesce(who.zone, %(zone)s) AS over_at
    ) AS day
    WHERE m.variant = ANY (%(variants)s::text[]) AND m.variant IS NOT NULL
        AND m.state = 'sent' AND m.sent_at <= %(at)s
    ORDER BY m.member_id, m.sent_at, m.id
),
told AS (
    SELECT
        f.variant,
        f.from_at + %(within)s::interval AS counted_at,
        f.from_at + interval '24 hours' <= %(at)s AS may_block,
        f.from_at + interval '7 days' <= %(at)s AS may_leave,
        did.hit, did.blocked, did.went
    FROM first f
    CROSS JOIN LATERAL (
        SELECT
            coalesce(bool_or(
                e.kind = ANY (%(kinds)s::text[]) AND e.at <= f.sent_at + %(within)s::interval
                AND (NOT %(of_message)s OR (e.data ->> 'message')::bigint = f.id)
            ), false) AS hit,
            coalesce(bool_or(
                e.kind IN ('blocked', 'opted_out') AND e.at <= f.sent_at + interval '24 hours'
            ), false) AS blocked,
            coalesce(bool_or(e.kind = 'left' AND e.at <= f.sent_at + interval '7 days'), false) AS went
        FROM v_events e
        WHERE e.member_id = f.member_id AND e.kind = ANY (%(kinds)s::text[] || '{blocked,opted_out,left}')
            AND e.at > f.sent_at AND e.at <= f.sent_at + greatest(%(within)s::interval, interval '7 days')
            AND e.at <= %(at)s
        OFFSET 0
    ) AS did
)
SELECT
    variant,
    count(*) AS reached,
    count(*) FILTER (WHERE counted_at <= %(at)s) AS people,
    count(*) FILTER (WHERE counted_at <= %(at)s AND hit) AS hits,
    count(*) FILTER (WHERE may_block) AS block_people,
    count(*) FILTER (WHERE may_block AND blocked) AS blocks,
    count(*) FILTER (WHERE may_leave) AS leave_people,
    count(*) FILTER (WHERE may_leave AND went) AS leaves,
    count(*) FILTER (WHERE counted_at <= %(at)s AND counted_at > %(at)s::timestamptz - interval '14 days') AS lately
FROM told
GROUP BY variant

-- name: outcomes_of_page
-- Visitors are browsers that were new, as a view keeps no trace of whose it was; of those of a week ago and before, and the
-- orders up to then that were paid within the week. Orders of who is no member yet count each.
WITH seen AS (
    SELECT
        data ->> 'variant' AS variant,
        count(*) AS reached,
        count(*) FILTER (WHERE at <= %(at)s::timestamptz - %(within)s::interval) AS people,
        count(*) FILTER (
            WHERE at <= %(at)s::timestamptz - %(within)s::interval
                AND at > %(at)s::timestamptz - %(within)s::interval - interval '14 days'
        ) AS lately
    FROM v_events
    WHERE kind = 'page_view' AND at >= %(since)s AND at <= %(at)s AND (data ->> 'new')::boolean
    GROUP BY 1
),
bought AS (
    SELECT variant, count(DISTINCT coalesce(member_id, -id)) AS hits FROM v_orders
    WHERE source = 'page' AND created_at >= %(since)s AND created_at <= %(at)s::timestamptz - %(within)s::interval
        AND paid_at <= created_at + %(within)s::interval
    GROUP BY variant
)
SELECT variant, reached, people, least(coalesce(hits, 0), people) AS hits, lately FROM seen LEFT JOIN bought USING (variant)
