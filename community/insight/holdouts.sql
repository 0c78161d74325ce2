-- name: settings
-- All members at once, by hashing: where statistics are of before the tables were filled, nested loops would be quadratic.
SELECT set_config('enable_nestloop', 'off', true), set_config('work_mem', '128MB', true)

-- name: meant
-- Whom a stage meant to write to, by the moment that the step was due: messages that were planned, whatever became of
-- them; who was held out; and who was stopped by a gate that comes after the holdout, as nobody held out is asked by
-- those. Exempt steps are for everyone and count on neither side. No message goes before it was wanted, and no decision
-- is written more than so many days ahead.
SELECT member_id, stage, wanted_at AS at, false AS held, false AS held_everywhere
FROM v_messages
WHERE wanted_at >= %(since)s AND wanted_at < %(until)s AND due_at >= %(since)s
    AND member_id IS NOT NULL AND NOT exempt AND stage = ANY (%(stages)s::text[])
UNION ALL
SELECT
    member_id, stage, due_at, reason = 'holdout' AND (gates ->> 'stage_bucket')::int < (gates ->> 'stage_holdout')::int,
    reason = 'holdout' AND (gates ->> 'global_bucket')::int < (gates ->> 'global_holdout')::int
FROM v_decisions
WHERE at >= %(since)s::timestamptz - interval '40 days' AND due_at >= %(since)s AND due_at < %(until)s
    AND stage = ANY (%(stages)s::text[]) AND NOT (gates ->> 'exempt')::boolean
    AND reason IN (
        'holdout', 'collapsed', 'sold_out', 'left', 'stale', 'quiet_hours', 'frequency_cap', 'outranked', 'superseded'
    )

-- name: compared
-- Each member once for each stage, by their first moment from when somebody was held out first: before, there was nobody
-- to compare with. Who is held out of everything is in the comparison of all stages (stage '') alone: what other stages
-- did to those who were written to is none of a stage's effect. Whose time is not over is counted apart. Purchases, and
-- what the ledger booked for the member, are of that time.
WITH meant AS MATERIALIZED (
    {{meant}}
),
sides AS MATERIALIZED (
    SELECT stage, member_id, at, held FROM meant WHERE NOT held_everywhere
    UNION ALL
    SELECT '', member_id, at, held_everywhere FROM meant
),
firsts AS MATERIALIZED (
    SELECT DISTINCT ON (s.stage, s.member_id) s.stage, s.member_id, s.held, s.at
    FROM sides s
    JOIN (SELECT stage, min(at) AS at FROM sides WHERE held GROUP BY stage) AS held_from
        ON held_from.stage = s.stage AND s.at >= held_from.at
    ORDER BY s.stage, s.member_id, s.at, s.held
),
bought AS (
    SELECT DISTINCT f.stage, f.member_id
    FROM firsts f
    JOIN v_events e ON e.member_id = f.member_id AND e.kind = 'purchase' AND e.at >= f.at
        AND e.at < f.at + %(within)s::interval
    WHERE e.at >= %(since)s AND e.at < %(now)s
),
booked AS MATERIALIZED (
    SELECT p.member_id, l.happened_at AS at, -l.amount_minor AS minor, l.currency
    FROM v_ledger l
    JOIN v_payments p USING (provider, charge)
    WHERE l.happened_at >= %(since)s AND l.happened_at < %(now)s AND p.member_id IS NOT NULL
        AND (starts_with(l.account, 'revenue:') OR starts_with(l.account, 'refunds:'))
),
money AS (
    SELECT f.stage, f.held, b.currency, f.member_id, sum(b.minor) AS minor
    FROM firsts f
    JOIN booked b ON b.member_id = f.member_id AND b.at >= f.at AND b.at < f.at + %(within)s::interval
    WHERE f.at <= %(now)s::timestamptz - %(within)s::interval
    GROUP BY f.stage, f.held, b.currency, f.member_id
)
SELECT
    f.stage, f.held, NULL AS currency, count(*) FILTER (WHERE f.over) AS people,
    count(*) FILTER (WHERE f.over AND b.member_id IS NOT NULL) AS hits, count(*) FILTER (WHERE NOT f.over) AS waiting,
    NULL::float AS total, NULL::float AS squares
FROM (SELECT *, at <= %(now)s::timestamptz - %(within)s::interval AS over FROM firsts) AS f
LEFT JOIN bought b USING (stage, member_id)
GROUP BY f.stage, f.held
UNION ALL
SELECT stage, held, currency, NULL, NULL, NULL, sum(minor)::float, sum(minor::float * minor) FROM money
GROUP BY stage, held, currency
